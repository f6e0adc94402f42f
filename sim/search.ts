/**
 * Is there an order of these operations, each somewhere between its beginning and its end, that the sequential model
 * explains? The algorithm of Wing and Gong (1993) with Lowe's cache of configurations (2017), over lists as in
 * porcupine: calls and returns by time in one doubly linked list; to place an operation is to lift its two nodes out.
 *
 * Four things are done beside:
 * - Operations without an end are in a list of their own and tried last: most are not needed.
 * - One that only reads is placed as soon as it fits: from then on it is in nobody's way.
 * - Of operations without an end that do the same, the one that began first is placed first.
 * - One that overwrites without looking is not placed after one without an end: the latter might as well not have been.
 */

import { Configurations, NO_CONFIGURATION, SEEN } from "./configurations.ts";

/** The model's answer where an operation cannot have taken place in a state. */
export const REFUSED = -1;

/** Operations are numbers from 0, states small ones that are equal where the states are. */
export interface SequentialModel {
  readonly initialState: number;
  /** The state after the operation with the answer that it got, or `REFUSED`. */
  step(state: number, operation: number): number;
  /** It has an end, and leaves every state that it fits as it is. */
  isReadOnly(operation: number): boolean;
  /** Its answer and the state after it are the same in every state. */
  isBlind(operation: number): boolean;
  /** Of operations without an end: equal where they do the same in every state. */
  likeness(operation: number): string;
}

export interface Interval {
  readonly start: number;
  /** Not before `start`; `undefined`: open for ever, and the operation need not take place at all. */
  readonly end: number | undefined;
}

export interface SearchBudget {
  /** Most configurations kept: bounds time and memory. */
  readonly maxConfigurations: number;
  /** Asked now and then. */
  readonly expired: () => boolean;
}

export interface SearchResult {
  readonly verdict: "linearizable" | "violation" | "undecided";
  readonly configurations: number;
  /** The order that was found; else that of the longest beginning of the history that has one. */
  readonly order: readonly number[];
  /** The state after `order`. */
  readonly state: number;
  /** Otherwise: the operation whose return ends that beginning. All that came next without it failed. */
  readonly blocked: number | undefined;
}

/** A step on the way, to be taken back. */
interface Frame {
  readonly operation: number;
  readonly stateBefore: number;
  readonly recordBefore: number;
  readonly lastPlacedBefore: number;
  /** Of an operation without an end: those that began after this position may not come yet. */
  readonly limit: number;
  /** Nothing else need be tried in its place. */
  readonly forced: boolean;
}

const STEPS_BETWEEN_LOOKS = 1024;

/** Operations with an end come first in `intervals`, each part in the order of beginnings. */
export function search(
  intervals: readonly Interval[],
  model: SequentialModel,
  budget: SearchBudget,
): SearchResult {
  return new Search(intervals, model, budget).run();
}

class Search {
  readonly #model: SequentialModel;
  readonly #budget: SearchBudget;
  readonly #events: EventLists;
  readonly #placed: Configurations;
  /** Of each operation without an end the one before it that does the same. */
  readonly #twins: Int32Array;
  readonly #frames: Frame[] = [];
  readonly #completed: number;
  #open: number;
  #state: number;
  #record: number = NO_CONFIGURATION;
  #lastPlaced = -1;
  #best = { position: -1, record: NO_CONFIGURATION, state: 0, blocked: -1 };

  constructor(intervals: readonly Interval[], model: SequentialModel, budget: SearchBudget) {
    const completed = intervals.filter(({ end }) => end !== undefined).length;
    this.#model = model;
    this.#budget = budget;
    this.#events = new EventLists(intervals, completed);
    this.#placed = new Configurations({ completed, unknown: intervals.length - completed });
    this.#twins = twinsOf(intervals.length, completed, model);
    this.#completed = completed;
    this.#open = completed;
    this.#state = model.initialState;
    this.#best.state = model.initialState;
  }

  run(): SearchResult {
    let node = this.#events.first;
    let limit = -1;
    for (let steps = 1; this.#open > 0; steps++) {
      if (steps % STEPS_BETWEEN_LOOKS === 0 && this.#budget.expired())
        return this.#stuck("undecided");
      if (this.#placed.count >= this.#budget.maxConfigurations) return this.#stuck("undecided");

      if (this.#events.isReturn(node)) {
        limit = this.#events.positionOf(node);
        this.#noteDeadEnd(node, limit);
        node = this.#events.firstUnknown;
      } else if (this.#events.isEnd(node) || this.#isTooLate(node, limit)) {
        const frame = this.#takeBack();
        if (frame === undefined) return this.#stuck("violation");
        node = this.#events.after(frame.operation);
        limit = frame.limit;
      } else if (this.#place(node, limit)) node = this.#events.first;
      else node = this.#events.after(node);
    }
    const order = this.#placed.pathTo(this.#record);
    return this.#result("linearizable", order, this.#state, undefined);
  }

  #isTooLate(node: number, limit: number): boolean {
    return node >= this.#completed && this.#events.positionOf(node) > limit;
  }

  #place(operation: number, limit: number): boolean {
    const isUnknown = operation >= this.#completed;
    if (isUnknown && this.#twinComesFirst(operation)) return false;
    const last = this.#frames.at(-1);
    const afterUnknown = last !== undefined && last.operation >= this.#completed;
    if (afterUnknown && this.#model.isBlind(operation)) return false;

    const stateBefore = this.#state;
    const state = this.#model.step(stateBefore, operation);
    // Without an end and without an effect: as good as not placed.
    if (state === REFUSED || (isUnknown && state === stateBefore)) return false;

    const recordBefore = this.#record;
    const lastPlacedBefore = this.#lastPlaced;
    this.#lift(operation);
    const record = this.#placed.add(
      state,
      {
        firstOpen: this.#open === 0 ? this.#completed : this.#events.first,
        lastPlaced: this.#lastPlaced,
      },
      { parent: recordBefore, operation },
    );
    if (record === SEEN) {
      this.#unlift(operation, lastPlacedBefore);
      return false;
    }
    this.#record = record;
    this.#state = state;
    const forced = this.#model.isReadOnly(operation);
    this.#frames.push({ operation, stateBefore, recordBefore, lastPlacedBefore, limit, forced });
    return true;
  }

  #twinComesFirst(operation: number): boolean {
    const twin = this.#twins[operation - this.#completed] ?? -1;
    return twin >= 0 && !this.#placed.has(twin);
  }

  /** Back to before the last step that has an alternative; `undefined` where there is none. */
  #takeBack(): Frame | undefined {
    for (;;) {
      const frame = this.#frames.pop();
      if (frame === undefined) return undefined;
      this.#unlift(frame.operation, frame.lastPlacedBefore);
      this.#state = frame.stateBefore;
      this.#record = frame.recordBefore;
      if (!frame.forced) return frame;
    }
  }

  #lift(operation: number): void {
    this.#events.lift(operation);
    this.#placed.toggle(operation);
    if (operation >= this.#completed) return;
    this.#open--;
    this.#lastPlaced = Math.max(this.#lastPlaced, operation);
  }

  #unlift(operation: number, lastPlacedBefore: number): void {
    this.#events.unlift(operation);
    this.#placed.toggle(operation);
    if (operation >= this.#completed) return;
    this.#open++;
    this.#lastPlaced = lastPlacedBefore;
  }

  #noteDeadEnd(node: number, position: number): void {
    if (position <= this.#best.position) return;
    const blocked = this.#events.operationOf(node);
    this.#best = { position, record: this.#record, state: this.#state, blocked };
  }

  #stuck(verdict: "violation" | "undecided"): SearchResult {
    const { record, state, blocked } = this.#best;
    return this.#result(
      verdict,
      this.#placed.pathTo(record),
      state,
      blocked < 0 ? undefined : blocked,
    );
  }

  #result(
    verdict: SearchResult["verdict"],
    order: readonly number[],
    state: number,
    blocked: number | undefined,
  ): SearchResult {
    return { verdict, configurations: this.#placed.count, order, state, blocked };
  }
}

/**
 * The two lists of events. The node of a call is the number of its operation; returns come after all calls, then the
 * two nodes at which the lists begin and end.
 */
class EventLists {
  readonly #operations: number;
  readonly #completed: number;
  readonly #head: number;
  readonly #unknownHead: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #positions: Int32Array;

  constructor(intervals: readonly Interval[], completed: number) {
    this.#operations = intervals.length;
    this.#completed = completed;
    this.#head = intervals.length + completed;
    this.#unknownHead = this.#head + 1;
    this.#next = new Int32Array(this.#head + 2);
    this.#previous = new Int32Array(this.#head + 2);
    this.#positions = new Int32Array(this.#head + 2);

    let last = this.#head;
    let lastUnknown = this.#unknownHead;
    for (const [position, node] of this.#nodesInOrder(intervals).entries()) {
      this.#positions[node] = position;
      const isUnknown = node >= completed && node < intervals.length;
      this.#join(isUnknown ? lastUnknown : last, node);
      if (isUnknown) lastUnknown = node;
      else last = node;
    }
    this.#join(last, this.#head);
    this.#join(lastUnknown, this.#unknownHead);
  }

  get first(): number {
    return this.after(this.#head);
  }

  get firstUnknown(): number {
    return this.after(this.#unknownHead);
  }

  after(node: number): number {
    return this.#next[node] ?? this.#head;
  }

  isReturn(node: number): boolean {
    return node >= this.#operations && node < this.#head;
  }

  isEnd(node: number): boolean {
    return node >= this.#head;
  }

  operationOf(node: number): number {
    return this.isReturn(node) ? node - this.#operations : node;
  }

  positionOf(node: number): number {
    return this.#positions[node] ?? 0;
  }

  lift(operation: number): void {
    this.#take(operation);
    if (operation < this.#completed) this.#take(this.#operations + operation);
  }

  /** Only in the reverse order of lifting. */
  unlift(operation: number): void {
    if (operation < this.#completed) this.#putBack(this.#operations + operation);
    this.#putBack(operation);
  }

  /** By time, at the same time calls first: what touches is concurrent. */
  #nodesInOrder(intervals: readonly Interval[]): readonly number[] {
    const times = new Float64Array(this.#head);
    for (const [operation, { start, end }] of intervals.entries()) {
      times[operation] = start;
      if (end !== undefined) times[this.#operations + operation] = end;
    }
    const nodes = Array.from(times.keys());
    return nodes.toSorted(
      (left, right) => (times[left] ?? 0) - (times[right] ?? 0) || left - right,
    );
  }

  #join(left: number, right: number): void {
    this.#next[left] = right;
    this.#previous[right] = left;
  }

  #take(node: number): void {
    this.#join(this.#previous[node] ?? 0, this.#next[node] ?? 0);
  }

  #putBack(node: number): void {
    this.#next[this.#previous[node] ?? 0] = node;
    this.#previous[this.#next[node] ?? 0] = node;
  }
}

function twinsOf(operations: number, completed: number, model: SequentialModel): Int32Array {
  const twins = new Int32Array(operations - completed);
  const last = new Map<string, number>();
  for (let operation = completed; operation < operations; operation++) {
    const likeness = model.likeness(operation);
    twins[operation - completed] = last.get(likeness) ?? -1;
    last.set(likeness, operation);
  }
  return twins;
}
