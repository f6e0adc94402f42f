/** A clock that stands still until the test moves it; `defer` is the machine's. */

import type { Clock, Timer } from "../../src/node/clock.ts";

export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  soon(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** When the next timer is due, from now; `undefined` where there is none. */
  get next(): number | undefined {
    const ats = [...this.#timers].map(({ at }) => at);
    return ats.length === 0 ? undefined : Math.min(...ats) - this.#now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#timers]
        .filter(({ at }) => at <= until)
        .toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = until;
  }
}
