/**
 * The keys of the store: looked up by a hash, kept in order for ranges and snapshots, and captured at once as they are.
 *
 * ```
 *   cells: Map   key -> cell { entry }        finds and changes a value in constant time
 *   order: B+ tree  key -> the same cell      changes only where a key comes or goes; its clones share what is the same
 * ```
 *
 * A capture is a clone of the order. What it has not been read out yet and changes meanwhile, it is told first.
 */

import sortedBTree from "sorted-btree";
import type { VersionedValue } from "./results.ts";

interface Cell {
  entry: VersionedValue;
}

type Order = InstanceType<typeof sortedBTree.default<string, Cell>>;

/** What cells held when it was captured, as far as they have changed since. */
type Capture = Map<Cell, VersionedValue>;

export class Keyspace {
  readonly #cells = new Map<string, Cell>();
  readonly #order: Order = new sortedBTree.default<string, Cell>(undefined, compareKeys);
  /** Those that are being read out. */
  readonly #captures = new Set<Capture>();

  get size(): number {
    return this.#cells.size;
  }

  get(key: string): VersionedValue | undefined {
    return this.#cells.get(key)?.entry;
  }

  /** Returns what was there. */
  set(key: string, entry: VersionedValue): VersionedValue | undefined {
    const cell = this.#cells.get(key);
    if (cell === undefined) {
      const fresh = { entry };
      this.#cells.set(key, fresh);
      this.#order.set(key, fresh);
      return undefined;
    }
    const previous = cell.entry;
    if (this.#captures.size > 0) this.#tell(cell);
    cell.entry = entry;
    return previous;
  }

  delete(key: string): void {
    // A capture keeps the cell, which nobody changes any more.
    if (this.#cells.delete(key)) this.#order.delete(key);
  }

  /** From `start` on, inclusive; from the first key where undefined. Not to be used after a change. */
  *ascending(start: string | undefined): Generator<readonly [string, VersionedValue]> {
    for (const [key, { entry }] of this.#order.entries(start)) yield [key, entry];
  }

  /** From below `end` downwards, or from the last key where undefined. Not to be used after a change. */
  *descending(end: string | undefined): Generator<readonly [string, VersionedValue]> {
    for (const [key, { entry }] of this.#order.entriesReversed(end, undefined, true))
      yield [key, entry];
  }

  /**
   * Everything in order, as it is at the call and however it changes until it has been read. Changes cost more until
   * the reader has come to the end or has given up (`return`).
   */
  capture(): Generator<readonly [string, VersionedValue]> {
    const order = this.#order.clone();
    const capture: Capture = new Map();
    this.#captures.add(capture);
    const entries = this.#readOut(order, capture);
    // To its first step, without which giving up would not reach its end.
    entries.next();
    return entries;
  }

  *#readOut(order: Order, capture: Capture): Generator<readonly [string, VersionedValue]> {
    try {
      yield NOTHING;
      for (const [key, cell] of order.entries()) yield [key, capture.get(cell) ?? cell.entry];
    } finally {
      this.#captures.delete(capture);
    }
  }

  #tell(cell: Cell): void {
    for (const capture of this.#captures) {
      if (!capture.has(cell)) capture.set(cell, cell.entry);
    }
  }
}

const NOTHING: readonly [string, VersionedValue] = ["", { value: "", index: 0 }];

/** By UTF-16 code unit: the same on every machine, unlike an order of a language. Strings are compared faster by `===`. */
function compareKeys(left: string, right: string): number {
  return left < right ? -1 : left === right ? 0 : 1;
}
