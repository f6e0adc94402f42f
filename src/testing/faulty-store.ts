/** An ordered store whose syncs can be held back or made to fail: what a disk does to those who trust it. */

import type {
  OrderedStore,
  StoreOperation,
  StoreRange,
  StoreRecord,
} from "../storage/ordered-store.ts";

/** How the next synced batch fails. */
export interface StoreFault {
  /** As the operating system says it. */
  readonly code: "EIO" | "ENOSPC";
  /** Whether the batch is in the store nevertheless: after a failed sync nobody knows. */
  readonly isApplied: boolean;
}

/** Another store with faults: its syncs fail, or are held back, as it is told to. */
export class FaultyOrderedStore implements OrderedStore {
  readonly #store: OrderedStore;
  #fault: StoreFault | undefined;
  #isHolding = false;
  #held: (() => void)[] = [];
  #batches = 0;

  constructor(store: OrderedStore) {
    this.#store = store;
  }

  /** Batches that were handed over so far, synced or not. */
  get batches(): number {
    return this.#batches;
  }

  /** The next synced batch rejects, once. */
  failNextSync(fault: StoreFault): void {
    this.#fault = fault;
  }

  /** From now on a synced batch is seen by reads, but neither durable nor done. */
  holdSyncs(): void {
    this.#isHolding = true;
  }

  /** Lets those go on that are held back, and all that follow. */
  releaseSyncs(): void {
    this.#isHolding = false;
    for (const release of this.#held.splice(0)) release();
  }

  async open(): Promise<void> {
    await this.#store.open();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return await this.#store.get(key);
  }

  async range(range: StoreRange): Promise<readonly StoreRecord[]> {
    return await this.#store.range(range);
  }

  async keys(range: StoreRange): Promise<readonly string[]> {
    return await this.#store.keys(range);
  }

  async batch(
    operations: readonly StoreOperation[],
    { sync }: { readonly sync: boolean },
  ): Promise<void> {
    this.#batches += 1;
    const fault = sync ? this.#takeFault() : undefined;
    if (fault !== undefined) {
      if (fault.isApplied) await this.#store.batch(operations, { sync: false });
      throw Object.assign(new Error(`${fault.code}: injected`), { code: fault.code });
    }
    if (sync && this.#isHolding) {
      await this.#store.batch(operations, { sync: false });
      // They may have been let go on meanwhile.
      if (this.#isHolding) await new Promise<void>((resolve) => this.#held.push(resolve));
      await this.#store.batch([], { sync: true });
    } else {
      await this.#store.batch(operations, { sync });
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  #takeFault(): StoreFault | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }
}
