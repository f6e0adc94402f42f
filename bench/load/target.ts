/** What load is put on: takes an operation at a time and tells how each has ended, with no promise in between. */

import type { Job } from "./job.ts";

export interface Outcome {
  done(token: number): void;
  failed(token: number, error: unknown): void;
}

export interface Target {
  /** Makes ready for a job: opens or closes connections. */
  prepare(job: Job): Promise<void>;
  put(token: number, key: string, value: string, outcome: Outcome): void;
  get(token: number, key: string, outcome: Outcome): void;
}

const KEYS = 10_000;

/** Keys in turn, the same for every system, made beforehand. */
export class Keys {
  readonly #keys = Array.from({ length: KEYS }, (_, n) => `key-${String(n).padStart(6, "0")}`);
  #next = 0;

  next(): string {
    this.#next = (this.#next + 1) % KEYS;
    return this.#keys[this.#next] ?? "";
  }
}
