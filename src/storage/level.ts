/**
 * Storage in a folder: an ordered store on LevelDB, by way of `level`, and the guard in a file beside it.
 *
 * ```
 * <folder>/level/   the database, locked while it is open
 * <folder>/guard    the second copy of term and vote
 * ```
 */

import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Level } from "level";
import { messageOf, RaftError } from "../errors.ts";
import { FileGuard } from "./file-guard.ts";
import { checkBytes, checkPlace } from "./folder-options.ts";
import { createFolder } from "./folders.ts";
import { LogStore } from "./log-store.ts";
import type { OrderedStore, StoreOperation, StoreRange, StoreRecord } from "./ordered-store.ts";
import type { Storage } from "./storage.ts";

type Database = Level<string, Uint8Array>;

/** Of the database; all have defaults. */
export interface LevelOptions {
  /**
   * Bytes that LevelDB gathers in memory before it writes them a second time, sorted: it takes up to twice as much, outside
   * of V8's heap, and reads as much again when it is opened. While it writes, syncs take long: the more it gathers, the
   * less often. From 64 KiB to 1 GiB; default 64 MiB.
   */
  readonly writeBufferBytes?: number | undefined;
}

const DEFAULT_WRITE_BUFFER_BYTES = 64 * 1024 * 1024;
const WRITE_BUFFER_BYTES = { least: 64 * 1024, most: 1024 * 1024 * 1024 };

/**
 * A storage in `folder`, which is created with its parents where it does not exist. One process at a time: `open`
 * rejects with `RAFT_LOCKED` while another has it. For one node, and opened once: make another one for the next start.
 * Throws `RAFT_INVALID_OPTION`.
 */
export function levelStorage(folder: string, options: LevelOptions = {}): Storage {
  checkPlace(folder, options, ["writeBufferBytes"]);
  return new LogStore(
    new LevelOrderedStore(join(folder, "level"), options),
    new FileGuard(join(folder, "guard")),
  );
}

function databaseOptions({ writeBufferBytes = DEFAULT_WRITE_BUFFER_BYTES }: LevelOptions) {
  checkBytes("writeBufferBytes", writeBufferBytes, WRITE_BUFFER_BYTES);
  return {
    keyEncoding: "utf8",
    valueEncoding: "view",
    // Commands are opaque and often compressed already; a log is written once and hardly ever read.
    compression: false,
    writeBufferSize: writeBufferBytes,
  } as const;
}

/** An ordered store in a LevelDB database. */
export class LevelOrderedStore implements OrderedStore {
  readonly #path: string;
  readonly #options: ReturnType<typeof databaseOptions>;
  #opened: Database | undefined;

  /** The database is the folder `path`. Nothing is touched before `open`. Throws `RAFT_INVALID_OPTION`. */
  constructor(path: string, options: LevelOptions = {}) {
    this.#path = path;
    this.#options = databaseOptions(options);
  }

  async open(): Promise<void> {
    try {
      await createFolder(resolve(this.#path));
      // Within one process LevelDB tells by the name alone whether it has a database open already: the same one for all.
      const database: Database = new Level(await realpath(this.#path), this.#options);
      await database.open();
      this.#opened = database;
    } catch (error) {
      throw openFailure(error, this.#path);
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return await this.#try("read", () => this.#database.get(key));
  }

  async range(range: StoreRange): Promise<readonly StoreRecord[]> {
    const pairs = await this.#try("read", () => this.#database.iterator(range).all());
    return pairs.map(([key, value]) => ({ key, value }));
  }

  async keys(range: StoreRange): Promise<readonly string[]> {
    return await this.#try("read", () => this.#database.keys(range).all());
  }

  /** As a chained batch: half the cost of an array of operations where there are many of them. */
  async batch(
    operations: readonly StoreOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    await this.#try("write", () => {
      const batch = this.#database.batch();
      for (const operation of operations) {
        if (operation.type === "put") batch.put(operation.key, operation.value);
        else batch.del(operation.key);
      }
      return batch.write(options);
    });
  }

  /** Waits for what is under way. What was not synced is left to the operating system. */
  async close(): Promise<void> {
    const database = this.#opened;
    this.#opened = undefined;
    if (database !== undefined) await this.#try("close", () => database.close());
  }

  get #database(): Database {
    if (this.#opened === undefined) throw new Error("it is not open");
    return this.#opened;
  }

  async #try<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
    try {
      return await action();
    } catch (error) {
      const isCorrupt = codeOf(error) === "LEVEL_CORRUPTION";
      throw new RaftError(
        isCorrupt ? "RAFT_CORRUPT" : "RAFT_STORAGE_FAILED",
        `cannot ${what} the database in ${this.#path}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}

function openFailure(error: unknown, path: string): RaftError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  switch (codeOf(cause)) {
    case "LEVEL_LOCKED":
      return new RaftError(
        "RAFT_LOCKED",
        `the database in ${path} is open already, here or in another process`,
        { cause },
      );
    case "LEVEL_CORRUPTION":
      return new RaftError(
        "RAFT_CORRUPT",
        `the database in ${path} is damaged: ${messageOf(cause)}`,
        { cause },
      );
    default:
      return new RaftError(
        "RAFT_STORAGE_FAILED",
        `cannot open the database in ${path}: ${messageOf(cause)}`,
        { cause },
      );
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
