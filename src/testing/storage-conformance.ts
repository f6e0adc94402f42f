/**
 * Whether a `Storage` keeps its contract (see storage/storage): for those who write their own, and for ours.
 *
 * Each case starts on empty data. "Again" in the cases below is a reopen, after a crash where the fixture can crash: what
 * has resolved must be there.
 */

import assert from "node:assert/strict";
import type { Configuration, Entry, SnapshotMeta, Write } from "../core/types.ts";
import type { OpenedStorage, Storage, StorageIdentity } from "../storage/storage.ts";
import { assertRejects } from "./conformance.ts";
import type { ConformanceCase } from "./conformance.ts";

/** One set of data, empty at first. */
export interface StorageFixture {
  /** A new handle on the data, not open yet. */
  readonly create: () => Storage;
  /** Ends whoever has the data open without a chance to finish anything; what is not durable is lost. */
  readonly crash?: () => Promise<void>;
  /** Removes the data. All handles are closed or crashed. */
  readonly dispose: () => Promise<void>;
}

const BOOTSTRAP: Configuration = {
  voters: [{ id: "a", address: "localhost:1", storeId: "store-a" }],
  votersOutgoing: [],
  learners: [{ id: "b", address: "localhost:2", storeId: undefined }],
};

const IDENTITY: StorageIdentity = {
  clusterId: "cluster",
  nodeId: "a",
  bootstrap: BOOTSTRAP,
  newStoreId: "store-a",
};

/** A storage of the fixture and what it found, with the means to write and to come again. */
class Run {
  readonly #fixture: StorageFixture;
  #storage: Storage;
  #sequence = 0;

  constructor(fixture: StorageFixture) {
    this.#fixture = fixture;
    this.#storage = fixture.create();
  }

  get storage(): Storage {
    return this.#storage;
  }

  async open(identity: StorageIdentity = IDENTITY): Promise<OpenedStorage> {
    return await this.#storage.open(identity);
  }

  write(fields: Partial<Omit<Write, "sequence">>): Promise<void> {
    this.#sequence += 1;
    return this.#storage.write({
      sequence: this.#sequence,
      hardState: undefined,
      truncateFrom: undefined,
      entries: [],
      snapshot: undefined,
      compactTo: undefined,
      ...fields,
    });
  }

  async again(identity?: StorageIdentity): Promise<OpenedStorage> {
    await (this.#fixture.crash?.() ?? this.#storage.close());
    this.renew();
    return await this.open(identity);
  }

  /** A new handle in place of the present one. */
  renew(): void {
    this.#storage = this.#fixture.create();
    this.#sequence = 0;
  }

  create(): Storage {
    return this.#fixture.create();
  }

  /** `index:term` of what is read. */
  async read(from: number, to: number, maxBytes = 1_000_000): Promise<readonly string[]> {
    const entries = await this.#storage.readEntries({ from, to, maxBytes });
    return entries.map(({ index, term }) => `${index}:${term}`);
  }

  async switchTo(snapshot: SnapshotMeta, fields: Partial<Write> = {}): Promise<void> {
    await this.#storage.stageChunk(snapshot.id, 0, Buffer.from(snapshot.id));
    await this.write({ ...fields, snapshot });
  }
}

type Body = (run: Run) => Promise<void>;

/** The cases, each on data of its own. */
export function storageConformance(
  createFixture: () => Promise<StorageFixture>,
): readonly ConformanceCase[] {
  return Object.entries(BODIES).map(([name, body]) => ({
    name: `storage: ${name}`,
    run: async () => {
      const fixture = await createFixture();
      const run = new Run(fixture);
      try {
        await body(run);
      } finally {
        await run.storage.close();
        await fixture.dispose();
      }
    },
  }));
}

const BODIES: Readonly<Record<string, Body>> = {
  async "a new one is an empty log in the configuration that the cluster starts from"(run) {
    const { state, storeId, peers } = await run.open();
    assert.equal(storeId, "store-a");
    assert.equal(peers.size, 0);
    assert.deepEqual(state.hardState, { currentTerm: 0, votedFor: undefined, commitIndex: 0 });
    assert.deepEqual(state.compacted, { term: 0, index: 0 });
    assert.equal(state.lastIndex, 0);
    assert.deepEqual(state.runs, []);
    assert.deepEqual(state.configurations, [{ index: 0, configuration: BOOTSTRAP }]);
  },

  async "the store id and the first configuration are those of the first open"(run) {
    await run.open();
    const bootstrap = { ...BOOTSTRAP, learners: [] };
    const { state, storeId } = await run.again({ ...IDENTITY, bootstrap, newStoreId: "other" });
    assert.equal(storeId, "store-a");
    assert.deepEqual(state.configurations[0]?.configuration, BOOTSTRAP);
  },

  async "rule 43: another cluster's or another node's data are refused"(run) {
    await run.open();
    await assertRejects(run.again({ ...IDENTITY, clusterId: "other" }), "RAFT_WRONG_CLUSTER");
    run.renew();
    await assertRejects(run.open({ ...IDENTITY, nodeId: "b" }), "RAFT_WRONG_NODE");
    run.renew();
    await run.open();
  },

  async "a second handle is refused while the first is open"(run) {
    await run.open();
    const second = run.create();
    await assertRejects(second.open(IDENTITY), "RAFT_LOCKED");
    await second.close();
    await run.write({ entries: [command(1, 1)] });
  },

  async "rule 1: term and vote are found again"(run) {
    await run.open();
    await run.write({ hardState: { currentTerm: 3, votedFor: "b", commitIndex: 0 } });
    const first = (await run.again()).state;
    assert.deepEqual(first.hardState, { currentTerm: 3, votedFor: "b", commitIndex: 0 });
    await run.write({ hardState: { currentTerm: 4, votedFor: undefined, commitIndex: 0 } });
    const second = (await run.again()).state;
    assert.deepEqual(second.hardState, { currentTerm: 4, votedFor: undefined, commitIndex: 0 });
  },

  async "entries are found again, of every kind, byte for byte"(run) {
    await run.open();
    const configuration = { ...BOOTSTRAP, votersOutgoing: BOOTSTRAP.voters };
    const entries: Entry[] = [
      { index: 1, term: 1, time: 5, kind: "blank", encoded: undefined },
      command(2, 1, Buffer.alloc(0)),
      { index: 3, term: 1, time: 7, kind: "configuration", configuration, encoded: undefined },
      command(4, 2, Buffer.alloc(300_000, 7)),
      command(5, 2),
    ];
    await run.write({ entries });
    const { state } = await run.again();
    assert.equal(state.lastIndex, 5);
    assert.equal(state.lastTime, 50);
    assert.deepEqual(state.runs, [
      { term: 1, firstIndex: 1 },
      { term: 2, firstIndex: 4 },
    ]);
    assert.deepEqual(state.configurations.at(-1), { index: 3, configuration });
    const read = await run.storage.readEntries({ from: 1, to: 5, maxBytes: 1_000_000 });
    assert.deepEqual(read.map(withoutCache), entries.map(withoutCache));
  },

  async "a read returns a prefix within its bytes, and at least one entry"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 50, 1) });
    await run.write({ entries: commandsFrom(51, 60, 1) });
    assert.deepEqual(await run.read(49, 52), ["49:1", "50:1", "51:1", "52:1"]);
    assert.deepEqual(await run.read(3, 60, 1), ["3:1"]);
    const some = await run.read(48, 60, 200);
    assert.ok(some.length >= 1 && some.length < 13);
    assert.equal(some[0], "48:1");
  },

  async "rule 4: writes that were not waited for take effect in order"(run) {
    await run.open();
    const writes = [
      run.write({ entries: commandsFrom(1, 5, 1) }),
      run.write({ truncateFrom: 3, entries: commandsFrom(3, 6, 2) }),
      run.write({ hardState: { currentTerm: 3, votedFor: "a", commitIndex: 1 } }),
      run.write({ truncateFrom: 5, entries: [command(5, 3)] }),
    ];
    await Promise.all(writes);
    const { state } = await run.again();
    assert.equal(state.lastIndex, 5);
    assert.equal(state.hardState.currentTerm, 3);
    assert.deepEqual(await run.read(1, 5), ["1:1", "2:1", "3:2", "4:2", "5:3"]);
  },

  async "rule 40: a truncation takes entries, terms and configurations"(run) {
    await run.open();
    const configuration = { ...BOOTSTRAP, learners: [] };
    const changed: Entry = {
      index: 4,
      term: 2,
      time: 40,
      kind: "configuration",
      configuration,
      encoded: undefined,
    };
    await run.write({ entries: [...commandsFrom(1, 3, 1), changed, command(5, 2)] });
    await run.write({ truncateFrom: 3 });
    const { state } = await run.again();
    assert.equal(state.lastIndex, 2);
    assert.equal(state.lastTime, 20);
    assert.deepEqual(state.runs, [{ term: 1, firstIndex: 1 }]);
    assert.deepEqual(state.configurations, [{ index: 0, configuration: BOOTSTRAP }]);
    await run.write({ entries: [command(3, 5)] });
    assert.deepEqual(await run.read(1, 9), ["1:1", "2:1", "3:5"]);
  },

  async "rule 31: a compacted entry is refused, never made up"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 10, 1) });
    await run.switchTo(snapshotAt(6, 1), { compactTo: { term: 1, index: 4 } });
    await assertRejects(run.read(4, 10), "RAFT_COMPACTED");
    assert.deepEqual(await run.read(5, 6), ["5:1", "6:1"]);
    const { state } = await run.again();
    assert.deepEqual(state.compacted, { term: 1, index: 4 });
    assert.deepEqual(state.runs, [{ term: 1, firstIndex: 5 }]);
    await assertRejects(run.read(1, 10), "RAFT_COMPACTED");
    assert.deepEqual(await run.read(5, 6), ["5:1", "6:1"]);
  },

  async "rule 53: a snapshot beyond the log replaces it"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 5, 1) });
    const snapshot = snapshotAt(20, 3);
    await run.switchTo(snapshot);
    await run.write({ entries: [command(21, 4)] });
    const { state } = await run.again();
    assert.deepEqual(state.snapshot, snapshot);
    assert.deepEqual(state.compacted, { term: 3, index: 20 });
    assert.equal(state.lastIndex, 21);
    assert.deepEqual(state.runs, [{ term: 4, firstIndex: 21 }]);
    assert.deepEqual(state.configurations, [snapshot.configuration]);
    assert.deepEqual(await run.read(21, 21), ["21:4"]);
  },

  async "rule 53: a log that contradicts the snapshot goes in the same write"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 9, 1) });
    await run.switchTo(snapshotAt(7, 2), { truncateFrom: 8, compactTo: { term: 2, index: 7 } });
    const { state } = await run.again();
    assert.deepEqual(state.compacted, { term: 2, index: 7 });
    assert.equal(state.lastIndex, 7);
    assert.equal(state.lastTime, 70);
    assert.deepEqual(state.runs, []);
  },

  async "rule 53: a log that agrees with the snapshot is kept"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 9, 1) });
    await run.switchTo(snapshotAt(7, 1));
    const { state } = await run.again();
    assert.deepEqual(state.compacted, { term: 0, index: 0 });
    assert.equal(state.lastIndex, 9);
    assert.equal((await run.read(1, 9)).length, 9);
  },

  async "rule 56: a snapshot keeps its joint configuration and the index of it"(run) {
    await run.open();
    const configuration = { ...BOOTSTRAP, votersOutgoing: BOOTSTRAP.voters };
    const snapshot = { ...snapshotAt(20, 3), configuration: { index: 17, configuration } };
    await run.switchTo(snapshot);
    const { state } = await run.again();
    assert.deepEqual(state.configurations, [{ index: 17, configuration }]);
  },

  async "rule 52: a switched-in snapshot is read back chunk by chunk"(run) {
    await run.open();
    const chunks = ["first", "", "third"].map((text) => Buffer.from(text));
    for (const [chunk, bytes] of chunks.entries()) {
      await run.storage.stageChunk("s", chunk, bytes);
    }
    await run.write({ snapshot: snapshotAt(5, 1, "s") });
    await run.again();
    for (const [chunk, bytes] of chunks.entries()) {
      assert.deepEqual(Buffer.from((await run.storage.readChunk("s", chunk)) ?? "none"), bytes);
    }
    assert.equal(await run.storage.readChunk("s", 3), undefined);
  },

  async "rule 55: a snapshot that was not switched in is gone at the next open"(run) {
    await run.open();
    await run.switchTo(snapshotAt(5, 1));
    await run.storage.stageChunk("staged", 0, Buffer.from("bytes"));
    const { state } = await run.again();
    assert.equal(state.snapshot.id, "snapshot-5");
    assert.equal(await run.storage.readChunk("staged", 0), undefined);
    assert.notEqual(await run.storage.readChunk("snapshot-5", 0), undefined);
  },

  async "chunk 0 begins a staged snapshot anew"(run) {
    await run.open();
    for (const chunk of [0, 1, 2]) await run.storage.stageChunk("s", chunk, Buffer.from("old"));
    await run.storage.stageChunk("s", 0, Buffer.from("new"));
    assert.equal(await run.storage.readChunk("s", 1), undefined);
    await run.write({ snapshot: snapshotAt(5, 1, "s") });
    await run.again();
    assert.equal(Buffer.from((await run.storage.readChunk("s", 0)) ?? "").toString(), "new");
    assert.equal(await run.storage.readChunk("s", 1), undefined);
  },

  async "a dropped snapshot is gone, the current one stays"(run) {
    await run.open();
    await run.switchTo(snapshotAt(5, 1));
    await run.switchTo(snapshotAt(9, 1));
    assert.notEqual(await run.storage.readChunk("snapshot-5", 0), undefined);
    await run.storage.dropSnapshot("snapshot-5");
    await run.storage.dropSnapshot("never heard of");
    assert.equal(await run.storage.readChunk("snapshot-5", 0), undefined);
    assert.notEqual(await run.storage.readChunk("snapshot-9", 0), undefined);
    await run.again();
    assert.notEqual(await run.storage.readChunk("snapshot-9", 0), undefined);
  },

  async "rule 43: the first store id recorded for a peer stays"(run) {
    await run.open();
    await run.storage.recordPeer("b", "store-b");
    await run.storage.recordPeer("b", "another");
    await run.storage.recordPeer("c/ü", "store-c");
    const { peers } = await run.again();
    assert.equal(peers.size, 2);
    assert.equal(peers.get("b"), "store-b");
    assert.equal(peers.get("c/ü"), "store-c");
  },

  async "close waits for the writes under way, and comes twice"(run) {
    await run.open();
    let isWritten = false;
    const write = run.write({ entries: [command(1, 1)] }).then(() => (isWritten = true));
    await run.storage.close();
    assert.ok(isWritten);
    await write;
    await run.storage.close();
    run.renew();
    assert.equal((await run.open()).state.lastIndex, 1);
  },
};

function command(index: number, term: number, payload: Uint8Array = Buffer.from("x")): Entry {
  return { index, term, time: index * 10, kind: "command", payload, encoded: undefined };
}

function commandsFrom(from: number, to: number, term: number): readonly Entry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => command(from + offset, term));
}

function snapshotAt(index: number, term: number, id = `snapshot-${index}`): SnapshotMeta {
  return {
    id,
    lastIncluded: { term, index },
    time: index * 10,
    configuration: { index: 0, configuration: BOOTSTRAP },
  };
}

/** The entry for comparison: without the cache of its bytes, and with plain bytes for a view of them. */
function withoutCache(entry: Entry): unknown {
  return entry.kind === "command"
    ? { ...entry, encoded: undefined, payload: Buffer.from(entry.payload).toString("hex") }
    : { ...entry, encoded: undefined };
}
