/**
 * What a log store does first: reads what was left behind and compares every fact that is written down twice. A
 * contradiction means that the store has lost something from its middle, and is fatal: cutting the log there would
 * un-acknowledge entries (rule 71).
 *
 * No entry is scanned: the cost grows with the number of terms and configurations, not with the log.
 */

import type { LoggedConfiguration, NodeId, TermRun } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import { verify } from "./checks.ts";
import {
  chunkKey,
  chunkRange,
  GROUP_RANGE,
  META_KEY,
  numberIn,
  rangeOf,
  readConfiguration,
  readMarker,
  readMeta,
  readPeer,
  readRun,
  readSnapshot,
} from "./layout.ts";
import type { Marker, Meta, StoredSnapshot } from "./layout.ts";
import type { LogState } from "./log-state.ts";
import type { OrderedStore } from "./ordered-store.ts";
import { entriesOf, recordAt } from "./records.ts";
import { recordsIn } from "./scan.ts";
import { emptySnapshot } from "./storage.ts";
import type { StorageIdentity } from "./storage.ts";

export interface Recovered {
  readonly meta: Meta;
  readonly batchNumber: number;
  readonly state: LogState;
  /** Cluster time of the last entry, or of the snapshot where there is none. */
  readonly lastTime: number;
  readonly peers: Map<NodeId, string>;
  /** Above every number under which a snapshot was staged. */
  readonly nextSnapshot: number;
}

/** What the store holds, verified; `undefined` where it is empty. */
export async function recover(
  store: OrderedStore,
  identity: StorageIdentity,
): Promise<Recovered | undefined> {
  const meta = await recoverMeta(store);
  if (meta === undefined) return undefined;
  verifyIdentity(meta, identity);

  const marker = await recoverMarker(store);
  const snapshot = await recoverSnapshot(store, marker, meta);
  const runs = await recoverRuns(store, marker);
  const configurations = await recoverConfigurations(store, marker);
  const { compacted, lastIndex, hardState } = marker;
  return {
    meta,
    batchNumber: marker.number,
    state: { hardState, snapshot, compacted, lastIndex, runs, configurations, truncations: 0 },
    lastTime: (await recoverLastTime(store, marker, runs)) ?? snapshot.meta.time,
    peers: new Map((await recordsIn(store, rangeOf("peer"))).map(readPeer)),
    nextSnapshot: Math.max(snapshot.number, await lastStaged(store)) + 1,
  };
}

async function recoverMeta(store: OrderedStore): Promise<Meta | undefined> {
  const value = await store.get(META_KEY);
  if (value !== undefined) return readMeta(value);
  const [stray] = await store.keys({ ...GROUP_RANGE, limit: 1 });
  verify(stray === undefined, `the store holds ${stray ?? ""} but not whom it belongs to`);
  return undefined;
}

function verifyIdentity(meta: Meta, identity: StorageIdentity): void {
  if (meta.clusterId !== identity.clusterId) {
    throw new RaftError(
      "RAFT_WRONG_CLUSTER",
      `this data belongs to cluster "${meta.clusterId}", not to "${identity.clusterId}"`,
    );
  }
  if (meta.nodeId !== identity.nodeId) {
    throw new RaftError(
      "RAFT_WRONG_NODE",
      `this data belongs to node "${meta.nodeId}", not to "${identity.nodeId}"`,
    );
  }
}

async function recoverMarker(store: OrderedStore): Promise<Marker> {
  const [record, second] = await store.range({ ...rangeOf("state"), limit: 2 });
  verify(record !== undefined, "the store has lost its term, its vote and everything it wrote");
  verify(
    second === undefined,
    `the store has lost a write: batch ${numberIn(record.key) + 1} never took place, but later ones did`,
  );
  return readMarker(record);
}

async function recoverSnapshot(
  store: OrderedStore,
  marker: Marker,
  meta: Meta,
): Promise<StoredSnapshot> {
  const [record, second] = await store.range({ ...rangeOf("snapshot"), limit: 2 });
  if (marker.snapshot === 0) {
    verify(record === undefined, "there is a snapshot that was never switched in");
    return { number: 0, chunks: 0, meta: emptySnapshot(meta.bootstrap) };
  }
  verify(
    record !== undefined && numberIn(record.key) === marker.snapshot && second === undefined,
    `snapshot ${marker.snapshot} is missing, or it is not the only one`,
  );
  const snapshot = readSnapshot(record);
  verify(
    marker.compacted.index <= snapshot.meta.lastIncluded.index &&
      snapshot.meta.lastIncluded.index <= marker.lastIndex,
    `there is a hole between the snapshot at ${snapshot.meta.lastIncluded.index} and the log`,
  );
  await verifyChunks(store, snapshot);
  return snapshot;
}

/** By the first and the last key: to list them all would be to read them all. What is between shows when it is read. */
async function verifyChunks(
  store: OrderedStore,
  { number, chunks }: StoredSnapshot,
): Promise<void> {
  const range = chunkRange(number);
  const [first] = await store.keys({ ...range, limit: 1 });
  const [last] = await store.keys({ ...range, limit: 1, reverse: true });
  verify(
    first === chunkKey(number, 0) && last === chunkKey(number, chunks - 1),
    `snapshot ${number} is incomplete: it should have ${chunks} chunks`,
  );
}

async function recoverRuns(store: OrderedStore, marker: Marker): Promise<TermRun[]> {
  const runs = (await recordsIn(store, rangeOf("run"))).map(readRun);
  const { compacted, lastIndex } = marker;
  verify(
    runs.length === marker.runs,
    `the log has ${runs.length} runs of terms and should have ${marker.runs}`,
  );
  const isEmpty = lastIndex === compacted.index;
  verify(
    isEmpty ? runs.length === 0 : (runs[0]?.firstIndex ?? Infinity) <= compacted.index + 1,
    `the terms of the first entries above ${compacted.index} are missing`,
  );
  let before: TermRun = { term: 0, firstIndex: 0 };
  for (const run of runs) {
    verify(
      run.term > before.term && run.firstIndex > before.firstIndex && run.firstIndex <= lastIndex,
      `the run of term ${run.term} from entry ${run.firstIndex} is out of order`,
    );
    before = run;
  }
  return runs;
}

async function recoverConfigurations(
  store: OrderedStore,
  marker: Marker,
): Promise<LoggedConfiguration[]> {
  const configurations = (await recordsIn(store, rangeOf("configuration"))).map(readConfiguration);
  verify(
    configurations.length === marker.configurations &&
      (configurations.at(-1)?.index ?? 0) <= marker.lastIndex,
    `the log has ${configurations.length} configurations and should have ${marker.configurations}`,
  );
  return configurations;
}

/** Cluster time of the last entry; verifies that the log begins and ends where the marker says. */
async function recoverLastTime(
  store: OrderedStore,
  { compacted, lastIndex }: Marker,
  runs: readonly TermRun[],
): Promise<number | undefined> {
  const last = await recordAt(store, Number.MAX_SAFE_INTEGER - 1);
  const lastEntry = last === undefined ? undefined : entriesOf(last).at(-1);
  if (lastIndex === compacted.index) {
    verify(
      (lastEntry?.index ?? 0) <= compacted.index,
      `the log should end at ${lastIndex} and has entry ${lastEntry?.index ?? 0}`,
    );
    return undefined;
  }
  verify(
    lastEntry?.index === lastIndex && lastEntry.term === runs.at(-1)?.term,
    `the log should end at entry ${lastIndex} and ends at ${lastEntry?.index ?? "none"}`,
  );
  const first = await recordAt(store, compacted.index + 1);
  const firstEntries = first === undefined ? [] : entriesOf(first);
  verify(
    (firstEntries.at(-1)?.index ?? 0) > compacted.index,
    `the log should begin with entry ${compacted.index + 1}, which is missing`,
  );
  return lastEntry.time;
}

/** The highest number under which a chunk is left, 0 where there is none. */
async function lastStaged(store: OrderedStore): Promise<number> {
  const [key] = await store.keys({ ...rangeOf("chunk"), limit: 1, reverse: true });
  return key === undefined ? 0 : numberIn(key);
}
