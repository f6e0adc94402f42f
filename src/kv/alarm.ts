/** One timer for any number of deadlines: it runs for the earliest. */

import type { Clock, Timer } from "../node/clock.ts";

export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  #at = Infinity;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Goes off at `at`, in milliseconds of the clock, unless it is set for earlier. It goes off once. */
  setFor(at: number): void {
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => {
      this.#at = Infinity;
      this.#onDue();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#at = Infinity;
  }
}
