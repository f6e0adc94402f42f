/** A store that closes goes on to the end, whatever fails, and tells the first failure. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Guard } from "../../src/storage/guard.ts";
import { journalStorage } from "../../src/storage/journal.ts";
import { levelStorage } from "../../src/storage/level.ts";
import { LogStore } from "../../src/storage/log-store.ts";
import { MemoryDisk, memoryStorage } from "../../src/storage/memory.ts";
import type { OrderedStore } from "../../src/storage/ordered-store.ts";
import { commands, identity, write } from "./support.ts";

interface Failures {
  readonly save?: string;
  readonly guard?: string;
  readonly store?: string;
}

test.each<[fails: Failures, first: string]>([
  [{ guard: "EIO of the guard" }, "EIO of the guard"],
  [{ store: "EIO of the store" }, "EIO of the store"],
  [{ guard: "EIO of the guard", store: "EIO of the store" }, "EIO of the guard"],
  [{ save: "EIO of a save", guard: "EIO of the guard" }, "EIO of a save"],
])("%j", async (fails, first) => {
  const disk = new MemoryDisk();
  const closed: string[] = [];
  const storage = failingStorage(disk, fails, closed);
  await storage.open(identity);
  await storage.write(write(1, { entries: commands(1, 1) }));

  const error: unknown = await storage.close().catch((reason: unknown) => reason);

  expect(closed).toEqual(["guard", "store"]);
  expect(error).toMatchObject({
    code: "RAFT_STORAGE_FAILED",
    message: expect.stringContaining(first),
  });
  // The disk is free again.
  const next = memoryStorage(disk);
  await next.open(identity);
  await next.close();
});

test.each([
  { kind: "level", make: levelStorage },
  { kind: "journal", make: journalStorage },
])(
  "a close in the middle of an opening waits for it, and lets go of all: $kind",
  async ({ make }) => {
    const folder = await mkdtemp(join(tmpdir(), "quorate-close-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const storage = make(folder);
    const opening = storage.open(identity);
    const closing = storage.close();

    await expect(opening).rejects.toMatchObject({ code: "RAFT_STOPPED" });
    await closing;
    const next = make(folder);
    await next.open(identity);
    await next.close();
  },
);

test("a storage that has been closed is not opened any more, and its disk is free", async () => {
  const disk = new MemoryDisk();
  const storage = memoryStorage(disk);
  await storage.close();

  await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_INVALID_OPTION" });
  const next = memoryStorage(disk);
  await next.open(identity);
  await next.close();
});

/** Whose closing fails, after it is done, and so does its last save. */
function failingStorage(disk: MemoryDisk, fails: Failures, closed: string[]): LogStore {
  const guard = disk.guard();
  const store = disk.orderedStore();
  const close = async (what: "guard" | "store", inner: Guard | OrderedStore): Promise<void> => {
    await inner.close();
    closed.push(what);
    if (fails[what] !== undefined) throw new Error(fails[what]);
  };
  let saves = 0;
  return new LogStore(
    {
      open: () => store.open(),
      get: (key) => store.get(key),
      range: (range) => store.range(range),
      keys: (range) => store.keys(range),
      batch: (operations, options) => store.batch(operations, options),
      close: () => close("store", store),
    },
    {
      load: () => guard.load(),
      save: async (record) => {
        saves += 1;
        // The first two are those of the opening.
        if (fails.save !== undefined && saves > 2) throw new Error(fails.save);
        await guard.save(record);
      },
      close: () => close("guard", guard),
    },
  );
}
