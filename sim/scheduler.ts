/**
 * Virtual time: one queue of events on (microsecond, order of scheduling). An event is run, the promises that it settled
 * are run to their end, what was touched is checked, then comes the next. Nothing else ever happens: the loop gives the
 * thread back to Node only where a run begins.
 *
 * An event may belong to an actor, a process: it is dropped when that process is dead, and waits while it is paused or
 * busy.
 */

import { RollingHash } from "./rolling-hash.ts";

/** Whoever runs code: one incarnation of a node, or a client. */
export interface Actor {
  /** For the hash and for checkers: the number of the node; clients come after the nodes. */
  readonly slot: number;
  isAlive: boolean;
  /** Nothing of it is run before this microsecond. */
  gateUs: number;
}

export interface SimEvent {
  timeUs: number;
  readonly order: number;
  readonly kind: number;
  readonly actor: Actor | undefined;
  /** `undefined` once it has run or was cancelled. */
  run: (() => void) | undefined;
  readonly digest: number;
}

/** What an event is, for the hash. Never change a number: recorded hashes depend on them. */
export const KIND = {
  timer: 1,
  turn: 2,
  deliver: 3,
  disk: 4,
  clientFrame: 5,
  fault: 6,
  operation: 7,
  process: 8,
  send: 9,
  admit: 10,
  phase: 11,
  apply: 12,
} as const;

export interface SchedulerHooks {
  /** After each event, once everything that it caused is done. */
  readonly onStep: (actor: Actor | undefined) => void;
  /** What code under test has thrown outside of any promise. */
  readonly onThrow: (error: unknown, actor: Actor | undefined) => void;
}

const NOW: Promise<void> = Promise.resolve();

export class Scheduler {
  readonly hash: RollingHash = new RollingHash();
  readonly #hooks: SchedulerHooks;
  readonly #enter: (begin: () => void) => void;
  readonly #heap: SimEvent[] = [];
  #nowUs = 0;
  #order = 0;
  #steps = 0;
  #wantsDrain = false;
  #isStopped = false;

  /** `enter` calls back from outside of any promise, which is where promises can be run to their end from. */
  constructor(hooks: SchedulerHooks, enter: (begin: () => void) => void = setImmediate) {
    this.#hooks = hooks;
    this.#enter = enter;
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  /** Events run so far: the global clock of histories. */
  get steps(): number {
    return this.#steps;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Runs `run` after `delayUs`, which is at least 0, unless its actor is dead by then. */
  after(
    delayUs: number,
    kind: number,
    actor: Actor | undefined,
    run: () => void,
    digest: number = 0,
  ): SimEvent {
    const timeUs = this.#nowUs + Math.max(0, Math.floor(delayUs));
    const event = { timeUs, order: this.#order, kind, actor, run, digest };
    this.#order += 1;
    this.#push(event);
    return event;
  }

  /** Runs `run` with the promises of the event that is run now, unless its actor is dead by then. */
  soon(actor: Actor, run: () => void): void {
    this.#wantsDrain = true;
    void NOW.then(() => {
      if (actor.isAlive) this.#try(run, actor);
    });
  }

  /** Something was done to a promise: it is to be run to its end before the next event. */
  wantDrain(): void {
    this.#wantsDrain = true;
  }

  /** No event is run any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Runs events up to and including `untilUs`, or until `isDone`, asked after each. Resolves whether it was done. */
  run(untilUs: number, isDone: () => boolean = () => false): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#enter(() => {
        this.#run(untilUs, isDone).then(resolve, reject);
      });
    });
  }

  async #run(untilUs: number, isDone: () => boolean): Promise<boolean> {
    while (!this.#isStopped && !isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.timeUs > untilUs) {
        this.#nowUs = Math.max(this.#nowUs, untilUs);
        return false;
      }
      this.#pop();
      if (!this.#step(next)) continue;
      if (this.#wantsDrain) {
        this.#wantsDrain = false;
        if (runPromises === undefined) await nextImmediate();
        else runPromises();
      }
      this.#hooks.onStep(next.actor);
    }
    return !this.#isStopped;
  }

  /** Whether the event was run, and not dropped or put off. */
  #step(event: SimEvent): boolean {
    const { run, actor } = event;
    if (run === undefined || actor?.isAlive === false) return false;
    if (actor !== undefined && actor.gateUs > event.timeUs) {
      event.timeUs = actor.gateUs;
      this.#push(event);
      return false;
    }
    this.#nowUs = event.timeUs;
    this.#steps += 1;
    this.hash.mix(event.timeUs, event.kind, actor?.slot ?? 255, event.digest);
    event.run = undefined;
    this.#try(run, actor);
    return true;
  }

  #try(run: () => void, actor: Actor | undefined): void {
    try {
      run();
    } catch (error) {
      this.#hooks.onThrow(error, actor);
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, child)) {
        below += 1;
        child = right;
      }
      if (isBefore(moved, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = moved;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.timeUs < b.timeUs || (a.timeUs === b.timeUs && a.order < b.order);
}

/**
 * What Node does between two callbacks: runs every promise that can settle to its end, and reports a rejection that nobody
 * handles. It is not documented; where it is missing, a turn of the event loop does the same, slower.
 */
const runPromises = Reflect.get(process, "_tickCallback") as (() => void) | undefined;

/** Resolves in the next turn of the event loop. */
export function nextImmediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
