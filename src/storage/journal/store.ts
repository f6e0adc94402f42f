/**
 * An ordered store that is nothing but its own journal: batches, one behind the other, in files that were written before
 * (see `format`), and in memory where each record stands. Each batch is one write, durable when it ends; LevelDB writes
 * everything twice, and a file that grows is slower to sync.
 *
 * A record stays where it was written until another of the same key is written or it is deleted. The oldest file goes when
 * nothing in it is in use (see `mover`). Only ever the oldest: a later one may hold the deletion of what it holds.
 */

import type { OrderedStore, StoreOperation, StoreRange, StoreRecord } from "../ordered-store.ts";
import type { JournalFolder } from "./folder.ts";
import { batchBytes, encodeBatch } from "./format.ts";
import { Mover } from "./mover.ts";
import type { Place, RecordIndex } from "./record-index.ts";
import { recoverJournal } from "./recovery.ts";
import type { JournalSettings } from "./recovery.ts";
import type { Segment, Segments } from "./segments.ts";

/** A batch up to this size is put together in memory that is kept for the next. */
const KEPT_BYTES = 2 * 1024 * 1024;
/** So much of it at first: most journals never see a large batch. */
const FIRST_KEPT_BYTES = 16 * 1024;

interface Opened {
  readonly segments: Segments;
  readonly index: RecordIndex;
  readonly mover: Mover;
  /** Of the last batch. */
  number: number;
}

interface Batch {
  readonly operations: readonly StoreOperation[];
  /** See `batchBytes`. */
  readonly bytes: number;
}

/** An ordered store on files that are only ever written to at their end. Every batch is synced, whether asked or not. */
export class JournalStore implements OrderedStore {
  readonly #folder: JournalFolder;
  readonly #settings: JournalSettings;
  #workspace: Buffer = Buffer.allocUnsafeSlow(FIRST_KEPT_BYTES);
  #opened: Opened | undefined;

  constructor(folder: JournalFolder, settings: JournalSettings) {
    this.#folder = folder;
    this.#settings = settings;
  }

  async open(): Promise<void> {
    await this.#folder.open();
    const { segments, index, number } = await recoverJournal(this.#folder, this.#settings);
    const { segmentBytes } = this.#settings;
    const mover = new Mover(index, segments, segmentBytes, read);
    this.#opened = { segments, index, mover, number };
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const place = this.#usable().index.get(key);
    return place === undefined ? undefined : await read(place);
  }

  async range(range: StoreRange): Promise<readonly StoreRecord[]> {
    const found = this.#usable().index.select(range);
    const values = await Promise.all(found.map(({ place }) => read(place)));
    return found.map(({ key }, at) => ({ key, value: values[at] ?? new Uint8Array(0) }));
  }

  async keys(range: StoreRange): Promise<readonly string[]> {
    return this.#usable()
      .index.select(range)
      .map(({ key }) => key);
  }

  async batch(operations: readonly StoreOperation[]): Promise<void> {
    const opened = this.#usable();
    const { segments, mover } = opened;
    // What this batch takes out of use stays until it is not the last any more: damage to the last one costs it alone.
    const { idle } = segments;
    const moved = mover.take();
    const own = batchBytes(operations);
    const all = moved.length === 0 ? operations : [...moved, ...operations];
    const bytes = moved.length === 0 ? own : batchBytes(all);
    const { current } = segments;
    const hasRoom = current?.hasRoomFor(bytes) === true;
    const segment = hasRoom ? current : await this.#advance(opened, bytes);
    await this.#append(opened, segment, { operations: all, bytes });
    segments.retire(idle);
    mover.onBatch(own);
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    try {
      await opened?.segments.close();
    } finally {
      await this.#folder.close();
    }
  }

  #usable(): Opened {
    if (this.#opened === undefined) throw new Error("it is not open");
    return this.#opened;
  }

  /** Goes on to a segment with room. */
  async #advance(opened: Opened, bytes: number): Promise<Segment> {
    for (;;) {
      const segment = await opened.segments.advance(bytes);
      if (segment.hasRoomFor(bytes)) return segment;
      // One that is left without a batch would look like one that has lost what it held.
      await this.#append(opened, segment, { operations: [], bytes: batchBytes([]) });
    }
  }

  async #append(opened: Opened, segment: Segment, { operations, bytes }: Batch): Promise<void> {
    const workspace = this.#workspaceFor(bytes);
    const places: number[] = [];
    const position = segment.end;
    const number = opened.number + 1;
    encodeBatch(workspace, { seed: segment.seed, number }, operations, places);
    await segment.file.write(workspace.subarray(0, bytes), position);
    opened.number = number;
    segment.end += bytes;
    for (const [at, operation] of operations.entries()) {
      const { key } = operation;
      if (operation.type === "del") opened.index.delete(key);
      else {
        const { length } = operation.value;
        opened.index.put(key, { segment, position: position + (places[at] ?? 0), length });
      }
    }
  }

  #workspaceFor(bytes: number): Buffer {
    if (bytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#workspace.length)
      this.#workspace = Buffer.allocUnsafeSlow(Math.min(2 * bytes, KEPT_BYTES));
    return this.#workspace;
  }
}

async function read({ segment, position, length }: Place): Promise<Uint8Array> {
  segment.readers += 1;
  try {
    return await segment.file.read(position, length);
  } finally {
    segment.readers -= 1;
  }
}
