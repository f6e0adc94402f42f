/**
 * The clock of one process: monotonic, but neither right nor steady. It has an offset, drifts, jumps forward, and runs on
 * while the process is paused. What is deferred comes a few microseconds later, never in the same instant; what is to come
 * soon comes with the promises of the event, as with the clock of the machine.
 */

import type { Clock, Timer } from "../src/node/clock.ts";
import { MILLION } from "./random.ts";
import type { Rng } from "./random.ts";
import { KIND } from "./scheduler.ts";
import type { Actor, Scheduler, SimEvent } from "./scheduler.ts";

/** The hardware under the clocks of all incarnations of a node. */
export class Oscillator {
  readonly #scheduler: Scheduler;
  #driftPpm: number;
  #sinceUs = 0;
  #localUs: number;

  constructor(scheduler: Scheduler, offsetUs: number, driftPpm: number) {
    this.#scheduler = scheduler;
    this.#localUs = offsetUs;
    this.#driftPpm = driftPpm;
  }

  get localUs(): number {
    const elapsed = this.#scheduler.nowUs - this.#sinceUs;
    return this.#localUs + elapsed + Math.floor((elapsed * this.#driftPpm) / MILLION);
  }

  /** How long it takes, truly, until the clock shows `localUs`. */
  untilUs(localUs: number): number {
    const remaining = localUs - this.localUs;
    return Math.max(0, Math.ceil((remaining * MILLION) / (MILLION + this.#driftPpm)));
  }

  drift(ppm: number): void {
    this.#settle();
    this.#driftPpm = ppm;
  }

  jump(byUs: number): void {
    this.#settle();
    this.#localUs += byUs;
  }

  #settle(): void {
    this.#localUs = this.localUs;
    this.#sinceUs = this.#scheduler.nowUs;
  }
}

interface Armed {
  readonly dueUs: number;
  readonly callback: () => void;
  event: SimEvent | undefined;
}

export class SimClock implements Clock {
  /** What a turn of the event loop costs, in microseconds: nothing else of the process is run meanwhile. */
  turnCostUs = 0;
  readonly #scheduler: Scheduler;
  readonly #oscillator: Oscillator;
  readonly #actor: Actor;
  readonly #rng: Rng;
  readonly #armed = new Set<Armed>();

  constructor(scheduler: Scheduler, oscillator: Oscillator, actor: Actor, rng: Rng) {
    this.#scheduler = scheduler;
    this.#oscillator = oscillator;
    this.#actor = actor;
    this.#rng = rng;
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#armed.size;
  }

  now(): number {
    return this.#oscillator.localUs / 1000;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const dueUs = this.#oscillator.localUs + Math.ceil(Math.max(0, delayMs) * 1000);
    const armed: Armed = { dueUs, callback, event: undefined };
    this.#armed.add(armed);
    this.#arm(armed);
    return {
      cancel: () => {
        this.#armed.delete(armed);
        if (armed.event !== undefined) armed.event.run = undefined;
      },
    };
  }

  defer(callback: () => void): void {
    const delayUs = 1 + this.#rng.below(8);
    this.#scheduler.after(delayUs, KIND.turn, this.#actor, () => {
      if (this.turnCostUs > 0) this.#actor.gateUs = this.#scheduler.nowUs + this.turnCostUs;
      callback();
    });
  }

  soon(callback: () => void): void {
    this.#scheduler.soon(this.#actor, callback);
  }

  /** The oscillator runs otherwise than it did when the timers were set. */
  rearm(): void {
    for (const armed of this.#armed) {
      if (armed.event !== undefined) armed.event.run = undefined;
      this.#arm(armed);
    }
  }

  #arm(armed: Armed): void {
    const delayUs = Math.max(1, this.#oscillator.untilUs(armed.dueUs));
    armed.event = this.#scheduler.after(delayUs, KIND.timer, this.#actor, () => {
      this.#armed.delete(armed);
      armed.callback();
    });
  }
}
