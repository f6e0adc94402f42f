/**
 * What one key of the store does, as a sequential specification written apart from the store itself: the model that
 * histories are compared with.
 *
 * `execute` is the specification. `RegisterModel` wraps it for the search, which wants small integers for states and
 * operations.
 */

import type { LogIndex } from "../src/core/types.ts";
import type {
  Call,
  Found,
  HistoryExpectation,
  HistoryValue,
  Operation,
  Result,
} from "./history.ts";
import { Observable } from "./observable.ts";
import { REFUSED } from "./search.ts";
import type { SequentialModel } from "./search.ts";

export const ABSENT: Found = Object.freeze({ value: undefined, index: undefined });

export interface Execution {
  readonly status: "ok" | "mismatch" | "wrong-type" | "too-large";
  /** What is at the key afterwards. */
  readonly after: Found;
}

/**
 * The call on a key that holds `before`, at a log index where known. A value has no bound of length here: of a string
 * `"too-large"` is never the answer.
 */
export function execute(call: Call, before: Found, index: LogIndex | undefined): Execution {
  switch (call.op) {
    case "get":
      return { status: "ok", after: before };
    case "put":
      return written(call.value, index);
    case "delete":
      return written(undefined, index);
    case "cas":
      return meets(call.expected, before)
        ? written(call.value, index)
        : { status: "mismatch", after: before };
    case "append":
      return typeof before.value === "number"
        ? { status: "wrong-type", after: before }
        : written((before.value ?? "") + call.value, index);
    case "increment":
      return incremented(before, call.value, index);
  }
}

function incremented(before: Found, by: number, index: LogIndex | undefined): Execution {
  const from = before.value ?? 0;
  if (typeof from !== "number" || !Number.isSafeInteger(from)) {
    return { status: "wrong-type", after: before };
  }
  const sum = from + by;
  return Number.isSafeInteger(sum) ? written(sum, index) : { status: "too-large", after: before };
}

function written(value: HistoryValue | undefined, index: LogIndex | undefined): Execution {
  return { status: "ok", after: value === undefined ? ABSENT : { value, index } };
}

function meets(expected: HistoryExpectation, before: Found): boolean {
  switch (expected.type) {
    case "absent":
      return before.value === undefined;
    case "value":
      return before.value === expected.value;
    case "index":
      return before.value !== undefined && before.index === expected.index;
  }
}

/** Whether what an answer tells of a key can be what is there: an index that one of them lacks is not compared. */
function agrees(told: Found, there: Found): boolean {
  return (
    told.value === there.value &&
    (told.index === undefined || there.index === undefined || told.index === there.index)
  );
}

/**
 * Whether the result can be that of the call on a key that holds `before`, and what is there then; `undefined` where it
 * cannot. Without a result only an effect counts: an unknown call that failed is as if it had never been made.
 */
export function explain(call: Call, result: Result | undefined, before: Found): Found | undefined {
  if (result?.previous !== undefined && !agrees(result.previous, before)) return undefined;
  if (result?.status === "too-large" && call.op === "append") return before;

  if (call.op === "cas" && call.expected.type === "index" && isOfUnknownWrite(before)) {
    // Nobody knows the index that an unknown write got: the answer is believed.
    const took = result === undefined || result.status === "ok";
    return took ? written(call.value, result?.index).after : before;
  }
  const { status, after } = execute(call, before, result?.index);
  return status === (result?.status ?? "ok") ? after : undefined;
}

function isOfUnknownWrite(found: Found): boolean {
  return found.value !== undefined && found.index === undefined;
}

/** One key's operations for the search. A state stands for a `Found`, an operation for its position in the list. */
export class RegisterModel implements SequentialModel {
  readonly initialState: number;
  readonly #operations: readonly Operation[];
  readonly #states: Found[] = [];
  /** By value, then by index. */
  readonly #ids = new Map<HistoryValue | undefined, Map<LogIndex | undefined, number>>();
  readonly #observable: Observable;
  /** Where no answer tells an index, states that differ in nothing else are one. */
  readonly #keepsIndexes: boolean;

  constructor(operations: readonly Operation[]) {
    this.#operations = operations;
    this.#observable = new Observable(operations);
    this.#keepsIndexes = operations.some(
      ({ call, result }) =>
        result?.previous?.index !== undefined ||
        (call.op === "cas" && call.expected.type === "index"),
    );
    this.initialState = this.#idOf(ABSENT);
  }

  /** What the state stands for. */
  stateAt(state: number): Found {
    return this.#states[state] ?? ABSENT;
  }

  step(state: number, operation: number): number {
    const { call, result } = this.#at(operation);
    const after = explain(call, result, this.stateAt(state));
    if (after === undefined) return REFUSED;
    // Nobody ever sees what it would write: then it need not take effect.
    if (result === undefined && !this.#observable.has(after.value)) return REFUSED;
    return this.#idOf(after);
  }

  isReadOnly(operation: number): boolean {
    const { call, result } = this.#at(operation);
    return result !== undefined && (call.op === "get" || result.status !== "ok");
  }

  isBlind(operation: number): boolean {
    const { call, result } = this.#at(operation);
    return (call.op === "put" || call.op === "delete") && result?.previous === undefined;
  }

  likeness(operation: number): string {
    return JSON.stringify(this.#at(operation).call);
  }

  #at(operation: number): Operation {
    const found = this.#operations[operation];
    if (found === undefined) throw new RangeError(`no operation ${operation}`);
    return found;
  }

  #idOf(found: Found): number {
    const index = this.#keepsIndexes ? found.index : undefined;
    let ids = this.#ids.get(found.value);
    if (ids === undefined) {
      ids = new Map();
      this.#ids.set(found.value, ids);
    }
    let id = ids.get(index);
    if (id === undefined) {
      id = this.#states.length;
      this.#states.push({ value: found.value, index });
      ids.set(index, id);
    }
    return id;
  }
}
