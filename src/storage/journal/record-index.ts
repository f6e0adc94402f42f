/**
 * Where each record stands, by key. It takes about 120 bytes of memory for each.
 *
 * Keys that are the same up to their last `/` are kept in one run: there are few of those, and within one keys come at the
 * end and go at the front. With a tree for all of them the changes of a batch took four times as long.
 */

import type { StoreRange } from "../ordered-store.ts";
import { KeyRun } from "./key-run.ts";
import type { Segment } from "./segments.ts";

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
  readonly #runs = new Map<string, KeyRun<Place>>();
  #live = 0;

  /** Bytes of all records. */
  get live(): number {
    return this.#live;
  }

  get(key: string): Place | undefined {
    return this.#runs.get(groupOf(key))?.get(key);
  }

  put(key: string, place: Place): void {
    const group = groupOf(key);
    let run = this.#runs.get(group);
    if (run === undefined) this.#runs.set(group, (run = new KeyRun()));
    this.#count(key, run.set(key, place), -1);
    this.#count(key, place, 1);
  }

  delete(key: string): void {
    const group = groupOf(key);
    const run = this.#runs.get(group);
    if (run === undefined) return;
    this.#count(key, run.delete(key), -1);
    if (run.isEmpty) this.#runs.delete(group);
  }

  select(range: StoreRange): IndexedRecord[] {
    const { limit, reverse } = range;
    const found: IndexedRecord[] = [];
    for (const run of this.#runs.values()) {
      let left = limit;
      run.visit(range, (key, place) => {
        found.push({ key, place });
        left -= 1;
        return left > 0;
      });
    }
    const sign = reverse === true ? -1 : 1;
    return found.toSorted((a, b) => (a.key < b.key ? -sign : sign)).slice(0, limit);
  }

  /** The records in `segment`: looks at all there are. */
  recordsIn(segment: Segment): IndexedRecord[] {
    const found: IndexedRecord[] = [];
    for (const run of this.#runs.values()) {
      run.visitAll((key, place) => {
        if (place.segment === segment) found.push({ key, place });
      });
    }
    return found;
  }

  #count(key: string, place: Place | undefined, times: 1 | -1): void {
    if (place === undefined) return;
    const bytes = times * (RECORD_BYTES + key.length + place.length);
    place.segment.live += bytes;
    this.#live += bytes;
  }
}

function groupOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}
