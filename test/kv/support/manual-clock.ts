/** A clock that goes when it is told to, and then runs everything that has become due, promises included. */

import type { Clock, Timer } from "../../../src/node/clock.ts";

interface Armed {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 1000;
  #deferred: (() => void)[] = [];
  readonly #timers = new Set<Armed>();

  /** How many timers run: none may be left behind. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const armed = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(armed);
    return { cancel: () => void this.#timers.delete(armed) };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  soon(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Runs all that can run without time going by. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 10_000; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      const due = this.#deferred;
      if (due.length === 0) return;
      this.#deferred = [];
      for (const callback of due) callback();
    }
    throw new Error("it never comes to rest");
  }

  /** Lets `ms` pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (;;) {
      const next = [...this.#timers].toSorted((left, right) => left.at - right.at)[0];
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.callback();
      await this.settle();
    }
    this.#now = end;
    await this.settle();
  }
}
