/**
 * An open loop: operations at fixed times, answered or not, as users come. The latency of each is counted from when it
 * was meant to be sent: what a stall holds up is in the percentiles, and not only the few operations that were under way
 * (coordinated omission). Sent in ticks of a millisecond, which counts as well.
 */

import type { Job, LoadResult } from "./job.ts";
import { Tally } from "./tally.ts";
import type { Moments } from "./tally.ts";
import { Keys } from "./target.ts";
import type { Outcome, Target } from "./target.ts";

/** Under way at once; beyond it an operation waits its turn, and its latency is counted all the while. */
const MAX_OUTSTANDING = 4096;

/** How long answers may come after the end. */
const PATIENCE_MS = 20_000;

interface Intent {
  readonly at: number;
  readonly counts: boolean;
}

export class OpenLoop implements Outcome {
  readonly #target: Target;
  readonly #job: Job;
  readonly #gapMs: number;
  readonly #tally: Tally;
  readonly #keys = new Keys();
  readonly #value: string;
  readonly #intents: (Intent | undefined)[] = [];
  readonly #free: number[] = Array.from({ length: MAX_OUTSTANDING }, (_, token) => token);
  #nextAt = 0;

  constructor(target: Target, job: Job, perSecond: number, moments: Moments) {
    this.#target = target;
    this.#job = job;
    this.#gapMs = 1000 / perSecond;
    this.#tally = new Tally(job, moments);
    this.#value = "v".repeat(job.valueBytes);
  }

  /** Once. What is not even sent by the end of a long wait is not counted, and told as failed. */
  async run(): Promise<LoadResult> {
    this.#tally.start();
    this.#nextAt = performance.now();
    while (!this.#tally.isOver) {
      this.#sendDue(performance.now());
      await tick();
    }
    const end = performance.now();
    while (this.#nextAt < end || this.#free.length < MAX_OUTSTANDING) {
      if (performance.now() > end + PATIENCE_MS) {
        this.#tally.failed(new Error("it was not answered in time"));
        break;
      }
      this.#sendDue(end);
      await tick();
    }
    return this.#tally.result;
  }

  done(token: number): void {
    const intent = this.#intents[token];
    if (intent?.counts === true) this.#tally.took(intent.at);
    this.#tally.answered();
    this.#free.push(token);
  }

  failed(token: number, error: unknown): void {
    this.#tally.failed(error);
    this.#free.push(token);
  }

  #sendDue(now: number): void {
    while (this.#nextAt < now) {
      const token = this.#free.pop();
      if (token === undefined) return;
      this.#intents[token] = { at: this.#nextAt, counts: this.#counts };
      this.#nextAt += this.#gapMs;
      const key = this.#keys.next();
      if (this.#job.operation === "put") this.#target.put(token, key, this.#value, this);
      else this.#target.get(token, key, this);
    }
  }

  /** Also what is sent late, after the end, counts: it was meant for the measured time. */
  get #counts(): boolean {
    return this.#tally.isMeasuring || this.#tally.isOver;
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
