/**
 * What a log store keeps in memory of its log, and how one write changes it: the operations for the ordered store, and
 * the same change here. Grows with the number of terms, not of entries.
 */

import type {
  Entry,
  EntryId,
  HardState,
  LogIndex,
  LoggedConfiguration,
  SnapshotMeta,
  Term,
  TermRun,
  Write,
} from "../core/types.ts";
import type { RaftError } from "../errors.ts";
import { assertContract, misuse, verify } from "./checks.ts";
import { keyOf, numberRange, putConfiguration, putRun, putSnapshot } from "./layout.ts";
import type { Marker, StoredSnapshot } from "./layout.ts";
import type { OrderedStore, StoreOperation } from "./ordered-store.ts";
import { putEntries, recordAt, shortenRecord } from "./records.ts";
import { deleteIn } from "./scan.ts";

export interface LogState {
  hardState: HardState;
  snapshot: StoredSnapshot;
  compacted: EntryId;
  lastIndex: LogIndex;
  /** The first may begin at or below `compacted`. */
  runs: TermRun[];
  /** Those above the snapshot; the one in force at the snapshot is part of its meta data. */
  configurations: LoggedConfiguration[];
  /** How often entries have been cut off: tells a reader that what it did not find was there when it began. */
  truncations: number;
}

export function initialState(snapshot: SnapshotMeta): LogState {
  return {
    hardState: { currentTerm: 0, votedFor: undefined, commitIndex: 0 },
    snapshot: { number: 0, chunks: 0, meta: snapshot },
    compacted: snapshot.lastIncluded,
    lastIndex: snapshot.lastIncluded.index,
    runs: [],
    configurations: [],
    truncations: 0,
  };
}

export function markerOf(state: LogState, number: number): Marker {
  return {
    number,
    hardState: state.hardState,
    compacted: state.compacted,
    lastIndex: state.lastIndex,
    snapshot: state.snapshot.number,
    runs: state.runs.length,
    configurations: state.configurations.length,
  };
}

/** The term of the entry at `index`, also at `compacted`; `undefined` outside of the log (rule 31). */
function termAt(state: LogState, index: LogIndex): Term | undefined {
  if (index === state.compacted.index) return state.compacted.term;
  if (index < state.compacted.index || index > state.lastIndex) return undefined;
  return state.runs.findLast(({ firstIndex }) => firstIndex <= index)?.term;
}

/** A write with what the store adds to it. */
export interface PreparedWrite {
  readonly write: Write;
  /** The bytes of its entries. */
  readonly encoded: Uint8Array;
  /** Its snapshot as it was staged. */
  readonly snapshot: StoredSnapshot | undefined;
}

/**
 * Applies a write to `state` and adds to `operations` what makes it so on disk: at once, but for a truncation, which has
 * to look.
 *
 * The truncation comes before the snapshot: where both come together, the cut removes what contradicts the snapshot,
 * and whether the log then ends before it decides whether anything is kept (rule 53).
 */
export function applyWrite(
  store: OrderedStore,
  state: LogState,
  prepared: PreparedWrite,
  operations: StoreOperation[],
): void | Promise<void> {
  const { truncateFrom } = prepared.write;
  if (truncateFrom === undefined || truncateFrom > state.lastIndex) {
    return applyRest(state, prepared, operations);
  }
  return truncate(store, state, truncateFrom, operations).then(() =>
    applyRest(state, prepared, operations),
  );
}

function applyRest(
  state: LogState,
  { write, encoded, snapshot }: PreparedWrite,
  operations: StoreOperation[],
): void {
  const { entries, compactTo, hardState } = write;
  if (snapshot !== undefined) switchSnapshot(state, snapshot, operations);
  if (entries.length > 0) append(state, entries, encoded, operations);
  if (compactTo !== undefined) compact(state, compactTo, operations);
  if (hardState !== undefined) setHardState(state, hardState);
}

function append(
  state: LogState,
  entries: readonly Entry[],
  encoded: Uint8Array,
  operations: StoreOperation[],
): void {
  putEntries(operations, entries, encoded);
  for (const entry of entries) {
    if (entry.index !== state.lastIndex + 1) throw outOfPlace(entry, state);
    state.lastIndex = entry.index;
    if (state.runs.at(-1)?.term !== entry.term) beginRun(state, entry, operations);
    if (entry.kind === "configuration") {
      const logged = { index: entry.index, configuration: entry.configuration };
      state.configurations.push(logged);
      operations.push(putConfiguration(logged));
    }
  }
}

/** The words are put together only where they are wanted: this is asked of each entry. */
function outOfPlace({ index }: Entry, { lastIndex }: LogState): RaftError {
  return misuse(`entry ${index} does not follow entry ${lastIndex}`);
}

function beginRun(state: LogState, { term, index }: EntryId, operations: StoreOperation[]): void {
  const before = state.runs.at(-1)?.term ?? state.compacted.term;
  assertContract(term >= before, `entry ${index} of term ${term} follows one of term ${before}`);
  const run = { term, firstIndex: index };
  state.runs.push(run);
  operations.push(putRun(run));
}

/** Removes entry `from` and all above. Its batch must hold nothing before it: what it cuts is looked up on disk. */
async function truncate(
  store: OrderedStore,
  state: LogState,
  from: LogIndex,
  operations: StoreOperation[],
): Promise<void> {
  const { lastIncluded } = state.snapshot.meta;
  assertContract(
    from > lastIncluded.index && from > state.compacted.index,
    `a truncation at ${from} cuts into the snapshot at ${lastIncluded.index}`,
  );
  assertContract(operations.length === 0, "a truncation begins its batch");
  const spanning = await recordAt(store, from);
  verify(spanning !== undefined, `the log record that holds entry ${from} is missing`);
  operations.push(shortenRecord(spanning, from));
  await deleteIn(store, numberRange("log", from + 1, state.lastIndex + 1), operations);

  state.lastIndex = from - 1;
  state.truncations += 1;
  // A run may begin in the compacted prefix; it goes with the last entry that it is kept for.
  const isEmpty = state.lastIndex === state.compacted.index;
  dropRuns(state, ({ firstIndex }) => isEmpty || firstIndex >= from, operations);
  dropConfigurations(state, ({ index }) => index >= from, operations);
}

function switchSnapshot(
  state: LogState,
  snapshot: StoredSnapshot,
  operations: StoreOperation[],
): void {
  const { lastIncluded } = snapshot.meta;
  const former = state.snapshot;
  assertContract(
    lastIncluded.index >= former.meta.lastIncluded.index,
    `the snapshot at ${lastIncluded.index} is older than the one at ${former.meta.lastIncluded.index}`,
  );
  if (former.number > 0) {
    operations.push({ type: "del", key: keyOf("snapshot", former.number) });
  }
  operations.push(putSnapshot(snapshot));
  state.snapshot = snapshot;
  if (termAt(state, lastIncluded.index) !== lastIncluded.term) {
    assertContract(
      state.lastIndex <= lastIncluded.index,
      `the log contradicts the snapshot at ${lastIncluded.index} and goes on behind it`,
    );
    restart(state, lastIncluded, operations);
  }
  dropConfigurations(state, ({ index }) => index <= lastIncluded.index, operations);
}

/** Empties the log, so that it goes on behind `id`. The records become garbage: none goes beyond `id`. */
function restart(state: LogState, id: EntryId, operations: StoreOperation[]): void {
  state.compacted = id;
  state.lastIndex = id.index;
  dropRuns(state, () => true, operations);
  dropConfigurations(state, () => true, operations);
}

function compact(state: LogState, id: EntryId, operations: StoreOperation[]): void {
  if (id.index <= state.compacted.index) return;
  assertContract(
    id.index <= state.snapshot.meta.lastIncluded.index && termAt(state, id.index) === id.term,
    `entry ${id.index} of term ${id.term} is not part of the snapshot, or not of the log`,
  );
  state.compacted = id;
  const first = state.runs.findLast(({ firstIndex }) => firstIndex <= id.index + 1);
  const isEmpty = state.lastIndex === id.index;
  dropRuns(state, (run) => isEmpty || run.firstIndex < (first?.firstIndex ?? 0), operations);
}

function setHardState(state: LogState, hardState: HardState): void {
  const { currentTerm, votedFor } = state.hardState;
  assertContract(
    hardState.currentTerm > currentTerm ||
      (hardState.currentTerm === currentTerm &&
        (votedFor === undefined || hardState.votedFor === votedFor)),
    `term ${hardState.currentTerm} with vote ${hardState.votedFor ?? "none"} would take back ` +
      `term ${currentTerm} with vote ${votedFor ?? "none"}`,
  );
  state.hardState = hardState;
}

function dropRuns(
  state: LogState,
  isDropped: (run: TermRun) => boolean,
  operations: StoreOperation[],
): void {
  state.runs = state.runs.filter((run) => {
    if (!isDropped(run)) return true;
    operations.push({ type: "del", key: keyOf("run", run.firstIndex) });
    return false;
  });
}

function dropConfigurations(
  state: LogState,
  isDropped: (logged: LoggedConfiguration) => boolean,
  operations: StoreOperation[],
): void {
  state.configurations = state.configurations.filter((logged) => {
    if (!isDropped(logged)) return true;
    operations.push({ type: "del", key: keyOf("configuration", logged.index) });
    return false;
  });
}
