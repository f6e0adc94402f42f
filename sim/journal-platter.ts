/**
 * What the files of a journal hold for good, by a reading of its own: the batches in them one behind the other, as far as
 * none is missing. Most of the time only what has changed is read; all of it where anything else has happened than a
 * batch more, a segment more, or one less in which nothing is in use.
 */

import {
  batchAt,
  changesIn,
  decodeHeader,
  HEADER_BYTES,
  seedOf,
} from "../src/storage/journal/format.ts";
import type { FoundBatch } from "../src/storage/journal/format.ts";
import type { StoreOperation } from "../src/storage/ordered-store.ts";
import { Platter } from "./platter.ts";
import type { PlatterChange } from "./platter.ts";

/** Bytes by the names of the files. */
export type Files = ReadonlyMap<string, Buffer>;

interface ReadSegment {
  readonly name: string;
  readonly file: Buffer;
  /** What the checksums of its batches begin with. */
  readonly seed: number;
  /** Records in it that nothing later has replaced. */
  live: number;
}

interface ReadBatch {
  readonly number: number;
  readonly segment: ReadSegment;
  /** Where it stands there. */
  readonly position: number;
  readonly end: number;
  readonly operations: readonly StoreOperation[];
}

export class JournalPlatter {
  readonly platter: Platter = new Platter();
  /** Of the last batch that is there with all before it. */
  #number = 0;
  /** In their order. */
  #segments: readonly ReadSegment[] = [];
  /** Where each record stands. */
  readonly #places = new Map<string, ReadSegment>();

  get number(): number {
    return this.#number;
  }

  /** Something was written to a file. How many changes it has, where it is the next batch. */
  onWritten(
    files: () => Files,
    file: Buffer,
    position: number,
  ): { readonly change: PlatterChange | undefined; readonly changes: number } {
    const segment = this.#segments.find((each) => each.file === file);
    if (segment === undefined) return { change: undefined, changes: 0 };
    const found = batchAt(file, position, segment.seed);
    // The last batch is written anew when a journal is opened.
    if (found?.number === this.#number) return { change: undefined, changes: 0 };
    if (found?.number !== this.#number + 1) return { change: this.readAll(files()), changes: 0 };
    const batch = batchOf(segment, found, position);
    this.#take(batch);
    const { operations } = batch;
    return { change: this.platter.apply(operations), changes: operations.length };
  }

  /** A file has another name now, or none, which is "". */
  onRenamed(files: Files, from: string, to: string): PlatterChange | undefined {
    const oldest = this.#segments[0];
    const added = segmentOf(to, files.get(to));
    if (isSegment(from)) {
      const isOfNoUse = from === oldest?.name && oldest.live === 0 && !isSegment(to);
      if (!isOfNoUse) return this.readAll(files);
      this.#segments = this.#segments.slice(1);
    } else if (isSegment(to)) {
      const isBehindAll = this.#segments.every(({ name }) => name < to);
      if (added === undefined || !isBehindAll) return this.readAll(files);
      this.#segments = [...this.#segments, added];
    }
    return undefined;
  }

  readAll(files: Files): PlatterChange {
    const records = new Map<string, Uint8Array>();
    this.#number = 0;
    this.#places.clear();
    this.#segments = segmentsIn(files);
    for (const batch of batchesIn(this.#segments)) {
      this.#take(batch);
      for (const operation of batch.operations) {
        if (operation.type === "put") records.set(operation.key, operation.value);
        else records.delete(operation.key);
      }
    }
    return this.platter.replace(
      [...records].map(([key, value]) => ({ type: "put", key, value }) as const),
    );
  }

  /** All that are there now. */
  batches(): readonly ReadBatch[] {
    return [...batchesIn(this.#segments)];
  }

  #take({ number, segment, operations }: ReadBatch): void {
    this.#number = number;
    for (const { type, key } of operations) {
      const former = this.#places.get(key);
      if (former !== undefined) former.live -= 1;
      if (type === "del") this.#places.delete(key);
      else {
        this.#places.set(key, segment);
        segment.live += 1;
      }
    }
  }
}

export function isSegment(name: string): boolean {
  return name.startsWith("segment-");
}

/** Up to the first that is none, though it is called one. */
function segmentsIn(files: Files): readonly ReadSegment[] {
  const segments: ReadSegment[] = [];
  for (const name of [...files.keys()].filter(isSegment).toSorted()) {
    const segment = segmentOf(name, files.get(name));
    if (segment === undefined) break;
    segments.push(segment);
  }
  return segments;
}

function segmentOf(name: string, file: Buffer | undefined): ReadSegment | undefined {
  const header = file === undefined ? undefined : decodeHeader(file);
  if (file === undefined || header === undefined) return undefined;
  return { name, file, seed: seedOf(header), live: 0 };
}

/** Up to the first that is missing. */
function* batchesIn(segments: readonly ReadSegment[]): Generator<ReadBatch> {
  let number: number | undefined;
  for (const segment of segments) {
    for (let at = HEADER_BYTES; ;) {
      const found = batchAt(segment.file, at, segment.seed);
      if (found === undefined) break;
      if (number !== undefined && found.number !== number + 1) return;
      ({ number } = found);
      yield batchOf(segment, found, at);
      at = found.next;
    }
  }
}

function batchOf(segment: ReadSegment, found: FoundBatch, at: number): ReadBatch {
  const { file } = segment;
  // The file may be written to again, and checkers keep what they have seen.
  const bytes = copyOf(file, at, found.end - at);
  const operations = [...changesIn(file, found)].map(
    ({ type, key, position, length }): StoreOperation => {
      if (type === "del") return { type, key };
      return { type, key, value: bytes.subarray(position - at, position - at + length) };
    },
  );
  return { number: found.number, segment, position: at, end: found.end, operations };
}

/** Bytes of their own. */
export function copyOf(file: Buffer, position: number, length: number): Uint8Array {
  return Buffer.from(file.subarray(position, position + length));
}
