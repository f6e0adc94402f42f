/**
 * The log (section 5.3): the terms of all its entries, without I/O, and the payloads of a bounded tail.
 *
 * ```
 *    snapshot covers             on disk                on disk and in memory     in memory, being written
 * |----------------------|------------------------|----------------------------|--------------------------|
 *          compacted.index ^                 tailFirst ^              durableIndex ^              lastIndex ^
 * ```
 *
 * Terms are kept as runs of equal term: as many as there were elections, however long the log is.
 */

import { assert } from "./assert.ts";
import type { Entry, EntryId, LogIndex, StoredState, Term, TermRun } from "./types.ts";

export interface Log {
  /** The entry before the first that is still there. */
  compacted: EntryId;
  lastIndex: LogIndex;
  runs: TermRun[];
  /** Payloads, consecutive, up to `lastIndex`. */
  tail: Entry[];
  /** The index of `tail[0]`; `lastIndex + 1` where the tail is empty. */
  tailFirst: LogIndex;
  tailBytes: number;
  /** Entries up to here are on this server's disk, as they stand here. */
  durableIndex: LogIndex;
}

/** What is counted for an entry beside its payload. */
const ENTRY_OVERHEAD_BYTES = 64;

/** The size of an entry for every limit. */
export function sizeOf(entry: Entry): number {
  return entry.kind === "command" ? sizeOfCommand(entry.payload) : ENTRY_OVERHEAD_BYTES;
}

/** The size that the entry of this command will have. */
export function sizeOfCommand(payload: Uint8Array): number {
  return payload.length + ENTRY_OVERHEAD_BYTES;
}

export function createLog(stored: StoredState): Log {
  return {
    compacted: stored.compacted,
    lastIndex: stored.lastIndex,
    runs: [...stored.runs],
    tail: [],
    tailFirst: stored.lastIndex + 1,
    tailBytes: 0,
    durableIndex: stored.lastIndex,
  };
}

/** The term of the entry at `index`, also at `compacted`; `undefined` outside of the log, never a made-up 0 (rule 31). */
export function termAt(log: Log, index: LogIndex): Term | undefined {
  if (index === log.compacted.index) return log.compacted.term;
  if (index < log.compacted.index || index > log.lastIndex) return undefined;
  return log.runs[runOf(log, index)]?.term;
}

export function lastEntryId(log: Log): EntryId {
  return { term: lastTerm(log), index: log.lastIndex };
}

function lastTerm({ runs, compacted }: Log): Term {
  return runs[runs.length - 1]?.term ?? compacted.term;
}

/** Whether a log that ends in `a` is at least as up-to-date as one that ends in `b` (section 5.4.1). */
export function isUpToDate(a: EntryId, b: EntryId): boolean {
  return a.term > b.term || (a.term === b.term && a.index >= b.index);
}

export function append(log: Log, entry: Entry): void {
  assert(entry.index === log.lastIndex + 1, "entries are appended without a hole");
  const term = lastTerm(log);
  assert(entry.term >= term, "terms never fall along the log");
  if (entry.term !== term || log.runs.length === 0) {
    log.runs.push({ term: entry.term, firstIndex: entry.index });
  }
  log.tail.push(entry);
  log.tailBytes += sizeOf(entry);
  log.lastIndex = entry.index;
}

/** Removes the entries at `index` and above. */
export function truncateFrom(log: Log, index: LogIndex): void {
  assert(index > log.compacted.index && index <= log.lastIndex, "what is cut off is in the log");
  while ((log.runs.at(-1)?.firstIndex ?? 0) >= index) log.runs.pop();
  const removed = log.tail.splice(Math.max(0, index - log.tailFirst));
  for (const entry of removed) log.tailBytes -= sizeOf(entry);
  log.lastIndex = index - 1;
  log.tailFirst = Math.min(log.tailFirst, index);
  log.durableIndex = Math.min(log.durableIndex, log.lastIndex);
}

/** Forgets the entries up to and including `index`; its term stays known. */
export function compactTo(log: Log, index: LogIndex): void {
  const term = termAt(log, index);
  assert(term !== undefined, "what is compacted is in the log");
  log.compacted = { term, index };
  const first = runOf(log, index + 1);
  log.runs.splice(0, index === log.lastIndex ? log.runs.length : first);
  const head = log.runs[0];
  if (head !== undefined)
    log.runs[0] = { term: head.term, firstIndex: Math.max(head.firstIndex, index + 1) };
  dropHead(log, index + 1 - log.tailFirst);
}

/** Empties the log so that it goes on behind `id`, which a snapshot stands for. */
export function resetTo(log: Log, id: EntryId): void {
  log.compacted = id;
  log.lastIndex = id.index;
  log.runs = [];
  log.tail = [];
  log.tailFirst = id.index + 1;
  log.tailBytes = 0;
}

/**
 * Entries from `from` on, at least one and no more than `maxBytes`; `undefined` where they are not in memory. `to` is
 * inclusive.
 */
export function tailEntries(
  log: Log,
  from: LogIndex,
  to: LogIndex,
  maxBytes: number,
): readonly Entry[] | undefined {
  if (from < log.tailFirst) return undefined;
  const begin = from - log.tailFirst;
  const limit = to + 1 - log.tailFirst;
  let bytes = 0;
  let end = begin;
  while (end < limit) {
    const entry = log.tail[end];
    assert(entry !== undefined, "the tail reaches to the last entry");
    bytes += sizeOf(entry);
    if (bytes > maxBytes && end > begin) break;
    end += 1;
  }
  return log.tail.slice(begin, end);
}

/** Lets go of the payloads up to `index`: what is kept for long costs a garbage collector far more than what is not. */
export function dropPayloads(log: Log, index: LogIndex): void {
  dropHead(log, index + 1 - log.tailFirst);
}

/** Lets go of the oldest payloads, at most up to `floor`, once the tail has outgrown `maxBytes`. */
export function shrinkTail(log: Log, floor: LogIndex, maxBytes: number): void {
  if (log.tailBytes <= maxBytes) return;
  // Down to half, so that the cost of moving the rest is shared by many entries.
  let count = 0;
  let bytes = log.tailBytes;
  while (bytes > maxBytes / 2 && log.tailFirst + count <= floor) {
    const entry = log.tail[count];
    if (entry === undefined) break;
    bytes -= sizeOf(entry);
    count += 1;
  }
  dropHead(log, count);
}

/**
 * The last entry at or below `index` whose term is at most `term`: the best guess of one side where the other's log,
 * which has `term` at `index`, agrees with its own (end of section 5.3).
 */
export function lastAtMost(log: Log, index: LogIndex, term: Term): EntryId {
  let end = Math.min(index, log.lastIndex);
  for (let position = runOf(log, end); position >= 0; position -= 1) {
    const run = log.runs[position];
    assert(run !== undefined, "a position in runs");
    if (run.term <= term) return { term: run.term, index: end };
    end = run.firstIndex - 1;
  }
  return log.compacted;
}

/** The place in `runs` of the run that holds `index`; -1 below the first. */
function runOf(log: Log, index: LogIndex): number {
  let low = 0;
  let high = log.runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log.runs[middle]?.firstIndex ?? Infinity) <= index) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function dropHead(log: Log, count: number): void {
  if (count <= 0) return;
  const removed = log.tail.splice(0, count);
  for (const entry of removed) log.tailBytes -= sizeOf(entry);
  log.tailFirst += count;
  if (log.tail.length === 0) log.tailFirst = log.lastIndex + 1;
}
