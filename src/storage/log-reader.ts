/** Reading entries back: whole records, a page at a time, beside writes that may cut or compact what is being read. */

import type { Entry, LogIndex } from "../core/types.ts";
import { encodedSize } from "../entry-codec.ts";
import { RaftError } from "../errors.ts";
import { verify } from "./checks.ts";
import { numberIn, numberRange } from "./layout.ts";
import type { LogState } from "./log-state.ts";
import type { OrderedStore, StoreRecord } from "./ordered-store.ts";
import { entriesOf, recordAt } from "./records.ts";
import type { EntryRange } from "./storage.ts";

/** At most so many records are asked for at once. */
const MAX_PAGE = 256;

/** See `Storage.readEntries`. `state` is live: it may change while this waits. */
export async function readEntries(
  store: OrderedStore,
  state: LogState,
  range: EntryRange,
): Promise<readonly Entry[]> {
  const { truncations } = state;
  assertThere(state, range.from);
  const reading = new Reading({ ...range, to: Math.min(range.to, state.lastIndex) });

  let page = await firstPage(store, range.from);
  for (;;) {
    const isWhole = page.every((record) => reading.add(record));
    if (reading.isDone) {
      if (state.truncations === truncations) verifyTerms(reading.entries, state);
      return reading.entries;
    }
    if (!isWhole || page.length === 0) break;
    page = await store.range({
      ...numberRange("log", reading.next, range.to + 1),
      limit: reading.recordsToAskFor(page),
    });
  }

  // Something is missing. Where the log was changed meanwhile that is nobody's fault.
  assertThere(state, range.from);
  verify(state.truncations > truncations, `entry ${reading.next} is missing from the log`);
  if (reading.entries.length > 0) return reading.entries;
  throw notThere(state, range.from);
}

async function firstPage(store: OrderedStore, from: LogIndex): Promise<readonly StoreRecord[]> {
  const record = await recordAt(store, from);
  return record === undefined ? [] : [record];
}

function assertThere(state: LogState, from: LogIndex): void {
  if (from <= state.compacted.index || from > state.lastIndex) throw notThere(state, from);
}

function notThere({ compacted, lastIndex }: LogState, from: LogIndex): RaftError {
  return new RaftError(
    "RAFT_COMPACTED",
    `entry ${from} is not in the log, which goes from ${compacted.index + 1} to ${lastIndex}`,
  );
}

/**
 * A record whose last write never took place, or took place elsewhere, is sound in itself; but it is of another term than
 * the log has there.
 */
function verifyTerms(entries: readonly Entry[], { runs, compacted }: LogState): void {
  let at = runs.findLastIndex(({ firstIndex }) => firstIndex <= (entries[0]?.index ?? 0));
  for (const { index, term } of entries) {
    if (index <= compacted.index) continue;
    while ((runs[at + 1]?.firstIndex ?? Infinity) <= index) at += 1;
    verify(
      runs[at]?.term === term,
      `entry ${index} is of term ${term}; the log has one of term ${runs[at]?.term ?? 0} there`,
    );
  }
}

/** What has been read so far, and whether it is enough. */
class Reading {
  readonly entries: Entry[] = [];
  readonly #range: EntryRange;
  #bytes = 0;
  isDone = false;

  constructor(range: EntryRange) {
    this.#range = range;
  }

  get next(): LogIndex {
    return this.#range.from + this.entries.length;
  }

  /** Takes what is wanted of a record; `false` where the record does not hold the next entry. */
  add(record: StoreRecord): boolean {
    if (this.isDone) return true;
    const entries = entriesOf(record);
    const begin = this.next - numberIn(record.key);
    if (begin < 0 || begin >= entries.length) return false;
    for (let offset = begin; offset < entries.length && !this.isDone; offset += 1) {
      const entry = entries[offset];
      if (entry !== undefined) this.#take(entry);
    }
    return true;
  }

  /** How many records of the size of those in `page` may still be wanted. */
  recordsToAskFor(page: readonly StoreRecord[]): number {
    const bytes = page.reduce((sum, { value }) => sum + value.length, 0);
    const remaining = Math.max(1, this.#range.maxBytes - this.#bytes);
    return Math.min(MAX_PAGE, Math.ceil((remaining * page.length) / Math.max(1, bytes)));
  }

  #take(entry: Entry): void {
    const size = encodedSize(entry);
    if (this.entries.length > 0 && this.#bytes + size > this.#range.maxBytes) {
      this.isDone = true;
      return;
    }
    this.entries.push(entry);
    this.#bytes += size;
    if (entry.index === this.#range.to) this.isDone = true;
  }
}
