/**
 * Which writes are done at once, with the event loop held, rather than by another thread: the way there and back takes
 * longer than a small write to a fast disk.
 */

/** Beyond that, work that goes on beside the disk is worth more than the way saved. */
const SMALL_BYTES = 1024;
/** A write that takes longer is slow. */
const SLOW_MS = 0.5;
/** What a slow disk gets to: see `#rest`. */
const LONGEST_REST = 128;

/** A disk that is always slow holds the event loop for less than a hundredth of the time in the long run. */
export class WritePace {
  #notBefore = -Infinity;
  /** After a slow write others do the next ones for so many times what it took. Doubles with it, and halves with a quick one. */
  #rest = 1;

  /** Whether a write of so many bytes is done at once at `now`, in milliseconds. */
  holds(bytes: number, now: number): boolean {
    return bytes <= SMALL_BYTES && now >= this.#notBefore;
  }

  /** One that was done at once has taken from `start` until `end`. */
  onHeld(start: number, end: number): void {
    const took = end - start;
    if (took <= SLOW_MS) {
      this.#rest = Math.max(1, this.#rest / 2);
      return;
    }
    this.#rest = Math.min(LONGEST_REST, this.#rest * 2);
    this.#notBefore = end + took * this.#rest;
  }
}
