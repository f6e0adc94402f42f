/**
 * Whether a `Storage` keeps its contract (see storage/storage): for those who write their own, and for ours.
 *
 * Each case starts on empty data. "Again" in the cases below is a reopen, after a crash where the fixture can crash: what
 * has resolved must be there.
 */

import assert from "node:assert/strict";
import type { Entry } from "../core/types.ts";
import { assertRejects } from "./conformance.ts";
import type { ConformanceCase } from "./conformance.ts";
import { SNAPSHOT_CASES } from "./storage-snapshot-cases.ts";
import {
  BOOTSTRAP,
  command,
  commandsFrom,
  EVERY_BYTE,
  IDENTITY,
  Run,
  snapshotAt,
  withoutCache,
} from "./storage-world.ts";
import type { Body, StorageFixture } from "./storage-world.ts";

export type { StorageFixture };

/** The cases, each on data of its own. */
export function storageConformance(
  createFixture: () => Promise<StorageFixture>,
): readonly ConformanceCase[] {
  return Object.entries({ ...LOG_CASES, ...SNAPSHOT_CASES }).map(([name, body]) => ({
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
const LOG_CASES: Readonly<Record<string, Body>> = {
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

  async "a handle is opened once: each start takes a new one"(run) {
    await run.open();
    await assertRejects(run.open(), "RAFT_INVALID_OPTION");
    await run.write({ entries: [command(1, 1)] });
    await run.storage.close();
    await assertRejects(run.open(), "RAFT_INVALID_OPTION");
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
      command(4, 2, Buffer.alloc(300_000, EVERY_BYTE)),
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

  async "entries that were read stay as they are while others are read"(run) {
    await run.open();
    const [first, second] = [command(1, 1, Buffer.from("first")), command(2, 1)];
    await run.write({ entries: [first, second] });
    const read = await run.storage.readEntries({ from: 1, to: 1, maxBytes: 1000 });
    await run.storage.readEntries({ from: 2, to: 2, maxBytes: 1000 });
    assert.deepEqual(read.map(withoutCache), [withoutCache(first)]);
  },

  async "entries come in the order of their indexes"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 300, 1) });
    const inOrder = commandsFrom(1, 300, 1).map(({ index }) => `${index}:1`);
    assert.deepEqual(await run.read(1, 300), inOrder);
    await run.again();
    assert.deepEqual(await run.read(1, 300), inOrder);
  },

  async "numbers beyond 32 bits are kept"(run) {
    const [index, term] = [2 ** 40, 2 ** 41 + 1];
    const hardState = { currentTerm: term + 1, votedFor: "a", commitIndex: index };
    await run.open();
    await run.switchTo(snapshotAt(index, term));
    await run.write({ hardState, entries: [command(index + 1, term + 1)] });
    const { state } = await run.again();
    assert.deepEqual(state.hardState, hardState);
    assert.deepEqual(state.snapshot, snapshotAt(index, term));
    assert.deepEqual(state.compacted, { term, index });
    assert.deepEqual(state.runs, [{ term: term + 1, firstIndex: index + 1 }]);
    assert.equal(state.lastTime, 10 * (index + 1));
    assert.deepEqual(await run.read(index + 1, index + 1), [`${index + 1}:${term + 1}`]);
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
    assert.deepEqual(state.hardState, { currentTerm: 3, votedFor: "a", commitIndex: 1 });
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
