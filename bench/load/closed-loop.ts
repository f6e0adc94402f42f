/** A closed loop: each of so many writers sends its next operation when its last is answered. */

import { Histogram } from "./histogram.ts";
import type { Job, LoadResult } from "./job.ts";
import { Keys } from "./target.ts";
import type { Outcome, Target } from "./target.ts";

export interface Moments {
  begin(): void;
  end(): void;
}

export class ClosedLoop implements Outcome {
  readonly #target: Target;
  readonly #job: Job;
  readonly #moments: Moments;
  readonly #keys = new Keys();
  readonly #value: string;
  /** By writer: when its present operation was sent. */
  readonly #sentAt: Float64Array;
  readonly #latency = new Histogram();
  #finish: ((result: LoadResult) => void) | undefined;
  #phase: "warm-up" | "measure" | "over" = "warm-up";
  #running = 0;
  #beganAt = 0;
  #endedAt = 0;
  #failed = 0;
  #failure: string | undefined;

  constructor(target: Target, job: Job, moments: Moments) {
    this.#target = target;
    this.#job = job;
    this.#moments = moments;
    this.#value = "v".repeat(job.valueBytes);
    this.#sentAt = new Float64Array(job.concurrency);
  }

  /** Once. */
  run(): Promise<LoadResult> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#start();
    });
  }

  #start(): void {
    const { concurrency, warmUpMs, measureMs } = this.#job;
    setTimeout(() => {
      this.#phase = "measure";
      this.#beganAt = performance.now();
      this.#moments.begin();
      setTimeout(() => {
        this.#phase = "over";
        this.#endedAt = performance.now();
        this.#moments.end();
      }, measureMs);
    }, warmUpMs);
    this.#running = concurrency;
    for (let writer = 0; writer < concurrency; writer += 1) this.#send(writer);
  }

  done(writer: number): void {
    if (this.#phase === "measure")
      this.#latency.record((performance.now() - (this.#sentAt[writer] ?? 0)) * 1000);
    this.#next(writer);
  }

  /** The writer goes on, but not within this call: a refusal may come from within `put`. */
  failed(writer: number, error: unknown): void {
    this.#failed += 1;
    this.#failure ??= error instanceof Error ? error.message : String(error);
    setTimeout(() => this.#next(writer), 1);
  }

  #next(writer: number): void {
    if (this.#phase !== "over") return this.#send(writer);
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#finish?.({
      count: this.#latency.total,
      elapsedMs: this.#endedAt - this.#beganAt,
      latency: this.#latency.counts,
      failed: this.#failed,
      failure: this.#failure,
    });
  }

  #send(writer: number): void {
    this.#sentAt[writer] = performance.now();
    const key = this.#keys.next();
    if (this.#job.operation === "put") this.#target.put(writer, key, this.#value, this);
    else this.#target.get(writer, key, this);
  }
}
