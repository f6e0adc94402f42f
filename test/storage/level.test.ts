/** What is particular to a folder on a real file system: locks, damaged files, full disks, speed. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { FileGuard } from "../../src/storage/file-guard.ts";
import { LevelOrderedStore, levelStorage } from "../../src/storage/level.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { commands, hard, identity, snapshotAt, write } from "./support.ts";

let folder: string;
let opened: Storage[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quorate-level-"));
  opened = [];
});

afterEach(async () => {
  for (const storage of opened) await storage.close();
  await rm(folder, { recursive: true });
});

function create(path = folder): Storage {
  const storage = levelStorage(path);
  opened.push(storage);
  return storage;
}

async function openNew(path = folder): Promise<Storage> {
  const storage = create(path);
  await storage.open(identity);
  return storage;
}

test.each([0, 65_535, 2 ** 30 + 1, 65_536.5, NaN, "64 MiB"])(
  "a write buffer of %s bytes is refused",
  (writeBufferBytes) => {
    expect(() => levelStorage(folder, { writeBufferBytes: writeBufferBytes as number })).toThrow(
      expect.objectContaining({
        code: "RAFT_INVALID_OPTION",
        message: expect.stringContaining(String(writeBufferBytes)),
      }),
    );
  },
);

test("what does not fit into the write buffer is found again", async () => {
  const first = levelStorage(folder, { writeBufferBytes: 65_536 });
  await first.open(identity);
  const data = Buffer.alloc(60_000, 7);
  for (let chunk = 0; chunk < 10; chunk += 1) await first.stageChunk("large", chunk, data);
  expect(await first.readChunk("large", 3)).toEqual(data);
  await first.close();
  await openNew();
});

describe("the lock", () => {
  test("a second handle is refused with a text that names the folder", async () => {
    await openNew();
    await expect(create().open(identity)).rejects.toMatchObject({
      code: "RAFT_LOCKED",
      message: expect.stringContaining(folder),
    });
  });

  test("a second handle is refused by whatever name the folder is called", async () => {
    await openNew();
    const link = `${folder}-link`;
    await symlink(folder, link);
    onTestFinished(() => rm(link));
    for (const name of [relative(".", folder), link]) {
      await expect(create(name).open(identity)).rejects.toMatchObject({ code: "RAFT_LOCKED" });
    }
  });

  test("a second process is refused, and gets in once the first is gone", async () => {
    const child = spawn(process.execPath, [
      "-e",
      `const { Level } = require("level");
       new Level(process.argv[1]).open().then(() => console.log("open"));
       setInterval(() => undefined, 1000);`,
      join(folder, "level"),
    ]);
    await once(child.stdout, "data");
    await expect(create().open(identity)).rejects.toMatchObject({ code: "RAFT_LOCKED" });
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    // Whoever that was, it was no storage: what it left is empty.
    await expect(create().open(identity)).resolves.toMatchObject({ storeId: "store-1" });
  });

  test.skipIf(process.platform !== "linux")(
    "a folder that cannot be made is a failure of the storage, and is not tried for ever",
    async () => {
      await expect(create("/proc/quorate/data").open(identity)).rejects.toMatchObject({
        code: "RAFT_STORAGE_FAILED",
        message: expect.stringContaining("/proc/quorate"),
      });
    },
  );

  test("a file where the folder should be is a failure of the storage, with its cause", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(create(join(folder, "file", "data")).open(identity)).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
      message: expect.stringContaining("ENOTDIR"),
    });
  });
});

/** The journal of the database: the newest of its `.log` files. */
async function journalOf(path: string): Promise<string> {
  const files = await readdir(join(path, "level"));
  const newest = files
    .filter((name) => name.endsWith(".log"))
    .toSorted((a, b) => a.localeCompare(b));
  return join(path, "level", newest.at(-1) ?? "");
}

async function flipBit(path: string, position: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

/** Forty writes of 4 KiB in term 1, and a vote in term 2 by the last, all acknowledged. */
async function life(lastVote: boolean): Promise<string> {
  const storage = await openNew();
  const payload = "x".repeat(4_096);
  await storage.write(write(1, { hardState: hard(1, "a") }));
  for (let n = 2; n <= 40; n += 1) {
    await storage.write(write(n, { entries: commands(n - 1, n - 1, 1, payload) }));
  }
  if (lastVote) await storage.write(write(41, { hardState: hard(2, "b") }));
  // A killed process does not close; a copy of the folder as it stands is what it leaves.
  const copy = join(folder, "copy");
  await mkdir(join(copy, "level"), { recursive: true });
  for (const name of await readdir(join(folder, "level"))) {
    if (name === "LOCK") continue;
    await writeFile(join(copy, "level", name), await readFile(join(folder, "level", name)));
  }
  await writeFile(join(copy, "guard"), await readFile(join(folder, "guard")));
  return copy;
}

describe("a flipped bit in the journal", () => {
  test("nothing is wrong with the copy as such", async () => {
    const copy = await life(true);
    const { state } = await create(copy).open(identity);
    expect([state.lastIndex, state.hardState]).toEqual([39, hard(2, "b")]);
  });

  test.each([0.2, 0.5, 0.7])(
    "rule 71: in the middle (%d): batches vanish, level opens, we refuse",
    async (place) => {
      const copy = await life(true);
      const journal = await journalOf(copy);
      const { size } = await stat(journal);
      await flipBit(journal, Math.floor(size * place));
      await expect(create(copy).open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
    },
  );

  test("rule 71: in the batch that held the last vote: the guard remembers, we refuse", async () => {
    const copy = await life(true);
    const journal = await journalOf(copy);
    const { size } = await stat(journal);
    await flipBit(journal, size - 40);
    await expect(create(copy).open(identity)).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
      message: expect.stringContaining("lost"),
    });
  });

  // An acknowledged entry at the very end, above the guard's watermark, looks like a write that a crash has torn:
  // the checksum is wrong in either case. Only a second copy of every entry could tell the two apart, or the others of
  // the group, which still have it. This is the limit of what the storage promises.
  test("rule 71: in a last batch of entries alone: not told from a torn write, and cut", async () => {
    const copy = await life(false);
    const journal = await journalOf(copy);
    const { size } = await stat(journal);
    await flipBit(journal, size - 40);
    const { state } = await create(copy).open(identity);
    expect([state.lastIndex, state.hardState]).toEqual([38, hard(1, "a")]);
  });

  test("rule 71: after a clean close it is noticed there too", async () => {
    const storage = await openNew();
    for (let n = 1; n <= 5; n += 1) await storage.write(write(n, { entries: commands(n, n) }));
    await storage.close();
    const journal = await journalOf(folder);
    const { size } = await stat(journal);
    await flipBit(journal, size - 40);
    await expect(create().open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
  });

  test("a torn tail is cut: the write was never acknowledged", async () => {
    const copy = await life(false);
    const journal = await journalOf(copy);
    const file = await open(journal, "r+");
    const { size } = await file.stat();
    await file.truncate(size - 40);
    await file.close();
    const { state } = await create(copy).open(identity);
    expect(state.lastIndex).toBe(38);
  });
});

async function load(path: string): Promise<unknown> {
  const guard = new FileGuard(path);
  try {
    return await guard.load();
  } finally {
    await guard.close();
  }
}

describe("the guard file", () => {
  const first = { watermark: 1, currentTerm: 1, votedFor: "a" };
  const second = { watermark: 2, currentTerm: 2, votedFor: undefined };

  async function saved(): Promise<string> {
    const path = join(folder, "guard");
    const guard = new FileGuard(path);
    expect(await guard.load()).toBeUndefined();
    await guard.save(first);
    await guard.save(second);
    await guard.close();
    return path;
  }

  test("the last record saved is found", async () => {
    expect(await load(await saved())).toEqual(second);
  });

  test("rule 71: a torn save costs that record, never the one before", async () => {
    const path = await saved();
    for (let term = 3; term < 7; term += 1) {
      const guard = new FileGuard(path);
      await guard.load();
      await guard.save({ ...first, currentTerm: term });
      await guard.close();
      const position = (term % 2) * 4096 + 10;
      await flipBit(path, position);
      expect(await load(path)).toEqual(term === 3 ? second : { ...first, currentTerm: term - 1 });
      await flipBit(path, position);
    }
  });

  test("records go on alternating after a reopen", async () => {
    const path = await saved();
    for (let term = 3; term < 9; term += 1) {
      const guard = new FileGuard(path);
      await guard.load();
      await guard.save({ ...first, currentTerm: term });
      await guard.close();
      expect(await load(path)).toEqual({ ...first, currentTerm: term });
    }
    expect((await stat(path)).size).toBe(8192);
  });

  test("rule 71: one damaged slot is a torn save, the other holds", async () => {
    for (const [position, record] of [
      [10, first],
      [4096 + 10, second],
    ] as const) {
      const path = await saved();
      await flipBit(path, position);
      expect([first, second]).toContainEqual(await load(path));
      expect(await load(path)).toEqual(record);
      await rm(path);
    }
  });

  test("rule 71: two damaged slots are corruption", async () => {
    const path = await saved();
    await flipBit(path, 10);
    await flipBit(path, 4096 + 10);
    await expect(load(path)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
  });

  test("rule 71: an empty or cut off file is corruption, and so is none beside data", async () => {
    const storage = await openNew();
    await storage.close();
    const path = join(folder, "guard");
    for (const length of [0, 100]) {
      await writeFile(path, Buffer.alloc(length));
      await expect(create().open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
    }
    await rm(path);
    await expect(create().open(identity)).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
      message: expect.stringContaining("guard"),
    });
  });

  test("rule 52: what a crash left of its creation is no hindrance", async () => {
    await writeFile(join(folder, "guard.new"), "half");
    await openNew();
    expect(await readdir(folder)).not.toContain("guard.new");
  });
});

test("rule 43: a database that was removed from beside its guard is noticed", async () => {
  const storage = await openNew();
  await storage.close();
  await rm(join(folder, "level"), { recursive: true });
  await expect(create().open(identity)).rejects.toMatchObject({
    code: "RAFT_CORRUPT",
    message: expect.stringContaining("empty"),
  });
});

describe("a full disk", () => {
  let mounted: string | undefined;

  beforeEach(async () => {
    const path = join(folder, "small");
    await mkdir(path);
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "none", path]);
    mounted = status === 0 ? path : undefined;
  });

  afterEach(() => {
    if (mounted !== undefined) spawnSync("umount", [mounted]);
  });

  test("rules 3, 72: the write fails with its cause, and all that was acknowledged is found", async (context) => {
    context.skip(mounted === undefined, "a small file system cannot be mounted here");
    const path = join(mounted ?? "", "data");
    const storage = await openNew(path);
    const payload = "x".repeat(100_000);
    let acknowledged = 0;
    async function writeUntilFull(): Promise<unknown> {
      for (let n = 1; n < 500; n += 1) {
        try {
          await storage.write(write(n, { entries: commands(n, n, 1, payload) }));
        } catch (error) {
          return error;
        }
        acknowledged = n;
      }
      return undefined;
    }
    const failure = await writeUntilFull();
    expect(failure).toMatchObject({
      code: "RAFT_STORAGE_FAILED",
      message: expect.stringContaining("No space left on device"),
    });
    const next = acknowledged + 2;
    await expect(storage.write(write(next, {}))).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
    });
    await storage.close();

    spawnSync("mount", ["-o", "remount,size=60m", mounted ?? ""]);
    const again = create(path);
    const { state } = await again.open(identity);
    expect(state.lastIndex).toBeGreaterThanOrEqual(acknowledged);
    const [last] = await again.readEntries({ from: acknowledged, to: acknowledged, maxBytes: 1 });
    expect(last?.index).toBe(acknowledged);
    await again.close();
  });
});

test("a log of a million entries opens without being read", async () => {
  const storage = await openNew();
  let writing = Promise.resolve();
  for (let n = 0; n < 200; n += 1) {
    const entries = commands(n * 5_000 + 1, n * 5_000 + 5_000, n + 1, "payload");
    writing = storage.write(write(n + 1, { entries }));
    if (n % 4 === 0) await writing;
  }
  await writing;
  await storage.close();

  const begin = performance.now();
  const { state } = await create().open(identity);
  const tookMs = performance.now() - begin;
  expect(state.lastIndex).toBe(1_000_000);
  expect(state.runs).toHaveLength(200);
  expect(tookMs).toBeLessThan(3_000);
});

test("compacted records leave the database between writes", async () => {
  const storage = await openNew();
  const payload = "x".repeat(50_000);
  for (let n = 1; n <= 200; n += 1) {
    await storage.write(write(n, { entries: commands(n, n, 1, payload) }));
  }
  await storage.stageChunk("s", 0, Buffer.from("x"));
  await storage.write(
    write(201, { snapshot: snapshotAt(199, 1, "s"), compactTo: { term: 1, index: 199 } }),
  );
  // A few keys go after each write: far fewer writes than there were records are enough.
  for (let n = 202; n <= 221; n += 1) {
    await storage.write(write(n, { hardState: hard(n) }));
  }
  await storage.close();

  const store = new LevelOrderedStore(join(folder, "level"));
  await store.open();
  const keys = await store.keys({ gte: "00000000/log/", lt: "00000000/log0", limit: 1_000 });
  await store.close();
  expect(keys).toEqual(["00000000/log/000000000000c8"]);
});
