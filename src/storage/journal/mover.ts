/**
 * What keeps the oldest segment from going is written once more, along with later batches, once more than half of the
 * files is of no use. So a journal takes about twice the room of its records, and each is moved about once for every time
 * that as much is written anew.
 */

import type { RaftError } from "../../errors.ts";
import { storageFailure } from "../checks.ts";
import type { StoreOperation } from "../ordered-store.ts";
import type { IndexedRecord, Place, RecordIndex } from "./record-index.ts";
import type { Segment, Segments } from "./segments.ts";

/** The stretch of a file that is looked at with a batch, at least: in bytes, or one record. It is what a batch grows by. */
const LEAST_BYTES = 64 * 1024;

/** How long that is for each byte of a batch: more than half of what is written may be of use no more. */
const MOVED_PER_WRITTEN = 2;

interface ReadRecord extends IndexedRecord {
  readonly value: Uint8Array;
}

export class Mover {
  readonly #index: RecordIndex;
  readonly #segments: Segments;
  readonly #segmentBytes: number;
  readonly #read: (place: Place) => Promise<Uint8Array>;
  /** What was in use in the oldest segment when that was looked at, and has not been read: the first comes last. */
  #waiting: IndexedRecord[] = [];
  #source: Segment | undefined;
  #isReading = false;
  #ready: readonly ReadRecord[] = [];
  #failure: RaftError | undefined;

  constructor(
    index: RecordIndex,
    segments: Segments,
    segmentBytes: number,
    read: (place: Place) => Promise<Uint8Array>,
  ) {
    this.#index = index;
    this.#segments = segments;
    this.#segmentBytes = segmentBytes;
    this.#read = read;
  }

  /** What goes before the changes of the next batch: those may be about the same records. Throws where it cannot be read. */
  take(): StoreOperation[] {
    if (this.#failure !== undefined) throw this.#failure;
    const ready = this.#ready;
    this.#ready = [];
    return ready
      .filter(({ key, place }) => this.#index.get(key) === place)
      .map(({ key, value }) => ({ type: "put", key, value }));
  }

  /**
   * A batch has been written, of `bytes` but for what was moved with it: reads, beside what comes, what is to be moved with
   * the next.
   */
  onBatch(bytes: number): void {
    if (this.#isReading || this.#ready.length > 0 || !this.#isWanted()) return;
    const { oldestInUse: oldest } = this.#segments;
    if (oldest !== undefined && oldest !== this.#source) {
      this.#source = oldest;
      this.#waiting = this.#index
        .recordsIn(oldest)
        .toSorted((a, b) => b.place.position - a.place.position);
    }
    const records = this.#next(Math.max(LEAST_BYTES, MOVED_PER_WRITTEN * bytes));
    if (records.length === 0) return;
    this.#isReading = true;
    this.#readAll(records).then(
      (ready) => {
        this.#isReading = false;
        this.#ready = ready;
      },
      (error: unknown) => {
        this.#failure = storageFailure(error, "a record cannot be moved");
      },
    );
  }

  #isWanted(): boolean {
    const { oldestInUse, current, bytes } = this.#segments;
    return oldestInUse !== current && bytes > 2 * this.#index.live + 2 * this.#segmentBytes;
  }

  /** Those of the waiting that are still in use, from the first such on: a stretch of `bytes`, or one. */
  #next(bytes: number): IndexedRecord[] {
    const records: IndexedRecord[] = [];
    let end = Infinity;
    for (;;) {
      const record = this.#waiting.at(-1);
      if (record === undefined || endOf(record) > end) return records;
      this.#waiting.pop();
      if (this.#index.get(record.key) !== record.place) continue;
      if (records.length === 0) end = Math.max(record.place.position + bytes, endOf(record));
      records.push(record);
    }
  }

  /** In one piece, however many there are. */
  async #readAll(records: readonly IndexedRecord[]): Promise<readonly ReadRecord[]> {
    const [first] = records;
    const last = records.at(-1);
    if (first === undefined || last === undefined) return [];
    const { segment, position: begin } = first.place;
    const bytes = await this.#read({ segment, position: begin, length: endOf(last) - begin });
    return records.map((record) => ({
      ...record,
      value: bytes.subarray(record.place.position - begin, endOf(record) - begin),
    }));
  }
}

function endOf({ place }: IndexedRecord): number {
  return place.position + place.length;
}
