/**
 * The keys of the store: looked up by a hash, kept in order for ranges and snapshots, and captured at once as they are.
 *
 * ```
 *   cells: Map   key -> cell { entry }        finds and changes a value in constant time
 *   order: B+ tree  key -> the same cell      changes only where a key comes or goes; its clones share what is the same
 * ```
 *
 * A capture is a clone of the order, and what its cells held where they have changed since.
 */

import sortedBTree from "sorted-btree";
import type { VersionedValue } from "./results.ts";

interface Cell {
  entry: VersionedValue;
}

type Order = InstanceType<typeof sortedBTree.default<string, Cell>>;

interface Capture {
  readonly order: Order;
  /** What cells held before they changed, those that came later included. */
  readonly former: Map<Cell, VersionedValue>;
}

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
    const cell = this.#cells.get(key);
    if (cell === undefined) return;
    this.#cells.delete(key);
    this.#order.delete(key);
    // A capture that has the cell keeps it, and nobody changes it any more; for the others it shall be gone.
    for (const { order, former } of this.#captures)
      if (order.get(key) !== cell) former.delete(cell);
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
    const capture = { order: this.#order.clone(), former: new Map<Cell, VersionedValue>() };
    this.#captures.add(capture);
    const entries = this.#readOut(capture);
    // To its first step, without which giving up would not reach its end.
    entries.next();
    return entries;
  }

  *#readOut(capture: Capture): Generator<readonly [string, VersionedValue]> {
    const { order, former } = capture;
    try {
      yield NOTHING;
      for (const [key, cell] of order.entries()) yield [key, former.get(cell) ?? cell.entry];
    } finally {
      this.#captures.delete(capture);
    }
  }

  #tell(cell: Cell): void {
    for (const { former } of this.#captures) {
      if (!former.has(cell)) former.set(cell, cell.entry);
    }
  }
}

const NOTHING: readonly [string, VersionedValue] = ["", { value: "", index: 0 }];

/** By UTF-16 code unit: the same on every machine, unlike an order of a language. Strings are compared faster by `===`. */
function compareKeys(left: string, right: string): number {
  return left < right ? -1 : left === right ? 0 : 1;
}
