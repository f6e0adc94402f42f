/**
 * What a journal does first: replays its segments. The first thing that is no batch is the end of a segment; a batch that
 * is torn must be the last of all, since none is written before the one before it is on disk. Anything else is damage, and
 * never cut off (rule 71).
 */

import { verify } from "../checks.ts";
import type { JournalFile, JournalFolder } from "./folder.ts";
import {
  batchAt,
  changesIn,
  decodeHeader,
  HEADER_BYTES,
  isFollowedByBatch,
  seedOf,
} from "./format.ts";
import type { FoundBatch } from "./format.ts";
import { RecordIndex } from "./record-index.ts";
import { listSegments, nameOf, Segment, Segments, tidyFolder } from "./segments.ts";

export interface Journal {
  readonly segments: Segments;
  readonly index: RecordIndex;
  /** Of the last batch, 0 where there is none. */
  readonly number: number;
}

export interface JournalSettings {
  /** Of a file. */
  readonly segmentBytes: number;
  /** At least 0, below 1. */
  readonly random: () => number;
}

export async function recoverJournal(
  folder: JournalFolder,
  { segmentBytes, random }: JournalSettings,
): Promise<Journal> {
  const listing = await listSegments(folder);
  const { hasSpare } = await tidyFolder(folder, listing, segmentBytes);
  const replay = new Replay(folder);
  try {
    for (const number of listing.numbers) await replay.add(number);
    const { list, next } = await replay.end();
    const salt = replay.salt ?? Math.floor(random() * 2 ** 32);
    const segments = new Segments(folder, { segmentBytes, salt }, { list, next, hasSpare });
    return { segments, index: replay.index, number: replay.number };
  } catch (error) {
    await replay.close();
    throw error;
  }
}

/** The last batch, which may have reached the page cache only. */
interface LastBatch {
  readonly segment: Segment;
  readonly position: number;
  readonly bytes: Uint8Array;
}

class Replay {
  readonly index: RecordIndex = new RecordIndex();
  number = 0;
  salt: number | undefined;
  readonly #folder: JournalFolder;
  readonly #segments: Segment[] = [];
  #last: LastBatch | undefined;

  constructor(folder: JournalFolder) {
    this.#folder = folder;
  }

  /** Replays the segment `number`. */
  async add(number: number): Promise<void> {
    const before = this.#segments.at(-1);
    verify(
      before === undefined || number === before.number + 1,
      `segment ${(before?.number ?? 0) + 1} of the journal is missing`,
    );
    const file = await this.#folder.openFile(nameOf(number));
    const segment = await this.#open(number, file);
    this.#segments.push(segment);
    this.#batches(segment, await file.read(0, file.size));
  }

  /** The segments that hold batches, and the one that was made ready. Makes sure that the last batch is on disk. */
  async end(): Promise<{ readonly list: readonly Segment[]; readonly next: Segment | undefined }> {
    const used = this.#segments.findLastIndex(({ end }) => end > HEADER_BYTES) + 1;
    const list = this.#segments.slice(0, used);
    const empty = list.find(({ end }) => end === HEADER_BYTES);
    verify(
      empty === undefined,
      `segment ${empty?.number ?? 0} of the journal has lost what it held`,
    );
    // Those behind the one that comes next were meant for a batch that never took place.
    for (const { number, file } of this.#segments.slice(used + 1).toReversed()) {
      await file.close();
      await this.#folder.remove(nameOf(number));
    }
    if (this.#last !== undefined) {
      const { segment, position, bytes } = this.#last;
      // Written, not only synced: after a sync that failed the page cache may hold what the disk does not.
      await segment.file.write(bytes, position);
    }
    return { list, next: this.#segments[used] };
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments) await file.close();
  }

  async #open(number: number, file: JournalFile): Promise<Segment> {
    try {
      const isWhole = file.size >= HEADER_BYTES;
      const header = isWhole ? decodeHeader(await file.read(0, HEADER_BYTES)) : undefined;
      this.salt ??= header?.salt;
      verify(
        header?.number === number && header.salt === this.salt,
        `the header of segment ${number} of the journal is damaged`,
      );
      return new Segment(number, file, seedOf(header));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #batches(segment: Segment, bytes: Uint8Array): void {
    const { seed } = segment;
    for (;;) {
      const batch = batchAt(bytes, segment.end, seed);
      if (batch === undefined) break;
      verify(
        this.number === 0 || batch.number === this.number + 1,
        `the journal has lost batch ${this.number + 1}: batch ${batch.number} follows`,
      );
      this.#take(segment, bytes, batch);
    }
    verify(
      !isFollowedByBatch(bytes, segment.end, { seed, above: this.number }),
      `the journal is damaged behind batch ${this.number}: there are batches behind that`,
    );
  }

  #take(segment: Segment, bytes: Uint8Array, batch: FoundBatch): void {
    for (const { type, key, position, length } of changesIn(bytes, batch)) {
      if (type === "put") this.index.put(key, { segment, position, length });
      else this.index.delete(key);
    }
    const position = segment.end;
    this.#last = { segment, position, bytes: bytes.subarray(position, batch.next) };
    this.number = batch.number;
    segment.end = batch.next;
  }
}
