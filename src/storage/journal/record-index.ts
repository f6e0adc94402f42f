/** Where each record stands, by key. It takes about 120 bytes of memory for each. */

import sortedBTree from "sorted-btree";
import type { StoreRange } from "../ordered-store.ts";
import type { Segment } from "./segments.ts";

/** The package is CommonJS: its class is the default of its default. */
const { default: BTree } = sortedBTree;

/** What a record takes beside its key and its value. */
const RECORD_BYTES = 7;

/** Where a value stands. */
export interface Place {
  readonly segment: Segment;
  readonly position: number;
  readonly length: number;
}

export interface IndexedRecord {
  readonly key: string;
  readonly place: Place;
}

export class RecordIndex {
  readonly #places: sortedBTree.default<string, Place> = new BTree(undefined, compareKeys);
  #live = 0;

  /** Bytes of all records. */
  get live(): number {
    return this.#live;
  }

  get(key: string): Place | undefined {
    return this.#places.get(key);
  }

  put(key: string, place: Place): void {
    this.delete(key);
    this.#places.set(key, place);
    this.#count(key, place, 1);
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#count(key, place, -1);
  }

  select({ gte, lt, reverse, limit }: StoreRange): IndexedRecord[] {
    const found: IndexedRecord[] = [];
    const pairs =
      reverse === true
        ? this.#places.entriesReversed(lt, undefined, true)
        : this.#places.entries(gte);
    for (const [key, place] of pairs) {
      if (found.length === limit || (reverse === true ? key < gte : key >= lt)) break;
      found.push({ key, place });
    }
    return found;
  }

  /** The records in `segment`: looks at all there are. */
  recordsIn(segment: Segment): IndexedRecord[] {
    const found: IndexedRecord[] = [];
    this.#places.forEachPair((key, place) => {
      if (place.segment === segment) found.push({ key, place });
    });
    return found;
  }

  #count(key: string, { segment, length }: Place, times: 1 | -1): void {
    const bytes = times * (RECORD_BYTES + key.length + length);
    segment.live += bytes;
    this.#live += bytes;
  }
}

function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
