/**
 * Time that passes only as fast as there is something to do: a queue of timers and deferred callbacks, run in order. One
 * callback at a time, and all promises that it settled are through before the next.
 */

import type { Clock, Timer } from "../../src/node/clock.ts";

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #deferred: (() => void)[] = [];
  readonly #timers: Scheduled[] = [];

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + delayMs, order: this.#order++, callback };
    let at = this.#timers.findIndex((other) => other.at > timer.at);
    if (at === -1) at = this.#timers.length;
    this.#timers.splice(at, 0, timer);
    return {
      cancel: () => {
        const place = this.#timers.indexOf(timer);
        if (place !== -1) this.#timers.splice(place, 1);
      },
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  soon(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#runWhile(() => (this.#timers[0]?.at ?? Infinity) <= end);
    this.#now = end;
  }

  /** The process is paused: when it wakes up `ms` later, nothing has run and much is due. */
  leap(ms: number): void {
    this.#now += ms;
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Lets time pass until `condition` holds; throws after `limitMs` of it. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const end = this.#now + limitMs;
    await this.#runWhile(() => !condition() && (this.#timers[0]?.at ?? Infinity) <= end, condition);
    if (!condition()) throw new Error(`not so within ${limitMs} ms of virtual time`);
  }

  /** Lets time pass until the promise settles, and gives its outcome. */
  async settle<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    promise.then(mark, mark);
    await this.until(() => settled, limitMs);
    return promise;
  }

  async #runWhile(timersWanted: () => boolean, done: () => boolean = () => false): Promise<void> {
    await drain();
    while (!done()) {
      const deferred = this.#deferred.shift();
      if (deferred !== undefined) {
        deferred();
      } else {
        if (!timersWanted()) return;
        const timer = this.#timers.shift();
        if (timer === undefined) return;
        this.#now = Math.max(this.#now, timer.at);
        timer.callback();
      }
      await drain();
    }
  }
}

/** All promises that can settle have settled. */
function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
