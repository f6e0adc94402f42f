/** What a load counts, and when: the warm-up, the measured time, and what is still answered after it. */

import { Histogram } from "./histogram.ts";
import type { Job, LoadResult } from "./job.ts";

export interface Moments {
  begin(): void;
  end(): void;
}

export class Tally {
  readonly #job: Job;
  readonly #moments: Moments;
  readonly #latency = new Histogram();
  #phase: "warm-up" | "measure" | "over" = "warm-up";
  #beganAt = 0;
  #endedAt = 0;
  #answered = 0;
  #failed = 0;
  #failure: string | undefined;

  constructor(job: Job, moments: Moments) {
    this.#job = job;
    this.#moments = moments;
  }

  /** The warm-up begins. */
  start(): void {
    setTimeout(() => {
      this.#phase = "measure";
      this.#beganAt = performance.now();
      this.#moments.begin();
      setTimeout(() => this.end(), this.#job.measureMs);
    }, this.#job.warmUpMs);
  }

  get isMeasuring(): boolean {
    return this.#phase === "measure";
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** The measured time is over, if it was not. */
  end(): void {
    if (this.#phase !== "measure") return;
    this.#phase = "over";
    this.#endedAt = performance.now();
    this.#moments.end();
  }

  /** An operation was answered; it counts if this is the measured time. */
  answered(): void {
    if (this.#phase === "measure") this.#answered += 1;
  }

  /** An operation that is to be in the percentiles was begun at `since`, and is answered now. */
  took(since: number): void {
    this.#latency.record((performance.now() - since) * 1000);
  }

  failed(error: unknown): void {
    this.#failed += 1;
    this.#failure ??= error instanceof Error ? error.message : String(error);
  }

  get result(): LoadResult {
    return {
      count: this.#answered,
      elapsedMs: this.#endedAt - this.#beganAt,
      latency: this.#latency.counts,
      failed: this.#failed,
      failure: this.#failure,
    };
  }
}
