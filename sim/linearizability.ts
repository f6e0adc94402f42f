/**
 * Is a history linearizable (Herlihy and Wing 1990)? Linearizability is local: it holds if it holds key by key, so each
 * key is searched alone. Trusts no index that a server told as an order; it is the judge of what `witness` refuses.
 *
 * Rejected writes have no place in an order: one that is seen makes the history a wrong one. Unknown reads and local
 * reads are passed over.
 */

import type { Found, Operation } from "./history.ts";
import { isWrite } from "./history.ts";
import { RegisterModel } from "./register.ts";
import { search } from "./search.ts";
import type { SearchBudget, SearchResult } from "./search.ts";

export interface LinearizabilityOptions {
  /** Most configurations that the search of one key may keep, at some fifty bytes each. Default 1 000 000. */
  readonly maxConfigurations?: number;
  /** When to give up, by a clock that is asked now and then. Default never. */
  readonly deadline?: { readonly now: () => number; readonly at: number };
}

/** Why a history is not linearizable: all of one key. */
interface NotLinearizable {
  readonly key: string;
  /** An order of the longest beginning of the history that has one ... */
  readonly linearized: readonly Operation[];
  /** ... what is at the key after it ... */
  readonly state: Found;
  /** ... and the operation whose answer ends that beginning: it has no place in any order. */
  readonly blocked: Operation;
  /** All that had begun by then and could come next: with this `state`, none of them, `blocked` among them. */
  readonly candidates: readonly Operation[];
  /** The key's writes that were refused for certain. */
  readonly rejected: readonly Operation[];
}

export type LinearizabilityVerdict =
  | { readonly type: "linearizable"; readonly configurations: number }
  | { readonly type: "violation"; readonly violation: NotLinearizable }
  /** The budget ended before these keys were decided, and the others are fine. */
  | { readonly type: "undecided"; readonly keys: readonly string[] };

const DEFAULT_MAX_CONFIGURATIONS = 1_000_000;

/** The operations may come in any order. The first key with a violation is told. */
export function checkLinearizability(
  history: readonly Operation[],
  options: LinearizabilityOptions = {},
): LinearizabilityVerdict {
  const { maxConfigurations = DEFAULT_MAX_CONFIGURATIONS, deadline } = options;
  const expired = (): boolean => deadline !== undefined && deadline.now() >= deadline.at;
  const undecided: string[] = [];
  let configurations = 0;
  for (const [key, operations] of byKey(history)) {
    const outcome = checkKey(key, operations, { maxConfigurations, expired });
    if (outcome.violation !== undefined) return { type: "violation", violation: outcome.violation };
    if (!outcome.decided) undecided.push(key);
    configurations += outcome.configurations;
  }
  return undecided.length > 0
    ? { type: "undecided", keys: undecided }
    : { type: "linearizable", configurations };
}

interface KeyOutcome {
  readonly decided: boolean;
  readonly violation: NotLinearizable | undefined;
  readonly configurations: number;
}

function checkKey(key: string, operations: readonly Operation[], budget: SearchBudget): KeyOutcome {
  const ordered = [
    ...operations.filter(isAnswered).toSorted(byStart),
    ...operations.filter(isUnknownWrite).toSorted(byStart),
  ];
  const model = new RegisterModel(ordered);
  const result = search(ordered, model, budget);
  const { verdict, configurations } = result;
  const violation =
    verdict === "violation" ? explainFailure(key, operations, ordered, model, result) : undefined;
  return { decided: verdict !== "undecided", violation, configurations };
}

function explainFailure(
  key: string,
  operations: readonly Operation[],
  ordered: readonly Operation[],
  model: RegisterModel,
  { order, state, blocked: position }: SearchResult,
): NotLinearizable {
  const blocked = position === undefined ? undefined : ordered[position];
  if (blocked?.end === undefined) throw new Error("a failed search is blocked by an answer");
  const { end } = blocked;
  const placed = new Set(order);
  return {
    key,
    linearized: order.flatMap((at) => ordered[at] ?? []),
    state: model.stateAt(state),
    blocked,
    candidates: ordered.filter(({ start }, at) => !placed.has(at) && start <= end),
    rejected: operations.filter(isRejected),
  };
}

function byKey(history: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of history) {
    const { call } = operation;
    if (call.op === "get" && call.consistency === "local") continue;
    const operations = keys.get(call.key);
    if (operations === undefined) keys.set(call.key, [operation]);
    else operations.push(operation);
  }
  return keys;
}

function isAnswered({ result }: Operation): boolean {
  return result !== undefined && result.status !== "rejected";
}

function isUnknownWrite({ call, result }: Operation): boolean {
  return result === undefined && isWrite(call);
}

function isRejected({ call, result }: Operation): boolean {
  return isWrite(call) && result?.status === "rejected";
}

function byStart(left: Operation, right: Operation): number {
  return left.start - right.start;
}
