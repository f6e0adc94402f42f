/** What is particular to a journal on a real file system: locks, killed processes, damaged files, how much room it takes. */

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { FileFolder } from "../../src/storage/journal/files.ts";
import { HEADER_BYTES } from "../../src/storage/journal/format.ts";
import { JournalStore } from "../../src/storage/journal/store.ts";
import { journalStorage } from "../../src/storage/journal.ts";
import { levelStorage } from "../../src/storage/level.ts";
import type { StoreOperation } from "../../src/storage/ordered-store.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { Rng } from "../../sim/random.ts";
import { commands, hard, identity, write } from "./support.ts";

const SEGMENT_BYTES = 64 * 1024;

let folder: string;
let opened: { close(): Promise<void> }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quorate-journal-"));
  opened = [];
});

afterEach(async () => {
  for (const each of opened) await each.close();
  await rm(folder, { recursive: true });
});

function create(path = folder): Storage {
  const storage = journalStorage(path, { segmentBytes: SEGMENT_BYTES });
  opened.push(storage);
  return storage;
}

async function openStore(path = folder, segmentBytes = SEGMENT_BYTES): Promise<JournalStore> {
  const store = new JournalStore(new FileFolder(path), { segmentBytes, random: () => 0.5 });
  opened.push(store);
  await store.open();
  return store;
}

function put(key: string, value: Uint8Array): StoreOperation {
  return { type: "put", key, value };
}

async function segmentsIn(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith("segment-")).toSorted();
}

async function bytesIn(path: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(path)) {
    // It may get another name meanwhile.
    const found = await stat(join(path, name)).catch(() => undefined);
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}

test.each([0, 65_535, 2 ** 30 + 1, 65_536.5, NaN, "16 MiB"])(
  "files of %s bytes are refused",
  (segmentBytes) => {
    expect(() => journalStorage(folder, { segmentBytes: segmentBytes as number })).toThrow(
      expect.objectContaining({
        code: "RAFT_INVALID_OPTION",
        message: expect.stringContaining(String(segmentBytes)),
      }),
    );
  },
);

test.each(["", 7, undefined])("a folder %j is refused", (path) => {
  expect(() => journalStorage(path as string)).toThrow(
    expect.objectContaining({ code: "RAFT_INVALID_OPTION" }),
  );
});

test.each([
  [null, "the options must be an object"],
  [{ segmentsBytes: 65_536 }, "segmentsBytes is not an option"],
  [{ inlineWrites: "no" }, "inlineWrites must be true or false"],
])("options %j are refused", (options, message) => {
  expect(() => journalStorage(folder, options as object)).toThrow(
    expect.objectContaining({
      code: "RAFT_INVALID_OPTION",
      message: expect.stringContaining(message),
    }),
  );
});

/** Whether a write of a new file is over before anything else gets a turn. */
async function isDoneAtOnce(bytes: number, inlineWrites: boolean): Promise<boolean> {
  const files = new FileFolder(folder, { inlineWrites });
  opened.push(files);
  await files.open();
  await files.create("some", SEGMENT_BYTES);
  const file = await files.openFile("some");
  opened.unshift(file);
  let isDone = false;
  const written = file.write(Buffer.alloc(bytes, 7), 0).then(() => (isDone = true));
  for (let step = 0; step < 20; step += 1) await Promise.resolve();
  const atOnce = isDone;
  await written;
  expect(await file.read(0, bytes)).toEqual(Buffer.alloc(bytes, 7));
  return atOnce;
}

describe.runIf(process.platform === "linux")("small writes", () => {
  test("are done at once", async () => {
    expect(await isDoneAtOnce(1024, true)).toBe(true);
  });

  test("are another thread's where that is asked for", async () => {
    expect(await isDoneAtOnce(1024, false)).toBe(false);
  });

  test("larger ones are another thread's", async () => {
    expect(await isDoneAtOnce(1025, true)).toBe(false);
  });

  test("that fail are a failure of the storage", async () => {
    const files = new FileFolder(folder);
    opened.push(files);
    await files.open();
    await files.create("some", SEGMENT_BYTES);
    const file = await files.openFile("some");
    await file.close();
    await expect(file.write(Buffer.of(1), 0)).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
      message: expect.stringContaining("some"),
    });
  });
});

describe("the lock", () => {
  test("a second handle is refused with a text that names the folder", async () => {
    await create().open(identity);
    await expect(create().open(identity)).rejects.toMatchObject({
      code: "RAFT_LOCKED",
      message: expect.stringContaining(folder),
    });
  });

  test("a second handle is refused by whatever name the folder is called", async () => {
    await create().open(identity);
    const link = `${folder}-link`;
    await symlink(folder, link);
    onTestFinished(() => rm(link));
    for (const name of [relative(".", folder), link]) {
      await expect(create(name).open(identity)).rejects.toMatchObject({ code: "RAFT_LOCKED" });
    }
  });

  test("a second process is refused, and gets in once the first is gone", async () => {
    const module = new URL("../../dist/src/storage/journal/files.js", import.meta.url).href;
    const child = spawn(process.execPath, [
      "--input-type=module",
      "-e",
      `import { FileFolder } from ${JSON.stringify(module)};
       await new FileFolder(process.argv[1]).open();
       console.log("open");
       setInterval(() => undefined, 1000);`,
      join(folder, "journal"),
    ]);
    await once(child.stdout, "data");
    await expect(create().open(identity)).rejects.toMatchObject({ code: "RAFT_LOCKED" });
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    await expect(create().open(identity)).resolves.toMatchObject({ storeId: "store-1" });
  });

  test("a file that cannot be closed keeps neither the lock nor the other files", async () => {
    const files = new FileFolder(folder);
    const openFile = files.openFile.bind(files);
    let open = 0;
    files.openFile = async (name) => {
      const file = await openFile(name);
      open += 1;
      return {
        size: file.size,
        write: (bytes, position) => file.write(bytes, position),
        read: (position, length) => file.read(position, length),
        async close() {
          await file.close();
          open -= 1;
          throw new Error("EIO: i/o error, close");
        },
      };
    };
    const store = new JournalStore(files, { segmentBytes: SEGMENT_BYTES, random: () => 0.5 });
    await store.open();
    await store.batch([put("a", Buffer.of(1))]);
    await expect(store.close()).rejects.toThrow("EIO");
    expect(open).toBe(0);
    expect(await (await openStore()).get("a")).toEqual(Buffer.of(1));
  });

  test("a file where the folder should be is a failure of the storage, with its cause", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(create(join(folder, "file", "data")).open(identity)).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
      message: expect.stringContaining("ENOTDIR"),
    });
  });
});

test.each([
  ["a journal", journalStorage, levelStorage],
  ["level", levelStorage, journalStorage],
])("what was begun on %s is not begun anew on the other kind", async (_, first, second) => {
  const storage = first(folder);
  await storage.open(identity);
  await storage.write(write(1, { hardState: hard(1, "a"), entries: commands(1, 3) }));
  await storage.close();
  const other = second(folder);
  opened.push(other);
  await expect(other.open(identity)).rejects.toMatchObject({
    code: "RAFT_CORRUPT",
    message: expect.stringContaining("another kind of storage"),
  });
});

describe("room", () => {
  test("a batch that does not fit into a file gets one of its own, and is found again", async () => {
    const store = await openStore();
    const large = Buffer.alloc(3 * SEGMENT_BYTES, 7);
    await store.batch([put("a", Buffer.of(1))]);
    await store.batch([put("b", large), put("c", Buffer.of(2))]);
    await store.batch([put("d", Buffer.of(3))]);
    await store.close();
    const again = await openStore();
    expect(await again.get("b")).toEqual(large);
    expect(await again.keys({ gte: "a", lt: "z", limit: 9 })).toEqual(["a", "b", "c", "d"]);
  });

  test("batches of any size, in any order, are found again", async () => {
    const sizes = [10, 20_000, 5, 300_000, 16_300, 1_000_000, 3_000_000, 1, 2_000_000];
    const store = await openStore();
    for (const [at, size] of sizes.entries())
      await store.batch([put(`key ${at}`, Buffer.alloc(size, at + 1))]);
    await store.close();
    const again = await openStore();
    for (const [at, size] of sizes.entries()) {
      const found = await again.get(`key ${at}`);
      expect(Buffer.alloc(size, at + 1).equals(found ?? Buffer.alloc(0)), `key ${at}`).toBe(true);
    }
  });

  test("files of another size than before are read and replaced", async () => {
    let store = await openStore();
    const value = Buffer.alloc(10_000, 1);
    for (let n = 0; n < 30; n += 1) await store.batch([put(`key ${n % 3}`, value)]);
    await store.close();
    store = await openStore(folder, 2 * SEGMENT_BYTES);
    for (let n = 0; n < 60; n += 1) await store.batch([put(`key ${n % 3}`, value)]);
    await store.close();
    for (const name of await segmentsIn(folder)) {
      expect((await stat(join(folder, name))).size).toBe(2 * SEGMENT_BYTES);
    }
    store = await openStore(folder, 2 * SEGMENT_BYTES);
    expect(await store.keys({ gte: "", lt: "z", limit: 9 })).toEqual(["key 0", "key 1", "key 2"]);
    expect(await store.get("key 1")).toEqual(value);
  });

  test("overwriting takes no more of it, and moves what stays", async () => {
    const store = await openStore();
    const staying = Buffer.alloc(20_000, 9);
    await store.batch([put("staying", staying)]);
    let most = 0;
    for (let n = 0; n < 600; n += 1) {
      await store.batch([put(`changing ${n % 10}`, Buffer.alloc(5000, n % 251))]);
      most = Math.max(most, await bytesIn(folder));
    }
    // Twice the 70 KB in use, two files more, the one that is ready and the one that is spare.
    expect(most).toBeLessThan(2 * 70_500 + 5 * SEGMENT_BYTES);
    expect(await segmentsIn(folder)).not.toContain("segment-00000000000001");
    expect(await store.get("staying")).toEqual(staying);
    await store.close();
    const again = await openStore();
    expect(await again.get("staying")).toEqual(staying);
    for (let n = 590; n < 600; n += 1) {
      expect(await again.get(`changing ${n % 10}`)).toEqual(Buffer.alloc(5000, n % 251));
    }
  });

  test.each([100, 10_000])(
    "what is moved, records of %i bytes, is read at once and adds little to a batch",
    async (bytes) => {
      const files = new FileFolder(folder);
      const openFile = files.openFile.bind(files);
      let most = 0;
      let reads = 0;
      files.openFile = async (name) => {
        const file = await openFile(name);
        return {
          size: file.size,
          write(written, position) {
            most = Math.max(most, written.length);
            return file.write(written, position);
          },
          read(position, length) {
            reads += 1;
            return file.read(position, length);
          },
          close: () => file.close(),
        };
      };
      const segmentBytes = 8 * SEGMENT_BYTES;
      const store = new JournalStore(files, { segmentBytes, random: () => 0.5 });
      opened.push(store);
      await store.open();
      const staying = Array.from({ length: Math.floor((6 * SEGMENT_BYTES) / bytes) }, (_, n) =>
        put(`staying/${String(n).padStart(5, "0")}`, Buffer.alloc(bytes, n)),
      );
      await store.batch(staying);
      most = 0;
      let batches = 0;
      while ((await segmentsIn(folder)).includes("segment-00000000000001")) {
        await store.batch([put(`changing ${batches % 10}`, Buffer.alloc(30_000, batches))]);
        batches += 1;
      }
      // 64 KiB beside what the batch is for.
      expect(most).toBeLessThan(65_536 + 31_000);
      expect(reads).toBeLessThan(batches);
      const found = await store.range({ gte: "staying/", lt: "staying0", limit: 10_000 });
      expect(found.map(({ key, value }) => put(key, value))).toEqual(staying);
    },
  );

  test("a full disk is a failure of the storage, and what was acknowledged is found again", async () => {
    const store = await openStore();
    await store.batch([put("a", Buffer.of(1))]);
    await store.close();
    // Stands for a disk without room for another file.
    const full = new FileFolder(folder);
    full.create = async () => {
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    };
    const storeOnFull = new JournalStore(full, { segmentBytes: SEGMENT_BYTES, random: () => 0 });
    opened.push(storeOnFull);
    await storeOnFull.open();
    let acknowledged = 0;
    const overwrite = async (): Promise<void> => {
      for (;;) {
        await storeOnFull.batch([put("n", Buffer.alloc(10_000, acknowledged + 1))]);
        acknowledged += 1;
      }
    };
    await expect(overwrite()).rejects.toThrow("ENOSPC");
    await storeOnFull.close();
    const again = await openStore();
    expect(await again.get("n")).toEqual(Buffer.alloc(10_000, acknowledged));
  });
});

/** `SEED=... npx vitest run test/storage/journal.test` repeats sizes and counts, if not the schedule of the machine. */
const seed = Number(process.env["SEED"] ?? randomInt(1_000_000));
const ROUNDS = 10;
const PARTS = 3;
const MODULES = new URL("../../dist/src/storage/journal/", import.meta.url).href;

/** Writes numbered batches for ever; each has its parts, and takes away those of the one five before it. */
const WRITER = `
  import { writeSync } from "node:fs";
  const { FileFolder } = await import(${JSON.stringify(MODULES)} + "files.js");
  const { JournalStore } = await import(${JSON.stringify(MODULES)} + "store.js");
  const [path, first, bytes] = process.argv.slice(1);
  const settings = { segmentBytes: ${SEGMENT_BYTES}, random: () => 0.5 };
  const store = new JournalStore(new FileFolder(path), settings);
  await store.open();
  for (let n = Number(first); ; n += 1) {
    const operations = [];
    for (let part = 0; part < ${PARTS}; part += 1) {
      const key = (number) => "part/" + number + "/" + part;
      operations.push({ type: "put", key: key(n), value: Buffer.alloc(Number(bytes), n % 251) });
      operations.push({ type: "del", key: key(n - 5) });
    }
    operations.push({ type: "put", key: "last", value: Buffer.from(String(n)) });
    await store.batch(operations);
    writeSync(1, n + "\\n");
  }`;

async function writeAndKill(first: number, count: number, bytes: number): Promise<number> {
  const args = ["--input-type=module", "-e", WRITER, folder, `${first}`, `${bytes}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  let last = first - 1;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last - first >= count) child.kill("SIGKILL");
  }
  expect((await exit)[1]).toBe("SIGKILL");
  return last;
}

test(`SIGKILL leaves a prefix of the batches, each whole, with all that was acknowledged (seed ${seed})`, async () => {
  const rng = new Rng(seed, "journal kills");
  const sizes = new Map<number, number>();
  let last = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = rng.pick([10, 1000, 30_000]);
    const acknowledged = await writeAndKill(last + 1, rng.between(5, 150), bytes);
    const store = await openStore();
    const found = Number(Buffer.from((await store.get("last")) ?? []).toString());
    expect([acknowledged, acknowledged + 1]).toContain(found);
    for (let n = last + 1; n <= found; n += 1) sizes.set(n, bytes);
    last = found;
    const kept = [0, 1, 2, 3, 4].map((back) => last - back).filter((n) => n > 0);
    const keys = kept.flatMap((n) =>
      Array.from({ length: PARTS }, (_, part) => `part/${n}/${part}`),
    );
    const records = await store.range({ gte: "part/", lt: "part0", limit: 100 });
    expect(records.map(({ key }) => key)).toEqual(keys.toSorted());
    for (const { key, value } of records) {
      const n = Number(key.split("/")[1]);
      expect(Buffer.compare(value, Buffer.alloc(sizes.get(n) ?? 0, n % 251)), key).toBe(0);
    }
    await store.close();
  }
}, 120_000);

/** A copy of forty writes of 4 KiB in term 1, taken when nobody makes or renames a file any more. */
async function life(): Promise<string> {
  const storage = create();
  await storage.open(identity);
  await storage.write(write(1, { hardState: hard(1, "a") }));
  for (let n = 2; n <= 40; n += 1) {
    await storage.write(write(n, { entries: commands(n - 1, n - 1, 1, "x".repeat(4096)) }));
  }
  await storage.close();
  const copy = join(folder, "copy");
  await cp(join(folder, "journal"), join(copy, "journal"), { recursive: true });
  await cp(join(folder, "guard"), join(copy, "guard"));
  return copy;
}

async function flipBit(path: string, position: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

describe("a flipped bit in the journal", () => {
  test("nothing is wrong with the copy as such", async () => {
    const { state } = await create(await life()).open(identity);
    expect([state.lastIndex, state.hardState]).toEqual([39, hard(1, "a")]);
  });

  test.each([
    ["in a header", 0, 20],
    ["in the first batch of all", 0, HEADER_BYTES + 20],
    ["in the middle", 0, HEADER_BYTES + 30_000],
    ["in the length of a batch", 1, HEADER_BYTES + 4],
    ["in the first batch of the last segment", 2, HEADER_BYTES + 20],
  ])("rule 71: %s: refused", async (_, segment, position) => {
    const copy = await life();
    const names = await segmentsIn(join(copy, "journal"));
    await flipBit(join(copy, "journal", names[segment] ?? ""), position);
    await expect(create(copy).open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
  });
});
