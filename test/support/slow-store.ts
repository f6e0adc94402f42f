/** An ordered store that takes its time, as a disk does: a synced batch can be seen at once and is durable later. */

import type { Clock } from "../../src/node/clock.ts";
import type {
  OrderedStore,
  StoreOperation,
  StoreRange,
  StoreRecord,
} from "../../src/storage/ordered-store.ts";

export class SlowOrderedStore implements OrderedStore {
  readonly #store: OrderedStore;
  readonly #clock: Clock;
  readonly #delayMs: () => number;

  constructor(store: OrderedStore, clock: Clock, delayMs: () => number) {
    this.#store = store;
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  open(): Promise<void> {
    return this.#store.open();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await this.#wait();
    return this.#store.get(key);
  }

  async range(range: StoreRange): Promise<readonly StoreRecord[]> {
    await this.#wait();
    return this.#store.range(range);
  }

  async keys(range: StoreRange): Promise<readonly string[]> {
    await this.#wait();
    return this.#store.keys(range);
  }

  async batch(
    operations: readonly StoreOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    await this.#store.batch(operations, { sync: false });
    if (!options.sync) return;
    await this.#wait();
    await this.#store.batch([], { sync: true });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #wait(): Promise<void> {
    const delayMs = this.#delayMs();
    if (delayMs > 0) await new Promise<void>((done) => this.#clock.setTimer(delayMs, done));
  }
}
