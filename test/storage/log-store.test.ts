import { beforeEach, describe, expect, test } from "vitest";
import type { SnapshotMeta, Write } from "../../src/core/types.ts";
import type { RaftError } from "../../src/errors.ts";
import type { Guard } from "../../src/storage/guard.ts";
import { LogStore } from "../../src/storage/log-store.ts";
import { MemoryDisk, memoryStorage } from "../../src/storage/memory.ts";
import type { OrderedStore } from "../../src/storage/ordered-store.ts";
import type { OpenedStorage, Storage } from "../../src/storage/storage.ts";
import { FaultyOrderedStore } from "../../src/testing/faulty-store.ts";
import { command, commands, configuration, hard, identity, snapshotAt, write } from "./support.ts";

const EVERYTHING = { gte: "", lt: "\uffff", limit: 100_000 };

let disk: MemoryDisk;
let store: FaultyOrderedStore;
let storage: Storage;

beforeEach(async () => {
  disk = new MemoryDisk();
  renew();
  await storage.open(identity);
});

function renew(): void {
  store = new FaultyOrderedStore(disk.orderedStore());
  storage = new LogStore(store, disk.guard());
}

async function reopen(): Promise<OpenedStorage> {
  await storage.close();
  renew();
  return await storage.open(identity);
}

async function reopenAfterCrash(keep = 0): Promise<OpenedStorage> {
  disk.crash(keep);
  renew();
  return await storage.open(identity);
}

/** Opens the raw records of a storage that is closed. */
async function tamper(change: (store: OrderedStore) => Promise<void>): Promise<void> {
  await storage.close();
  const raw = disk.orderedStore();
  await raw.open();
  await change(raw);
  await raw.close();
  renew();
}

/** Removes or replaces what is found under the first key that contains `part`. */
async function damage(part: string, byte?: number): Promise<void> {
  await tamper(async (raw) => {
    const key = (await raw.keys(EVERYTHING)).find((candidate) => candidate.includes(part)) ?? "";
    const value = Buffer.from((await raw.get(key)) ?? "");
    if (byte === undefined) return await raw.batch([{ type: "del", key }], { sync: true });
    value[byte] = (value[byte] ?? 0) ^ 1;
    await raw.batch([{ type: "put", key, value }], { sync: true });
  });
}

async function keysWith(part: string): Promise<readonly string[]> {
  const keys = await store.keys(EVERYTHING);
  return keys.filter((key) => key.includes(part));
}

/** Enough steps of the promise queue for whatever is under way. */
async function settle(): Promise<void> {
  for (let step = 0; step < 500; step += 1) await Promise.resolve();
}

/** Holds calls back while it is shut. */
class Gate {
  #waiting: (() => void)[] = [];
  #isShut = false;

  async pass<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.#isShut) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return await call();
  }

  shut(): void {
    this.#isShut = true;
  }

  /** Those that wait, and nobody else. */
  letThrough(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  open(): void {
    this.#isShut = false;
    this.letThrough();
  }
}

async function switchTo(sequence: number, snapshot: SnapshotMeta, fields: Partial<Write> = {}) {
  await storage.stageChunk(snapshot.id, 0, Buffer.from("bytes"));
  await storage.write(write(sequence, { ...fields, snapshot }));
}

describe("the stream of writes", () => {
  test("rule 1: a write resolves only when its batch is synced", async () => {
    store.holdSyncs();
    let isDone = false;
    const writing = storage
      .write(write(1, { hardState: hard(1, "a") }))
      .then(() => (isDone = true));
    await settle();
    expect(isDone).toBe(false);
    store.releaseSyncs();
    await writing;
    const { state } = await reopenAfterCrash();
    expect(state.hardState).toEqual(hard(1, "a"));
  });

  test("rule 1: a vote that was not synced may be lost, and is lost whole", async () => {
    await storage.write(write(1, { hardState: hard(1, "a") }));
    store.holdSyncs();
    storage.write(write(2, { hardState: hard(2, "b") })).catch(() => undefined);
    await settle();
    expect((await reopenAfterCrash(0)).state.hardState).toEqual(hard(1, "a"));
  });

  test("rule 1: a vote that reached the disk before its acknowledgement is kept from then on", async () => {
    store.holdSyncs();
    storage.write(write(1, { hardState: hard(2, "b") })).catch(() => undefined);
    await settle();
    expect((await reopenAfterCrash(1)).state.hardState).toEqual(hard(2, "b"));
    // It was found, so it may have been acted on: the next crash must not take it away.
    expect((await reopenAfterCrash(0)).state.hardState).toEqual(hard(2, "b"));
  });

  test("rule 4: one batch is under way at a time, and what waits becomes the next", async () => {
    const before = store.batches;
    store.holdSyncs();
    const writes = [storage.write(write(1, { entries: [command(1)] }))];
    await settle();
    for (let n = 2; n <= 50; n += 1) {
      writes.push(storage.write(write(n, { entries: [command(n)] })));
    }
    await settle();
    expect(store.batches - before).toBe(1);
    store.releaseSyncs();
    await Promise.all(writes);
    expect(store.batches - before).toBe(2);
  });

  test("what waits is merged up to a bound", async () => {
    const before = store.batches;
    const payload = "x".repeat(300_000);
    const writes = Array.from({ length: 8 }, (_, n) =>
      storage.write(write(n + 1, { entries: [command(n + 1, 1, payload)] })),
    );
    await Promise.all(writes);
    expect(store.batches - before).toBe(3);
  });

  test("a write of another number than the next is refused", async () => {
    await expect(storage.write(write(2, {}))).rejects.toMatchObject({ code: "RAFT_INTERNAL" });
  });

  test.each([
    ["a hole in the log", { entries: [command(5)] }],
    ["a term that falls along the log", { entries: [command(4, 1), command(5, 0)] }],
    ["a vote that is taken back (rule 11)", { hardState: hard(2, "b") }],
    ["a term that falls (rule 1)", { hardState: hard(1, "a") }],
    ["a cut into the snapshot (rule 27)", { truncateFrom: 2 }],
    ["a prefix that no snapshot covers (rule 52)", { compactTo: { term: 1, index: 3 } }],
    ["a compacted entry of another term", { compactTo: { term: 2, index: 2 } }],
  ])("%s stops the storage", async (_, fields) => {
    await storage.write(write(1, { hardState: hard(2, "a"), entries: commands(1, 3) }));
    await switchTo(2, snapshotAt(2, 1));
    await expect(storage.write(write(3, fields))).rejects.toMatchObject({ code: "RAFT_INTERNAL" });
    await expect(storage.write(write(4, {}))).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
    });
    const { state } = await reopen();
    expect([state.hardState, state.lastIndex]).toEqual([hard(2, "a"), 3]);
  });
});

describe("a failed write", () => {
  test.each([
    ["EIO", false],
    ["EIO", true],
    ["ENOSPC", false],
    ["ENOSPC", true],
  ] as const)(
    "rules 3, 72: after %s nothing is tried again (applied: %s)",
    async (code, isApplied) => {
      await storage.write(write(1, { hardState: hard(1, "a"), entries: commands(1, 3) }));
      store.failNextSync({ code, isApplied });
      const failing = storage.write(write(2, { entries: [command(4)] }));
      const merged = storage.write(write(3, { entries: [command(5)] }));
      const before = store.batches;
      await expect(failing).rejects.toMatchObject({
        code: "RAFT_STORAGE_FAILED",
        message: expect.stringContaining(code),
      });
      await expect(merged).rejects.toMatchObject({ code: "RAFT_STORAGE_FAILED" });

      const failed = { code: "RAFT_STORAGE_FAILED", cause: expect.anything() };
      await expect(storage.write(write(4, { entries: [command(6)] }))).rejects.toMatchObject(
        failed,
      );
      await expect(storage.readEntries({ from: 1, to: 1, maxBytes: 1 })).rejects.toMatchObject(
        failed,
      );
      await expect(storage.stageChunk("s", 0, Buffer.from("x"))).rejects.toMatchObject(failed);
      await expect(storage.readChunk("s", 0)).rejects.toMatchObject(failed);
      await expect(storage.recordPeer("b", "x")).rejects.toMatchObject(failed);
      await storage.close();
      expect(store.batches - before).toBe(1);

      const { state } = await reopenAfterCrash();
      expect([state.hardState, state.lastIndex]).toEqual([hard(1, "a"), 3]);
    },
  );

  test("rule 3: a guard that cannot be saved fails the write of the vote", async () => {
    await storage.close();
    const guard = disk.guard();
    let isFailing = false;
    const failing: Guard = {
      ...guard,
      save: (record) => (isFailing ? Promise.reject(new Error("EIO")) : guard.save(record)),
    };
    storage = new LogStore(disk.orderedStore(), failing);
    await storage.open(identity);
    isFailing = true;
    await expect(storage.write(write(1, { hardState: hard(1, "a") }))).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
    });
    await expect(storage.write(write(2, {}))).rejects.toMatchObject({
      code: "RAFT_STORAGE_FAILED",
    });
  });
});

test("of a batch with a write that is refused nothing is written, and everybody in it is told", async () => {
  await storage.write(write(1, { entries: commands(1, 3) }));
  const { batches } = store;
  const inBatch = [
    storage.stageChunk("s", 0, Buffer.from("bytes")),
    storage.recordPeer("b", "store-b"),
    storage.write(write(2, { entries: [command(4)] })),
    storage.write(write(3, { entries: [command(9)] })),
    storage.recordPeer("c", "store-c"),
  ];
  // It waits for the batch to be in the store.
  const behind = storage.write(write(4, { truncateFrom: 2 }));
  const codes = (await Promise.allSettled([...inBatch, behind])).map(
    (told) => told.status === "rejected" && (told.reason as RaftError).code,
  );

  expect(codes).toEqual([...inBatch.map(() => "RAFT_INTERNAL"), "RAFT_STORAGE_FAILED"]);
  expect(store.batches).toBe(batches);
  const { state, peers } = await reopen();
  expect([state.lastIndex, peers.size, await keysWith("chunk")]).toEqual([3, 0, []]);
});

test("a close in the middle of a cut waits for it, and for all that was asked before", async () => {
  await storage.write(write(1, { entries: commands(1, 9) }));
  const gate = new Gate();
  const range = store.range.bind(store);
  store.range = (asked) => gate.pass(() => range(asked));
  gate.shut();
  const asked = [
    storage.recordPeer("b", "store-b"),
    storage.write(write(2, { truncateFrom: 5, entries: commands(5, 6, 2), hardState: hard(2) })),
    storage.recordPeer("c", "store-c"),
    storage.write(write(3, { truncateFrom: 6, entries: [command(6, 3)], hardState: hard(3) })),
  ];
  const closing = storage.close();
  await settle();
  gate.open();
  await Promise.all([...asked, closing]);

  const { state, peers } = await reopen();
  expect(state).toMatchObject({ lastIndex: 6, hardState: hard(3) });
  expect(state.runs.map(({ term, firstIndex }) => [term, firstIndex])).toEqual([
    [1, 1],
    [2, 5],
    [3, 6],
  ]);
  expect([...peers.keys()]).toEqual(["b", "c"]);
});

test("what is under way ends before close does, also where the search for garbage has failed beside it", async () => {
  await storage.close();
  const guard = disk.guard();
  const calls: string[] = [];
  renew();
  storage = new LogStore(store, {
    ...guard,
    save: async (record) => {
      calls.push(`save ${record.currentTerm}`);
      await guard.save(record);
    },
    close: async () => void calls.push("close"),
  });
  await storage.open(identity);
  await storage.stageChunk("s", 0, Buffer.from("bytes"));
  calls.length = 0;

  store.holdSyncs();
  store.keys = () => Promise.reject(new Error("EIO"));
  const voting = storage.write(write(1, { hardState: hard(1, "a") }));
  await storage.dropSnapshot("s");
  await settle();
  const closing = storage.close();
  await settle();
  expect(calls).toEqual([]);

  store.releaseSyncs();
  await Promise.all([voting, closing]);
  expect(calls).toEqual(["save 1", "close"]);
});

describe("the guard", () => {
  test("rule 1: it knows a vote before the vote is acknowledged", async () => {
    await storage.write(write(1, { hardState: hard(7, "b") }));
    expect(await disk.guard().load()).toMatchObject({ currentTerm: 7, votedFor: "b" });
  });

  test("rule 71: its watermark follows within a bound, and is exact after close", async () => {
    const { watermark: first = 0 } = (await disk.guard().load()) ?? {};
    for (let n = 1; n <= 600; n += 1) await storage.write(write(n, { entries: [command(n)] }));
    const { watermark: lazy = 0 } = (await disk.guard().load()) ?? {};
    expect(lazy - first).toBeGreaterThan(600 - 300);
    expect(lazy - first).toBeLessThan(600);
    await storage.close();
    const { watermark: exact = 0 } = (await disk.guard().load()) ?? {};
    expect(exact - first).toBe(600);
  });

  test.each([
    ["a higher term", { watermark: 0, currentTerm: 4, votedFor: undefined }],
    ["another vote", { watermark: 0, currentTerm: 3, votedFor: "b" }],
    ["a later batch", { watermark: 1_000, currentTerm: 3, votedFor: "a" }],
  ])("rule 71: %s than the store's means that the store has lost something", async (_, record) => {
    await storage.write(write(1, { hardState: hard(3, "a") }));
    await storage.close();
    await disk.guard().save(record);
    renew();
    await expect(storage.open(identity)).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
      message: expect.stringContaining("lost"),
    });
  });

  test("rule 71: a vote that the store has forgotten is noticed", async () => {
    await storage.write(write(1, { hardState: hard(3) }));
    await storage.close();
    await disk.guard().save({ watermark: 0, currentTerm: 3, votedFor: "a" });
    renew();
    await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
  });

  test("behind the store is what a crash leaves, and is caught up with at open", async () => {
    await storage.write(write(1, { hardState: hard(3, "a") }));
    await storage.close();
    await disk.guard().save({ watermark: 1, currentTerm: 2, votedFor: "b" });
    renew();
    const { state } = await storage.open(identity);
    expect(state.hardState).toEqual(hard(3, "a"));
    expect(await disk.guard().load()).toMatchObject({ currentTerm: 3, votedFor: "a" });
  });

  test("rule 43: a guard beside an empty store means that the store was wiped", async () => {
    await tamper(async (raw) => {
      const keys = await raw.keys(EVERYTHING);
      await raw.batch(
        keys.map((key) => ({ type: "del", key })),
        { sync: true },
      );
    });
    await expect(storage.open(identity)).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
      message: expect.stringContaining("empty"),
    });
  });

  test("data without a guard are refused", async () => {
    await storage.close();
    storage = new LogStore(disk.orderedStore(), new MemoryDisk().guard());
    await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
  });

  test.each([0, 1])(
    "a first open that a crash cut short begins anew (%d of its batches on disk)",
    async (keep) => {
      disk = new MemoryDisk();
      renew();
      store.holdSyncs();
      storage.open(identity).catch(() => undefined);
      await settle();
      const { state, storeId } = await reopenAfterCrash(keep);
      expect([state.lastIndex, storeId]).toEqual([0, "store-1"]);
    },
  );
});

describe("what contradicts itself at open", () => {
  beforeEach(async () => {
    await storage.write(
      write(1, {
        hardState: hard(2, "a"),
        entries: [...commands(1, 3), configuration(4, 1, ["a"])],
      }),
    );
    await storage.write(write(2, { entries: commands(5, 9, 2) }));
    await switchTo(3, snapshotAt(2, 1), { compactTo: { term: 1, index: 2 } });
    await storage.recordPeer("b", "store-b");
  });

  test.each([
    ["meta", "/meta"],
    ["marker", "/state/"],
    ["first log record", "/log/"],
    ["last log record", "/log/00000000000005"],
    ["first run of terms", "/run/"],
    ["last run of terms", "/run/00000000000005"],
    ["configuration", "/configuration/"],
    ["snapshot", "/snapshot/"],
    ["chunk of the snapshot", "/chunk/"],
  ])("rule 71: a missing %s is fatal", async (_, part) => {
    await damage(part);
    await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
  });

  test.each([
    ["meta", "/meta"],
    ["marker", "/state/"],
    ["first log record", "/log/"],
    ["last log record", "/log/00000000000005"],
    ["run of terms", "/run/"],
    ["configuration", "/configuration/"],
    ["snapshot", "/snapshot/"],
    ["peer", "/peer/"],
  ])("rule 71: a flipped bit in the %s is fatal, never cut", async (_, part) => {
    for (const byte of [0, 5]) {
      await damage(part, byte);
      await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
      await damage(part, byte);
    }
    await expect(storage.open(identity)).resolves.toBeDefined();
  });

  test("rule 71: a second marker means that a batch vanished from the middle", async () => {
    await tamper(async (raw) => {
      const key = (await raw.keys(EVERYTHING)).find((found) => found.includes("/state/")) ?? "";
      const value = (await raw.get(key)) ?? new Uint8Array(0);
      const earlier = `${key.slice(0, -1)}0`;
      await raw.batch([{ type: "put", key: earlier, value }], { sync: true });
    });
    await expect(storage.open(identity)).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
      message: expect.stringContaining("never took place"),
    });
  });

  test("rule 54: a damaged chunk is refused when it is read", async () => {
    await damage("/chunk/", 6);
    await storage.open(identity);
    await expect(storage.readChunk("snapshot-2", 0)).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
    });
  });

  test("a store of a later format is refused as such", async () => {
    const { encode } = await import("../../src/codec.ts");
    const { crc32 } = await import("node:zlib");
    await tamper(async (raw) => {
      const key = (await raw.keys(EVERYTHING)).find((found) => found.includes("/meta")) ?? "";
      const content = encode([1000, "whatever", "comes", "then"]);
      const value = Buffer.concat([Buffer.alloc(4), content]);
      value.writeUInt32BE(crc32(content, crc32(key)), 0);
      await raw.batch([{ type: "put", key, value }], { sync: true });
    });
    await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_FORMAT_VERSION" });
  });

  test("rule 71: a hole that open cannot see is refused when it is read", async () => {
    await storage.write(write(4, { entries: commands(10, 12, 2) }));
    await storage.write(write(5, { entries: commands(13, 15, 2) }));
    await damage("/log/0000000000000a");
    await storage.open(identity);
    await expect(storage.readEntries({ from: 5, to: 15, maxBytes: 9_999 })).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
    });
  });

  test("rule 71: a record that is back at what it held before is refused when it is read", async () => {
    await storage.write(write(4, { entries: commands(10, 12, 2) }));
    await storage.write(write(5, { entries: commands(13, 15, 2) }));
    let former: Uint8Array | undefined;
    await tamper(async (raw) => {
      const key = (await raw.keys(EVERYTHING)).find((found) => found.endsWith("a")) ?? "";
      former = await raw.get(key);
    });
    await storage.open(identity);
    await storage.write(write(1, { truncateFrom: 10, entries: commands(10, 12, 3) }));
    await storage.write(write(2, { entries: commands(13, 15, 3) }));
    await tamper(async (raw) => {
      const key = (await raw.keys(EVERYTHING)).find((found) => found.endsWith("a")) ?? "";
      await raw.batch([{ type: "put", key, value: former ?? Buffer.of() }], { sync: true });
    });
    await storage.open(identity);
    expect(await storage.readEntries({ from: 13, to: 15, maxBytes: 9_999 })).toHaveLength(3);
    await expect(storage.readEntries({ from: 10, to: 15, maxBytes: 9_999 })).rejects.toMatchObject({
      code: "RAFT_CORRUPT",
      message: expect.stringContaining("term"),
    });
  });
});

test("no guard is saved once it is closed, also where the stream has failed", async () => {
  const guard = disk.guard();
  const saves = new Gate();
  const calls: string[] = [];
  await storage.close();
  store = new FaultyOrderedStore(disk.orderedStore());
  storage = new LogStore(store, {
    load: () => guard.load(),
    save: (record) => {
      calls.push("save");
      return saves.pass(() => guard.save(record));
    },
    close: () => {
      calls.push("close");
      return guard.close();
    },
  });
  await storage.open(identity);
  saves.shut();
  // The watermark is moved twice, and nobody waits for either.
  for (let n = 1; n <= 600; n += 1) await storage.write(write(n, { entries: commands(n, n) }));
  store.failNextSync({ code: "EIO", isApplied: false });
  await expect(storage.write(write(601, {}))).rejects.toThrow("EIO");

  const closing = storage.close();
  await settle();
  saves.open();
  await closing;
  await settle();
  expect(calls.at(-1)).toBe("close");
});

describe("garbage", () => {
  test("compacted records go, the one across the boundary stays", async () => {
    for (let n = 1; n <= 100; n += 1) {
      await storage.write(write(n, { entries: commands(n * 2 - 1, n * 2) }));
    }
    await switchTo(101, snapshotAt(150, 1), { compactTo: { term: 1, index: 101 } });
    await settle();
    expect((await keysWith("/log/"))[0]).toMatch(/0065$/);
    expect((await keysWith("/log/")).length).toBe(50);
    expect(await storage.readEntries({ from: 102, to: 103, maxBytes: 999 })).toHaveLength(2);
  });

  test("it is removed under a steady load as well", async () => {
    for (let n = 1; n <= 100; n += 1) await storage.write(write(n, { entries: commands(n, n) }));
    await switchTo(101, snapshotAt(90, 1), { compactTo: { term: 1, index: 90 } });
    const writes: Promise<void>[] = [];
    for (let n = 102; n <= 110; n += 1) {
      writes.push(storage.write(write(n, { truncateFrom: n - 1, entries: [command(n - 1)] })));
    }
    await Promise.all(writes);
    expect((await keysWith("/log/")).length).toBeLessThan(30);
  });

  test("rule 55: what a crash left is removed after the next open, and nothing else", async () => {
    for (let n = 1; n <= 40; n += 1) await storage.write(write(n, { entries: commands(n, n) }));
    for (const chunk of [0, 1, 2]) await storage.stageChunk("before", chunk, Buffer.from("x"));
    await switchTo(41, snapshotAt(40, 1), { compactTo: { term: 1, index: 40 } });
    for (const chunk of [0, 1, 2]) await storage.stageChunk("after", chunk, Buffer.from("x"));
    await reopenAfterCrash();
    await storage.stageChunk("new", 0, Buffer.from("x"));
    await settle();
    expect(await keysWith("/log/")).toHaveLength(1);
    expect(await keysWith("/chunk/")).toHaveLength(2);
    await expect(storage.readChunk("new", 0)).resolves.toBeDefined();
    await expect(storage.readChunk("snapshot-40", 0)).resolves.toBeDefined();
  });

  test("rule 55: the chunks of a dropped or restarted snapshot are removed", async () => {
    for (const chunk of [0, 1, 2]) await storage.stageChunk("s", chunk, Buffer.from("x"));
    await storage.stageChunk("s", 0, Buffer.from("anew"));
    await settle();
    expect(await keysWith("/chunk/")).toHaveLength(1);
    await storage.dropSnapshot("s");
    await settle();
    expect(await keysWith("/chunk/")).toHaveLength(0);
  });

  test("a snapshot that is dropped while it is being staged leaves nothing behind", async () => {
    store.holdSyncs();
    const writing = storage.write(write(1, { entries: commands(1, 1) }));
    await settle();
    const staging = [0, 1].map((chunk) => storage.stageChunk("s", chunk, Buffer.from("x")));
    await storage.dropSnapshot("s");
    store.releaseSyncs();
    await Promise.all([writing, ...staging]);
    await settle();
    expect(await storage.readChunk("s", 0)).toBeUndefined();
    expect(await keysWith("/chunk/")).toHaveLength(0);
  });

  test("nor does one that is dropped while its chunk is in a batch which no search can see yet", async () => {
    const raw = disk.orderedStore();
    const batches = new Gate();
    const searches = new Gate();
    await storage.close();
    storage = new LogStore(
      {
        open: () => raw.open(),
        get: (key) => raw.get(key),
        range: (range) => raw.range(range),
        keys: (range) => searches.pass(() => raw.keys(range)),
        batch: (operations, options) => batches.pass(() => raw.batch(operations, options)),
        close: () => raw.close(),
      },
      disk.guard(),
    );
    await storage.open(identity);
    await storage.stageChunk("former", 0, Buffer.from("x"));

    searches.shut();
    await storage.dropSnapshot("former");
    const staging = storage.stageChunk("s", 0, Buffer.from("x"));
    await settle();
    batches.shut();
    searches.letThrough();
    await settle();
    // The chunk is on its way, and beside it the search for what else there is of the former one.
    await storage.dropSnapshot("s");
    searches.open();
    await settle();
    batches.open();
    await staging;
    await settle();

    const keys = await raw.keys(EVERYTHING);
    expect(keys.filter((key) => key.includes("/chunk/"))).toEqual([]);
  });

  test("the current snapshot cannot be dropped, nor while its successor is being switched in", async () => {
    await storage.write(write(1, { entries: commands(1, 9) }));
    await switchTo(2, snapshotAt(2, 1));
    await storage.stageChunk("next", 0, Buffer.from("x"));
    const switching = storage.write(write(3, { snapshot: snapshotAt(5, 1, "next") }));
    for (const id of ["snapshot-2", "next"]) {
      await expect(storage.dropSnapshot(id)).rejects.toMatchObject({ code: "RAFT_INTERNAL" });
    }
    await switching;
    await storage.dropSnapshot("snapshot-2");
    await expect(storage.readChunk("next", 0)).resolves.toBeDefined();
  });

  test("rule 52: a snapshot that was never staged is not switched to", async () => {
    await expect(storage.write(write(1, { snapshot: snapshotAt(2, 1) }))).rejects.toMatchObject({
      code: "RAFT_INTERNAL",
    });
  });

  test("rule 54: chunks come in order", async () => {
    await storage.stageChunk("s", 0, Buffer.from("x"));
    await expect(storage.stageChunk("s", 2, Buffer.from("x"))).rejects.toMatchObject({
      code: "RAFT_INTERNAL",
    });
  });
});

describe("reading beside writing", () => {
  test("rule 31: a range that is compacted while it is read is refused as compacted", async () => {
    for (let n = 1; n <= 50; n += 1) await storage.write(write(n, { entries: commands(n, n) }));
    await storage.stageChunk("s", 0, Buffer.from("x"));
    for (let lead = 0; lead < 40; lead += 1) {
      const reading = storage.readEntries({ from: 1, to: 50, maxBytes: 99_999 });
      if (lead === 20) {
        storage
          .write(write(51, { snapshot: snapshotAt(49, 1, "s"), compactTo: { term: 1, index: 49 } }))
          .catch(() => undefined);
      }
      const result = await reading.then(
        (entries) => entries.length,
        (error: unknown) => (error as { code: string }).code,
      );
      expect([50, "RAFT_COMPACTED"]).toContain(result);
    }
    await settle();
    const late = storage.readEntries({ from: 1, to: 50, maxBytes: 99_999 });
    await expect(late).rejects.toMatchObject({ code: "RAFT_COMPACTED" });
  });

  test("a range that is cut while it is read is no corruption", async () => {
    let sequence = 0;
    let last = 0;
    for (let lead = 0; lead < 30; lead += 1) {
      for (let index = last + 1; index <= 20; index += 1) {
        await storage.write(write((sequence += 1), { entries: [command(index, lead + 1)] }));
      }
      last = 10;
      const cutting = storage.write(write((sequence += 1), { truncateFrom: last + 1 }));
      for (let step = 0; step < lead; step += 1) await Promise.resolve();
      const found = await storage.readEntries({ from: 1, to: 20, maxBytes: 1_000 });
      expect(found.map(({ index }) => index)).toEqual(found.map((_, n) => n + 1));
      expect(found.length).toBeGreaterThanOrEqual(last);
      await cutting;
    }
  });

  test("beyond the end there is nothing to read", async () => {
    await storage.write(write(1, { entries: commands(1, 3) }));
    await expect(storage.readEntries({ from: 4, to: 9, maxBytes: 9 })).rejects.toMatchObject({
      code: "RAFT_COMPACTED",
    });
  });
});

test("what a store says is wrong is told as it is, also where another copy of the package has made it", async () => {
  const sound = new MemoryDisk().orderedStore();
  const error = Object.assign(new Error("a page is damaged"), { code: "RAFT_CORRUPT" });
  error.name = "RaftError";
  const damaged = new LogStore(
    { ...sound, get: () => Promise.reject(error) },
    new MemoryDisk().guard(),
  );
  await expect(damaged.open(identity)).rejects.toBe(error);
});

test("a closed storage says so", async () => {
  await storage.close();
  await expect(storage.write(write(1, {}))).rejects.toMatchObject({ code: "RAFT_STOPPED" });
  await expect(storage.open(identity)).rejects.toMatchObject({ code: "RAFT_INVALID_OPTION" });
});

/** Every key and value that a short life of a storage leaves behind. */
async function recordsOfALife(): Promise<string> {
  const one = new MemoryDisk();
  const made = memoryStorage(one);
  await made.open(identity);
  await made.write(write(1, { hardState: hard(1, "a"), entries: commands(1, 20) }));
  await made.write(write(2, { truncateFrom: 15, entries: commands(15, 16, 2) }));
  await made.close();
  const raw = one.orderedStore();
  await raw.open();
  const records = await raw.range(EVERYTHING);
  return records.map(({ key, value }) => `${key} ${Buffer.from(value).toString("hex")}`).join();
}

test("the same writes give the same records", async () => {
  expect(await recordsOfALife()).toBe(await recordsOfALife());
});
