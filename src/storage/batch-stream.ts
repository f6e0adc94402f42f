/**
 * The one stream of writes to an ordered store: one batch under way at a time, whatever waits meanwhile becomes the next.
 * Every batch is synced. LevelDB keeps its word on the order of batches only so: when it begins a new journal, what was
 * not synced in the old one can be lost while a later, synced batch is kept.
 *
 * The stream ends with the first failure. Nothing is retried: after a failed fsync nobody knows what the disk holds
 * (rule 72), and a store whose journal broke off in the middle of a record would append behind the break.
 */

import { RaftError } from "../errors.ts";
import { storageFailure } from "./checks.ts";
import type { StoreOperation } from "./ordered-store.ts";

/** How many bytes of waiting work go into one batch; a larger piece goes alone. Four megabytes sync in little more than one. */
const MAX_BATCH_BYTES = 1024 * 1024;

export interface Work {
  readonly bytes: number;
  /** Whether everything before it must be in the store already when `plan` is called. */
  readonly startsBatch: boolean;
  /** Adds its operations to those of the batch. Called once, in order. */
  plan(operations: StoreOperation[]): void | Promise<void>;
}

export interface BatchSink {
  /** Makes a batch durable. */
  commit(operations: StoreOperation[]): Promise<void>;
  /** A few removals that can wait for the next batch; `undefined` where there is nothing to look for. Runs beside `commit`. */
  tidy(): Promise<readonly StoreOperation[]> | undefined;
}

interface Waiting {
  readonly work: Work;
  readonly resolve: () => void;
  readonly reject: (error: RaftError) => void;
}

const NOTHING: readonly StoreOperation[] = [];

export class BatchStream {
  readonly #sink: BatchSink;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #failure: RaftError | undefined;
  #isClosed = false;

  constructor(sink: BatchSink) {
    this.#sink = sink;
  }

  /** Why there are no more writes, once there are none. */
  get failure(): RaftError | undefined {
    return this.#failure;
  }

  /** Resolves when the work, and all that was added before it, is durable. */
  add(work: Work): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
      this.wake();
    });
  }

  /** Looks for something to do. */
  wake(): void {
    this.#running ??= this.#run();
  }

  /** Ends tidying, waits for what was added, takes no more. Whether everything that was ever added is durable. */
  async close(): Promise<boolean> {
    this.#isClosed = true;
    await this.#running;
    const isWhole = this.#failure === undefined;
    this.#failure ??= new RaftError("RAFT_STOPPED", "the storage is closed");
    return isWhole;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // One step later, so that what is added in one go becomes one batch.
    await Promise.resolve();
    try {
      let removals = NOTHING;
      for (;;) {
        if (this.#waiting.length === 0 && removals.length === 0)
          removals = (await this.#tidy()) ?? NOTHING;
        const taken = this.#take();
        if (taken.length === 0 && removals.length === 0) break;
        removals = await this.#write(taken, removals);
      }
    } catch (error) {
      this.#fail(storageFailure(error, "a write failed"));
    }
    this.#running = undefined;
  }

  /** Makes what was taken durable, removals in the same batch; finds out meanwhile what to remove in the next. */
  async #write(
    taken: readonly Waiting[],
    removals: readonly StoreOperation[],
  ): Promise<readonly StoreOperation[]> {
    try {
      const operations: StoreOperation[] = [];
      for (const { work } of taken) {
        const planned = work.plan(operations);
        if (planned !== undefined) await planned;
      }
      operations.push(...removals);
      const done = this.#sink.commit(operations).then(() => {
        for (const { resolve } of taken) resolve();
      });
      const search = this.#tidy();
      // Both to their end, so that nothing is under way any more where the stream ends here.
      if (search !== undefined) await Promise.allSettled([done, search]);
      await done;
      return search === undefined ? NOTHING : await search;
    } catch (error) {
      const failure = storageFailure(error, "a write failed");
      for (const { reject } of taken) reject(failure);
      throw failure;
    }
  }

  #tidy(): Promise<readonly StoreOperation[]> | undefined {
    return this.#isClosed ? undefined : this.#sink.tidy();
  }

  /** What goes into the next batch: at least one. */
  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { work } of this.#waiting) {
      bytes += work.bytes;
      if (count > 0 && (work.startsBatch || bytes > MAX_BATCH_BYTES)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #fail(cause: RaftError): void {
    const message = `the storage has failed before: ${cause.message}`;
    const failure = new RaftError("RAFT_STORAGE_FAILED", message, { cause });
    this.#failure = failure;
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }
}
