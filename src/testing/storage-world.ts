/** The data that a case of the storage conformance suite works on: writing, coming again, and what is written. */

import type { Configuration, Entry, SnapshotMeta, Write } from "../core/types.ts";
import type { OpenedStorage, Storage, StorageIdentity } from "../storage/storage.ts";

/** One set of data, empty at first. */
export interface StorageFixture {
  /** A new handle on the data, not open yet. */
  readonly create: () => Storage;
  /** Ends whoever has the data open without a chance to finish anything; what is not durable is lost. */
  readonly crash?: () => Promise<void>;
  /** Removes the data. All handles are closed or crashed. */
  readonly dispose: () => Promise<void>;
}

export const BOOTSTRAP: Configuration = {
  voters: [{ id: "a", address: "localhost:1", storeId: "store-a" }],
  votersOutgoing: [],
  learners: [{ id: "b", address: "localhost:2", storeId: undefined }],
};

export const IDENTITY: StorageIdentity = {
  clusterId: "cluster",
  nodeId: "a",
  bootstrap: BOOTSTRAP,
  newStoreId: "store-a",
};

/** What is not text. */
export const EVERY_BYTE: Buffer = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** A storage of the fixture and what it found, with the means to write and to come again. */
export class Run {
  readonly #fixture: StorageFixture;
  #storage: Storage;
  #sequence = 0;

  constructor(fixture: StorageFixture) {
    this.#fixture = fixture;
    this.#storage = fixture.create();
  }

  get storage(): Storage {
    return this.#storage;
  }

  async open(identity: StorageIdentity = IDENTITY): Promise<OpenedStorage> {
    return await this.#storage.open(identity);
  }

  write(fields: Partial<Omit<Write, "sequence">>): Promise<void> {
    this.#sequence += 1;
    return this.#storage.write({
      sequence: this.#sequence,
      hardState: undefined,
      truncateFrom: undefined,
      entries: [],
      snapshot: undefined,
      compactTo: undefined,
      ...fields,
    });
  }

  async again(identity?: StorageIdentity): Promise<OpenedStorage> {
    await (this.#fixture.crash?.() ?? this.#storage.close());
    this.renew();
    return await this.open(identity);
  }

  /** A new handle in place of the present one. */
  renew(): void {
    this.#storage = this.#fixture.create();
    this.#sequence = 0;
  }

  create(): Storage {
    return this.#fixture.create();
  }

  /** `index:term` of what is read. */
  async read(from: number, to: number, maxBytes = 1_000_000): Promise<readonly string[]> {
    const entries = await this.#storage.readEntries({ from, to, maxBytes });
    return entries.map(({ index, term }) => `${index}:${term}`);
  }

  async switchTo(snapshot: SnapshotMeta, fields: Partial<Write> = {}): Promise<void> {
    await this.#storage.stageChunk(snapshot.id, 0, Buffer.from(snapshot.id));
    await this.write({ ...fields, snapshot });
  }
}

/** What a case does; it rejects where the storage breaks its contract. */
export type Body = (run: Run) => Promise<void>;

export function command(
  index: number,
  term: number,
  payload: Uint8Array = Buffer.from("x"),
): Entry {
  return { index, term, time: index * 10, kind: "command", payload, encoded: undefined };
}

export function commandsFrom(from: number, to: number, term: number): readonly Entry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => command(from + offset, term));
}

export function snapshotAt(index: number, term: number, id = `snapshot-${index}`): SnapshotMeta {
  return {
    id,
    lastIncluded: { term, index },
    time: index * 10,
    configuration: { index: 0, configuration: BOOTSTRAP },
  };
}

/** The entry for comparison: without the cache of its bytes, and with plain bytes for a view of them. */
export function withoutCache(entry: Entry): unknown {
  return entry.kind === "command"
    ? { ...entry, encoded: undefined, payload: Buffer.from(entry.payload).toString("hex") }
    : { ...entry, encoded: undefined };
}
