/**
 * The check for long histories. Every answer names its place in the log, so the order need not be searched: it is
 * there, and only has to be looked at. Sorted by log index, the answers must be those of a replay, and no operation may
 * have ended before an earlier one in that order began. In the time of sorting, for all keys together.
 *
 * Stricter than linearizability, since it believes the index that an answer names: a history that it refuses can be
 * judged once more by `checkLinearizability`. One that it accepts is linearizable.
 */

import type { LogIndex } from "../src/core/types.ts";
import { resolveUnknown } from "./golden-log.ts";
import type { GoldenCommand, GoldenViolation, PlacedOperation } from "./golden-log.ts";
import { isWrite } from "./history.ts";
import type { Found, Operation } from "./history.ts";
import { ABSENT, execute, explain } from "./register.ts";

export interface WitnessOptions {
  /**
   * All commands that were executed, by ascending index, those of unknown outcome among them. Without it a key is
   * undecided when its answers cannot be explained without its unknown writes.
   */
  readonly golden?: readonly GoldenCommand[];
}

type WitnessViolation =
  /** By its index it comes after the other, but it had ended before that one began. */
  | { readonly type: "order"; readonly earlier: Operation; readonly operation: Operation }
  /** The answer is not that of a replay up to its index, which finds this at the key. */
  | { readonly type: "answer"; readonly operation: Operation; readonly state: Found }
  /** Two writes were answered with one index. */
  | { readonly type: "shared-index"; readonly earlier: Operation; readonly operation: Operation }
  | GoldenViolation;

export type WitnessVerdict =
  | { readonly type: "linearizable"; readonly placed: number }
  | { readonly type: "violation"; readonly violation: WitnessViolation }
  /** An unknown write may be seen, or an answer names no index: these keys are for `checkLinearizability`. */
  | { readonly type: "undecided"; readonly keys: readonly string[] };

/**
 * Local reads may be old: of them a state that was once true is asked, at an index that they name, and not one of the
 * future. The operations may come in any order.
 */
export function checkWitness(
  history: readonly Operation[],
  { golden }: WitnessOptions = {},
): WitnessVerdict {
  const { placed, unknown, rejected, unplaceable } = sort(history);
  let order = byIndex(placed);
  if (golden !== undefined) {
    if (unplaceable.some(({ call }) => isWrite(call))) {
      throw new TypeError("beside a golden log every answer to a write names its index");
    }
    const answered = order.filter(({ operation }) => isWrite(operation.call));
    const resolution = resolveUnknown(golden, { answered, unknown, rejected });
    if (resolution.type !== "resolved") return { type: "violation", violation: resolution };
    if (resolution.placed.length > 0) order = byIndex([...order, ...resolution.placed]);
  }
  const violation = misplaced(order);
  if (violation !== undefined) return { type: "violation", violation };

  const open =
    golden === undefined ? new Set(unknown.map(({ call }) => call.key)) : new Set<string>();
  return replay(order, open, new Set(unplaceable.map(({ call }) => call.key)));
}

interface SortedHistory {
  readonly placed: PlacedOperation[];
  readonly unknown: Operation[];
  readonly rejected: Operation[];
  readonly unplaceable: Operation[];
}

function sort(history: readonly Operation[]): SortedHistory {
  const sorted: SortedHistory = { placed: [], unknown: [], rejected: [], unplaceable: [] };
  for (const operation of history) {
    const { call, result } = operation;
    if (result === undefined) {
      if (isWrite(call)) sorted.unknown.push(operation);
    } else if (result.status === "rejected") {
      if (isWrite(call)) sorted.rejected.push(operation);
    } else if (result.index === undefined) sorted.unplaceable.push(operation);
    else sorted.placed.push({ operation, index: result.index });
  }
  return sorted;
}

/** At one index the write comes before those who read it. */
function byIndex(placed: readonly PlacedOperation[]): readonly PlacedOperation[] {
  const lowest = placed.reduce((least, { index }) => Math.min(least, index), Infinity);
  // Packed into one number, place and position sort ten times faster than by a function.
  const keys = new Float64Array(placed.length);
  for (const [position, { operation, index }] of placed.entries()) {
    const place = 2 * (index - lowest) + (isWrite(operation.call) ? 0 : 1);
    keys[position] = place * placed.length + position;
    if (place * placed.length > Number.MAX_SAFE_INTEGER - position) {
      throw new RangeError(`${placed.length} operations spread over too many log indexes`);
    }
  }
  return Array.from(keys.toSorted(), (key) => placed[key % placed.length] ?? unplaced());
}

function unplaced(): never {
  throw new RangeError("a position beyond the list");
}

function misplaced(order: readonly PlacedOperation[]): WitnessViolation | undefined {
  /** Who began last of those with a lower index, and of the reads at the present one, whose order is free. */
  let latest: Operation | undefined;
  let latestHere: Operation | undefined;
  let indexHere: LogIndex = -1;
  let lastWrite: PlacedOperation | undefined;
  for (const placed of order) {
    const { operation, index } = placed;
    if (index !== indexHere) {
      latest = laterOf(latest, latestHere);
      latestHere = undefined;
      indexHere = index;
    }
    if (latest !== undefined && operation.end !== undefined && operation.end < latest.start) {
      return { type: "order", earlier: latest, operation };
    }
    if (isWrite(operation.call)) {
      if (lastWrite?.index === index) {
        return { type: "shared-index", earlier: lastWrite.operation, operation };
      }
      lastWrite = placed;
      latest = laterOf(latest, operation);
    } else if (!isLocal(operation)) latestHere = laterOf(latestHere, operation);
  }
  return undefined;
}

function laterOf(left: Operation | undefined, right: Operation | undefined): Operation | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return right.start > left.start ? right : left;
}

function isLocal({ call }: Operation): boolean {
  return call.op === "get" && call.consistency === "local";
}

/** `open`: keys with writes that have no place; `undecided`: keys to pass over. */
function replay(
  order: readonly PlacedOperation[],
  open: ReadonlySet<string>,
  undecided: Set<string>,
): WitnessVerdict {
  const states = new Map<string, Found>();
  for (const { operation, index } of order) {
    const { call, result } = operation;
    if (undecided.has(call.key)) continue;
    const before = states.get(call.key) ?? ABSENT;
    const after =
      result === undefined ? execute(call, before, index).after : explain(call, result, before);
    if (after !== undefined) {
      if (after !== before) states.set(call.key, after);
    } else if (open.has(call.key)) undecided.add(call.key);
    else return { type: "violation", violation: { type: "answer", operation, state: before } };
  }
  return undecided.size > 0
    ? { type: "undecided", keys: [...undecided] }
    : { type: "linearizable", placed: order.length };
}
