/** What a `Storage` must do with snapshots: staged chunk by chunk, switched in by a write, read back and dropped. */

import assert from "node:assert/strict";
import type { Configuration, Entry } from "../core/types.ts";
import { MAX_CHUNK_BYTES } from "../storage/storage.ts";
import { BOOTSTRAP, command, commandsFrom, EVERY_BYTE, snapshotAt } from "./storage-world.ts";
import type { Body } from "./storage-world.ts";

export const SNAPSHOT_CASES: Readonly<Record<string, Body>> = {
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

  async "entries in the write of a snapshot follow it"(run) {
    await run.open();
    await run.write({ entries: commandsFrom(1, 5, 1) });
    await run.switchTo(snapshotAt(20, 3), { entries: commandsFrom(21, 22, 4) });
    assert.deepEqual(await run.read(21, 22), ["21:4", "22:4"]);
    assert.equal((await run.again()).state.lastIndex, 22);
    assert.deepEqual(await run.read(21, 22), ["21:4", "22:4"]);
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

  async "the configurations are the snapshot's and those that follow it"(run) {
    await run.open();
    const [third, eighth] = [changedAt(3), changedAt(8, ...BOOTSTRAP.voters)];
    await run.write({
      entries: [...commandsFrom(1, 2, 1), third, ...commandsFrom(4, 7, 1), eighth, command(9, 1)],
    });
    const configuration = { index: 3, configuration: { ...BOOTSTRAP, learners: [] } };
    await run.switchTo({ ...snapshotAt(7, 1), configuration });
    const expected = [
      configuration,
      { index: 8, configuration: { ...BOOTSTRAP, learners: BOOTSTRAP.voters } },
    ];
    assert.deepEqual((await run.again()).state.configurations, expected);
    await run.write({ compactTo: { term: 1, index: 7 } });
    assert.deepEqual((await run.again()).state.configurations, expected);
  },

  async "rule 52: a switched-in snapshot is read back chunk by chunk"(run) {
    await run.open();
    const long = Buffer.alloc(MAX_CHUNK_BYTES, EVERY_BYTE);
    const more = Array.from({ length: 10 }, (_, at) => Buffer.from(`chunk ${at}`));
    const chunks = [Buffer.from("first"), Buffer.alloc(0), long, ...more];
    for (const [chunk, bytes] of chunks.entries()) {
      await run.storage.stageChunk("s", chunk, bytes);
    }
    await run.write({ snapshot: snapshotAt(5, 1, "s") });
    await run.again();
    for (const [chunk, bytes] of chunks.entries()) {
      assert.deepEqual(Buffer.from((await run.storage.readChunk("s", chunk)) ?? "none"), bytes);
    }
    assert.equal(await run.storage.readChunk("s", chunks.length), undefined);
  },

  async "a chunk that was read stays as it is while another is read"(run) {
    await run.open();
    for (const chunk of [0, 1]) await run.storage.stageChunk("s", chunk, Buffer.from([chunk]));
    const first = await run.storage.readChunk("s", 0);
    await run.storage.readChunk("s", 1);
    assert.deepEqual([...(first ?? [])], [0]);
  },

  async "two snapshots may be staged side by side"(run) {
    await run.open();
    const stage = (id: string, chunk: number): Promise<void> =>
      run.storage.stageChunk(id, chunk, Buffer.from(`${id}${chunk}`));
    const textOf = async (id: string, chunk: number): Promise<string> =>
      Buffer.from((await run.storage.readChunk(id, chunk)) ?? "none").toString();
    for (const chunk of [0, 1]) for (const id of ["a", "b"]) await stage(id, chunk);
    await run.write({ snapshot: snapshotAt(5, 1, "a") });
    await stage("b", 2);
    assert.deepEqual(await Promise.all([textOf("a", 1), textOf("b", 1)]), ["a1", "b1"]);
    await run.write({ snapshot: snapshotAt(9, 1, "b") });
    await run.again();
    assert.deepEqual(await Promise.all([0, 1, 2].map((at) => textOf("b", at))), ["b0", "b1", "b2"]);
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

  async "a staged snapshot that is dropped is gone, another one stays"(run) {
    await run.open();
    for (const id of ["a", "b"]) await run.storage.stageChunk(id, 0, Buffer.from(id));
    await run.storage.dropSnapshot("a");
    assert.equal(await run.storage.readChunk("a", 0), undefined);
    assert.notEqual(await run.storage.readChunk("b", 0), undefined);
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
};

function changedAt(index: number, ...learners: Configuration["learners"]): Entry {
  const configuration = { ...BOOTSTRAP, learners };
  return {
    index,
    term: 1,
    time: index * 10,
    kind: "configuration",
    configuration,
    encoded: undefined,
  };
}
