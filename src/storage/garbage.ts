/**
 * What nobody can read any more and still takes room: log records below the compacted prefix, chunks of snapshots that
 * were replaced, dropped or never switched in. It is removed a few keys at a time, along with the writes.
 */

import type { LogIndex } from "../core/types.ts";
import { chunkRange, rangeOf } from "./layout.ts";
import type { KeyRange } from "./layout.ts";
import type { OrderedStore, StoreOperation } from "./ordered-store.ts";
import { recordKeyAt } from "./records.ts";
import { after } from "./scan.ts";

/**
 * Keys removed in one step. A step costs as much as a write however few they are, and the next write waits for it; but to
 * find a key may be to read its record: a hundred full ones are thirteen megabytes.
 */
const STEP_KEYS = 128;

export class Garbage {
  readonly #store: OrderedStore;
  readonly #ranges: KeyRange[] = [];
  /** Where the log's garbage begins: what lies before has been dealt with. */
  #logFrom = rangeOf("log").gte;
  #logBelow: LogIndex | undefined;
  #logSeen: LogIndex = 0;

  constructor(store: OrderedStore) {
    this.#store = store;
  }

  addRange(range: KeyRange): void {
    this.#ranges.push(range);
  }

  addSnapshot(number: number): void {
    this.addRange(chunkRange(number));
  }

  /** Entries below `index` are garbage; the records that hold only such go. Call it once that is durable. */
  addLogBelow(index: LogIndex): void {
    if (index > this.#logSeen) this.#logBelow = index;
    this.#logSeen = index;
  }

  /** The next few removals; `undefined` where nothing is known to be garbage. */
  next(): Promise<readonly StoreOperation[]> | undefined {
    const isClean = this.#ranges.length === 0 && this.#logBelow === undefined;
    return isClean ? undefined : this.#search();
  }

  async #search(): Promise<readonly StoreOperation[]> {
    if (this.#logBelow !== undefined) await this.#resolveLog(this.#logBelow);
    for (;;) {
      const range = this.#ranges.shift();
      if (range === undefined) return [];
      const keys = await this.#store.keys({ ...range, limit: STEP_KEYS });
      const last = keys.at(-1);
      if (last === undefined) continue;
      // Not from the start again: a store skips what was just removed one by one.
      this.#ranges.unshift({ gte: after(last), lt: range.lt });
      return keys.map((key) => ({ type: "del", key }));
    }
  }

  async #resolveLog(index: LogIndex): Promise<void> {
    this.#logBelow = undefined;
    // The record that holds `index` stays, even if it begins below.
    const boundary = await recordKeyAt(this.#store, index);
    if (boundary === undefined || boundary <= this.#logFrom) return;
    this.addRange({ gte: this.#logFrom, lt: boundary });
    this.#logFrom = boundary;
  }
}
