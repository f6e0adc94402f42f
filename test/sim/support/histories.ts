/**
 * Histories for the tests of the checkers: written by hand, drawn with a true order behind them, and broken on purpose;
 * and the judge, which tries every order and shares no code with the checkers.
 */

import * as fc from "fast-check";
import type { GoldenCommand } from "../../../sim/golden-log.ts";
import type { Call, Found, HistoryValue, Operation, Result } from "../../../sim/history.ts";

export const nothing: Found = { value: undefined, index: undefined };

/** An operation that was answered; for a get, `previous` is what it saw. */
export function answered(
  client: string,
  call: Call,
  [start, end]: readonly [number, number],
  result: Partial<Result> = {},
): Operation {
  const defaults: Result = { status: "ok", previous: undefined, index: undefined };
  return { client, call, start, end, result: { ...defaults, ...result } };
}

export function unanswered(client: string, call: Call, start: number): Operation {
  return { client, call, start, end: undefined, result: undefined };
}

/** What a key does, once more. `undefined`: the operation cannot have got its answer here. */
function naiveStep(state: Found, { call, result }: Operation): Found | undefined {
  const { value, index } = state;
  const told = result?.previous;
  if (told !== undefined) {
    if (told.value !== value) return undefined;
    if (told.index !== undefined && index !== undefined && told.index !== index) return undefined;
  }
  const expected = result?.status ?? "ok";
  const set = (next: HistoryValue | undefined): Found | undefined =>
    expected !== "ok"
      ? undefined
      : { value: next, index: next === undefined ? undefined : result?.index };
  if (call.op === "get") return expected === "ok" ? state : undefined;
  if (call.op === "put") return set(call.value);
  if (call.op === "delete") return set(undefined);
  if (call.op === "append") {
    if (typeof value === "number") return expected === "wrong-type" ? state : undefined;
    return set(value === undefined ? call.value : `${value}${call.value}`);
  }
  if (call.op === "increment") {
    if (typeof value === "string") return expected === "wrong-type" ? state : undefined;
    return set((value ?? 0) + call.value);
  }
  if (call.expected.type === "index" && value !== undefined && index === undefined) {
    return expected === "ok" ? set(call.value) : state;
  }
  const isMet =
    call.expected.type === "absent"
      ? value === undefined
      : call.expected.type === "value"
        ? value === call.expected.value
        : value !== undefined && index === call.expected.index;
  if (isMet) return set(call.value);
  return expected === "mismatch" ? state : undefined;
}

/** Whether some order of all answered operations, and any of the unknown ones, respects time and explains the answers. */
export function hasSomeOrder(history: readonly Operation[]): boolean {
  const candidates = history.filter(
    ({ call, result }) =>
      result?.status !== "rejected" && (result !== undefined || call.op !== "get"),
  );
  return orders(candidates, []);
}

function orders(left: readonly Operation[], order: readonly Operation[]): boolean {
  if (left.every(({ end }) => end === undefined) && isExplained(order)) return true;
  return left.some((operation) => {
    const rest = left.filter((other) => other !== operation);
    return orders(rest, [...order, operation]);
  });
}

function isExplained(order: readonly Operation[]): boolean {
  const isInTime = order.every(({ end }, at) =>
    order.slice(0, at).every(({ start }) => end === undefined || end >= start),
  );
  if (!isInTime) return false;
  const states = new Map<string, Found>();
  return order.every((operation) => {
    const after = naiveStep(states.get(operation.call.key) ?? nothing, operation);
    if (after !== undefined) states.set(operation.call.key, after);
    return after !== undefined;
  });
}

export interface DrawnHistory {
  readonly history: readonly Operation[];
  /** What was executed, in its order. */
  readonly golden: readonly GoldenCommand[];
}

/** One operation to be: it begins, `lag` later it is executed, and `delay` later it is answered, or never. */
interface Draft {
  readonly client: string;
  readonly call: Call;
  readonly gap: number;
  readonly lag: number;
  readonly delay: number;
  readonly fate: "answered" | "lost answer" | "lost request" | "rejected";
  readonly isTerse: boolean;
}

const someValue: fc.Arbitrary<string> = fc.constantFrom("a", "b", "ab", "");

function someCall(keys: readonly string[]): fc.Arbitrary<Call> {
  const key = fc.constantFrom(...keys);
  const expected = fc.oneof(
    fc.constant({ type: "absent" } as const),
    fc.record({ type: fc.constant("value" as const), value: someValue }),
    fc.record({ type: fc.constant("index" as const), index: fc.integer({ min: 1, max: 4 }) }),
  );
  return fc.oneof(
    fc.record({ op: fc.constant("get" as const), key }),
    fc.record({ op: fc.constant("put" as const), key, value: fc.oneof(someValue, fc.constant(1)) }),
    fc.record({ op: fc.constant("delete" as const), key }),
    fc.record({
      op: fc.constant("cas" as const),
      key,
      expected,
      value: fc.option(someValue, { nil: undefined }),
    }),
    fc.record({ op: fc.constant("append" as const), key, value: someValue }),
    fc.record({ op: fc.constant("increment" as const), key, value: fc.constantFrom(1, 2) }),
  );
}

function someDraft(keys: readonly string[]): fc.Arbitrary<Draft> {
  const step = fc.integer({ min: 0, max: 6 });
  return fc.record({
    client: fc.constantFrom("c1", "c2", "c3"),
    call: someCall(keys),
    gap: fc.integer({ min: 0, max: 4 }),
    lag: step,
    delay: step,
    fate: fc.oneof(
      { weight: 6, arbitrary: fc.constant("answered" as const) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          "lost answer" as const,
          "lost request" as const,
          "rejected" as const,
        ),
      },
    ),
    isTerse: fc.boolean(),
  });
}

/** A history with a true order behind it. */
export function someTrueHistory(options: {
  readonly maxLength: number;
  readonly keys: readonly string[];
}): fc.Arbitrary<DrawnHistory> {
  return fc
    .array(someDraft(options.keys), { maxLength: options.maxLength })
    .map((drafts) => execute(drafts));
}

/** The operations of one run, executed at their moments; at the same moment in the order of the list. */
function execute(drafts: readonly Draft[]): DrawnHistory {
  let now = 0;
  const begun = drafts.map((draft) => ({ draft, start: (now += draft.gap) }));
  const byMoment = begun.toSorted(
    (left, right) => left.start + left.draft.lag - (right.start + right.draft.lag),
  );
  const states = new Map<string, Found>();
  const golden: GoldenCommand[] = [];
  const results = new Map<Draft, Result>();
  for (const { draft } of byMoment) {
    const { call, fate } = draft;
    if (fate === "rejected" || fate === "lost request") continue;
    const previous = states.get(call.key) ?? nothing;
    if (call.op !== "get") golden.push({ index: golden.length + 1, call });
    const index = golden.length;
    const tells = !draft.isTerse || call.op === "get";
    const result = resultOf(previous, call, index, tells);
    results.set(draft, result);
    states.set(call.key, naiveStep(previous, answered("", call, [0, 0], result)) ?? previous);
  }
  const history = begun.map(({ draft, start }): Operation => {
    const { client, call, fate, lag, delay } = draft;
    const result = results.get(draft);
    if (fate === "rejected") return answered(client, call, [start, start + lag], { status: fate });
    if (fate !== "answered" || result === undefined) return unanswered(client, call, start);
    return { client, call, start, end: start + lag + delay, result };
  });
  return { history, golden };
}

function resultOf(previous: Found, call: Call, index: number, tells: boolean): Result {
  const told = tells ? previous : undefined;
  const statuses = ["ok", "mismatch", "wrong-type"] as const;
  const results = statuses.map((status) => ({ status, previous: told, index }));
  const fitting = results.find(
    (result) => naiveStep(previous, answered("", call, [0, 0], result)) !== undefined,
  );
  if (fitting === undefined) throw new Error("a call has some result");
  return fitting;
}

/** The history after something went wrong with one or two of its operations; often, not always, one without an order. */
export function someBrokenHistory(options: {
  readonly maxLength: number;
  readonly keys: readonly string[];
}): fc.Arbitrary<readonly Operation[]> {
  const damage = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("value", "status", "index", "time", "rejected", "earlier"),
    by: fc.integer({ min: 1, max: 9 }),
    value: fc.option(someValue, { nil: undefined }),
  });
  return fc
    .tuple(someTrueHistory(options), fc.array(damage, { minLength: 1, maxLength: 2 }))
    .map(([{ history }, damages]) =>
      damages.reduce<readonly Operation[]>((broken, { at, kind, by, value }) => {
        const victim = broken[at % Math.max(broken.length, 1)];
        if (victim?.result === undefined) return broken;
        const worse = damaged(victim, kind, by, value);
        return broken.map((operation) => (operation === victim ? worse : operation));
      }, history),
    );
}

function damaged(
  operation: Operation,
  kind: string,
  by: number,
  value: HistoryValue | undefined,
): Operation {
  const { result, start, end = start } = operation;
  if (result === undefined) return operation;
  const previous = { value, index: result.previous?.index };
  switch (kind) {
    case "value":
      return { ...operation, result: { ...result, previous } };
    case "status":
      return { ...operation, result: { ...result, status: by % 2 === 0 ? "ok" : "mismatch" } };
    case "index":
      return { ...operation, result: { ...result, index: by } };
    case "rejected":
      return { ...operation, result: { ...result, status: "rejected" } };
    case "time":
      return { ...operation, start: start + by, end: end + by };
    default:
      return { ...operation, start: Math.max(0, start - by), end: Math.max(0, end - by) };
  }
}
