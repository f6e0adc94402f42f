/**
 * The files of a journal, oldest first. The last is written to, and the one that comes after it is made ready beside the
 * writing. What the oldest held is overwritten by a later one: a file that has been written before is synced far faster
 * than one that grows.
 */

import { encodeHeader, HEADER_BYTES, seedOf } from "./format.ts";
import type { JournalFile, JournalFolder } from "./folder.ts";

const NAME = /^segment-([0-9a-f]{14})$/;
/** A file of zeros in the making. */
const UNFINISHED = "unfinished";
/** A file that nobody needs for the moment. */
const SPARE = "spare";

export class Segment {
  readonly number: number;
  readonly file: JournalFile;
  /** See `seedOf`. */
  readonly seed: number;
  /** Where the next batch goes. */
  end: number = HEADER_BYTES;
  /** Bytes of the records that are in use. */
  live = 0;
  /** Reads that are under way. */
  readers = 0;

  constructor(number: number, file: JournalFile, seed: number) {
    this.number = number;
    this.file = file;
    this.seed = seed;
  }

  hasRoomFor(bytes: number): boolean {
    return this.end + bytes <= this.file.size;
  }
}

export interface SegmentsOptions {
  /** How large a file is; one for a batch that does not fit into that is larger. */
  readonly segmentBytes: number;
  readonly salt: number;
}

export class Segments {
  readonly #folder: JournalFolder;
  readonly #options: SegmentsOptions;
  readonly #list: Segment[];
  #bytes = 0;
  #next: Promise<Segment>;
  #hasSpare: boolean;
  /** What is done to files, one step after the other; after the first that fails there are no more. */
  #steps: Promise<unknown> = Promise.resolve();

  /** `list` are those that were found; the last is written to, unless there is none. */
  constructor(
    folder: JournalFolder,
    options: SegmentsOptions,
    {
      list,
      next,
      hasSpare,
    }: {
      readonly list: readonly Segment[];
      readonly next: Segment | undefined;
      readonly hasSpare: boolean;
    },
  ) {
    this.#folder = folder;
    this.#options = options;
    this.#list = [...list];
    this.#hasSpare = hasSpare;
    for (const { file } of list) this.#bytes += file.size;
    const number = (list.at(-1)?.number ?? 0) + 1;
    this.#next = next === undefined ? this.#make(number) : Promise.resolve(next);
  }

  /** The one that is written to; `undefined` before the first batch. */
  get current(): Segment | undefined {
    return this.#list.at(-1);
  }

  /** The first in which anything is in use. */
  get oldestInUse(): Segment | undefined {
    return this.#list.find(({ live }) => live > 0);
  }

  /** Of all files but the one that is made ready. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * How many could be given up: nothing in them is in use, and nobody reads. Only from the front: what a later one holds
   * may be the deletion of what an earlier one does.
   */
  get idle(): number {
    const needed = this.#list.findIndex(({ live, readers }) => live > 0 || readers > 0);
    return needed === -1 ? Math.max(0, this.#list.length - 1) : needed;
  }

  /** Goes on to the next; where that has no room for a batch of `bytes`, the one after it will. */
  async advance(bytes: number): Promise<Segment> {
    const segment = await this.#next;
    this.#list.push(segment);
    this.#bytes += segment.file.size;
    const { segmentBytes } = this.#options;
    const following = segment.hasRoomFor(bytes) ? segmentBytes : HEADER_BYTES + bytes;
    this.#next = this.#make(segment.number + 1, Math.max(segmentBytes, following));
    return segment;
  }

  /** Gives up the oldest ones, so many, which are idle. */
  retire(count: number): void {
    for (const segment of this.#list.splice(0, count)) this.#retire(segment);
  }

  /** Waits for what is under way, and closes every file, also where one of them cannot be. */
  async close(): Promise<void> {
    const next = await this.#next.catch(() => undefined);
    await this.#steps.catch(() => undefined);
    const segments = next === undefined ? this.#list : [...this.#list, next];
    const closed = segments.map(({ file }) => file.close());
    await Promise.allSettled(closed);
    await Promise.all(closed);
  }

  #retire(segment: Segment): void {
    this.#bytes -= segment.file.size;
    const name = nameOf(segment.number);
    // Also where no step is taken any more.
    const closed = segment.file.close();
    closed.catch(() => undefined);
    void this.#step(async () => {
      await closed;
      if (this.#hasSpare || segment.file.size !== this.#options.segmentBytes) {
        await this.#folder.remove(name);
      } else {
        await this.#folder.rename(name, SPARE);
        this.#hasSpare = true;
      }
    });
  }

  #make(number: number, size = this.#options.segmentBytes): Promise<Segment> {
    return this.#step(async () => {
      const header = { number, salt: this.#options.salt };
      const isSpare = this.#hasSpare && size === this.#options.segmentBytes;
      if (isSpare) this.#hasSpare = false;
      else await this.#folder.create(UNFINISHED, size);
      const name = isSpare ? SPARE : UNFINISHED;
      const file = await this.#folder.openFile(name);
      try {
        await file.write(encodeHeader(header), 0);
        // Known as a segment once its header is there: a segment without one is damaged.
        await this.#folder.rename(name, nameOf(number));
      } catch (error) {
        await file.close();
        throw error;
      }
      return new Segment(number, file, seedOf(header));
    });
  }

  #step<Value>(action: () => Promise<Value>): Promise<Value> {
    const step = this.#steps.then(action);
    this.#steps = step;
    // Whoever advances next hears of it.
    step.catch(() => undefined);
    return step;
  }
}

/** What is in the folder: its segments in order, and what else a journal leaves there. */
export interface Listing {
  readonly numbers: readonly number[];
  readonly hasSpare: boolean;
  readonly hasUnfinished: boolean;
}

export async function listSegments(folder: JournalFolder): Promise<Listing> {
  const names = await folder.list();
  const numbers = names
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map((digits) => Number.parseInt(digits, 16));
  return {
    numbers: numbers.toSorted((a, b) => a - b),
    hasSpare: names.includes(SPARE),
    hasUnfinished: names.includes(UNFINISHED),
  };
}

/** Takes away what a crash has left half done, and a spare file of another size. */
export async function tidyFolder(
  folder: JournalFolder,
  { hasSpare, hasUnfinished }: Listing,
  segmentBytes: number,
): Promise<{ readonly hasSpare: boolean }> {
  if (hasUnfinished) await folder.remove(UNFINISHED);
  if (!hasSpare) return { hasSpare: false };
  const spare = await folder.openFile(SPARE);
  await spare.close();
  if (spare.size === segmentBytes) return { hasSpare: true };
  await folder.remove(SPARE);
  return { hasSpare: false };
}

export function nameOf(number: number): string {
  return `segment-${number.toString(16).padStart(14, "0")}`;
}
