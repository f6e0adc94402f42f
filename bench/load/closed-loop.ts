/** A closed loop: each of so many writers sends its next operation when its last is answered. */

import type { Job, LoadResult } from "./job.ts";
import { Tally } from "./tally.ts";
import type { Moments } from "./tally.ts";
import { Keys } from "./target.ts";
import type { Outcome, Target } from "./target.ts";

export class ClosedLoop implements Outcome {
  readonly #target: Target;
  readonly #job: Job;
  readonly #tally: Tally;
  readonly #keys = new Keys();
  readonly #value: string;
  /** By writer: when its present operation was sent. */
  readonly #sentAt: Float64Array;
  #left: number;
  #running: number;
  #finish: ((result: LoadResult) => void) | undefined;

  constructor(target: Target, job: Job, moments: Moments) {
    this.#target = target;
    this.#job = job;
    this.#tally = new Tally(job, moments);
    this.#value = "v".repeat(job.valueBytes);
    this.#sentAt = new Float64Array(job.concurrency);
    this.#left = job.operations ?? Infinity;
    this.#running = job.concurrency;
  }

  /** Once. */
  run(): Promise<LoadResult> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#tally.start();
      const start = (): void => {
        for (let writer = 0; writer < this.#job.concurrency; writer += 1) this.#next(writer);
      };
      // Without a warm-up everything counts.
      if (this.#job.warmUpMs === 0) setTimeout(start, 1);
      else start();
    });
  }

  done(writer: number): void {
    if (this.#tally.isMeasuring) this.#tally.took(this.#sentAt[writer] ?? 0);
    this.#tally.answered();
    this.#next(writer);
  }

  /** The writer goes on, but not within this call: a refusal may come from within `put`. */
  failed(writer: number, error: unknown): void {
    this.#tally.failed(error);
    setTimeout(() => this.#next(writer), 1);
  }

  #next(writer: number): void {
    if (this.#tally.isOver || this.#left === 0) return this.#rest();
    this.#left -= 1;
    this.#sentAt[writer] = performance.now();
    const key = this.#keys.next();
    if (this.#job.operation === "put") this.#target.put(writer, key, this.#value, this);
    else this.#target.get(writer, key, this);
  }

  #rest(): void {
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#tally.end();
    this.#finish?.(this.#tally.result);
  }
}
