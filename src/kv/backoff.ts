/** How long to wait before trying again: exponential with jitter, so that clients that failed together return apart. */

export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds; doubles with each. */
  readonly baseMs: number;
  /** Upper bound of every wait, in milliseconds. */
  readonly maxMs: number;
  /** A number from 0 up to but not including 1. */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next wait in milliseconds: between half of the bound and the bound, so never nothing. */
  next(): number {
    const { baseMs, maxMs, random } = this.#options;
    const bound = Math.min(maxMs, baseMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return (bound * (1 + random())) / 2;
  }

  /** Something has worked. */
  reset(): void {
    this.#attempts = 0;
  }
}
