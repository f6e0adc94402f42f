/**
 * What became of the writes whose outcome no client knows, read off the golden log: the commands that were really
 * executed. Commands are told apart by their content, so values that are unique make the strictest check.
 */

import type { LogIndex } from "../src/core/types.ts";
import { isWrite } from "./history.ts";
import type { Call, HistoryExpectation, Operation } from "./history.ts";

/** A command that was executed at its index: of a command that lies in the log twice, the first copy alone. */
export interface GoldenCommand {
  readonly index: LogIndex;
  readonly call: Call;
}

/** An operation whose place is known from its answer or from the golden log. */
export interface PlacedOperation {
  readonly operation: Operation;
  readonly index: LogIndex;
}

export type GoldenViolation =
  /** A client was answered for this index, where another command or none was executed. */
  | {
      readonly type: "false-answer";
      readonly operation: Operation;
      readonly executed: Call | undefined;
    }
  /** Nobody can have asked for what was executed, unless it is this write, which was refused for certain. */
  | {
      readonly type: "stray-command";
      readonly command: GoldenCommand;
      readonly rejected: Operation | undefined;
    };

export type GoldenResolution =
  { readonly type: "resolved"; readonly placed: readonly PlacedOperation[] } | GoldenViolation;

export interface WritesOfHistory {
  /** By ascending index. */
  readonly answered: readonly PlacedOperation[];
  readonly unknown: readonly Operation[];
  readonly rejected: readonly Operation[];
}

/**
 * Where the unknown writes were executed; those that are not in the result never were. `golden` holds all that was
 * executed, by ascending index.
 */
export function resolveUnknown(
  golden: readonly GoldenCommand[],
  { answered, unknown, rejected }: WritesOfHistory,
): GoldenResolution {
  const unclaimed: GoldenCommand[] = [];
  let next = 0;
  for (const command of golden) {
    if (!isWrite(command.call)) continue;
    const write = answered[next];
    if (write?.index !== command.index) unclaimed.push(command);
    else if (sameCall(write.operation.call, command.call)) next++;
    else return falseAnswer(write, command.call);
  }
  // Once the log has skipped an answer's index, `next` stays there.
  const skipped = answered[next];
  return skipped === undefined
    ? claim(unclaimed, unknown, rejected)
    : falseAnswer(skipped, undefined);
}

function falseAnswer({ operation }: PlacedOperation, executed: Call | undefined): GoldenViolation {
  return { type: "false-answer", operation, executed };
}

/**
 * Of writes with the same content those that began first were executed, and in that order: whatever order is possible
 * at all, this one is, since an unknown write has no end and so is bound by its beginning alone.
 */
function claim(
  commands: readonly GoldenCommand[],
  unknown: readonly Operation[],
  rejected: readonly Operation[],
): GoldenResolution {
  const waiting = new Map<string, Operation[]>();
  for (const operation of unknown.toSorted((left, right) => right.start - left.start)) {
    const content = contentOf(operation.call);
    const alike = waiting.get(content);
    if (alike === undefined) waiting.set(content, [operation]);
    else alike.push(operation);
  }
  const placed: PlacedOperation[] = [];
  for (const command of commands) {
    const operation = waiting.get(contentOf(command.call))?.pop();
    if (operation === undefined) {
      const refused = rejected.find(({ call }) => sameCall(call, command.call));
      return { type: "stray-command", command, rejected: refused };
    }
    placed.push({ operation, index: command.index });
  }
  return { type: "resolved", placed };
}

function sameCall(left: Call, right: Call): boolean {
  return (
    left.op === right.op &&
    left.key === right.key &&
    valueOf(left) === valueOf(right) &&
    (left.op !== "cas" || (right.op === "cas" && sameExpectation(left.expected, right.expected)))
  );
}

function sameExpectation(left: HistoryExpectation, right: HistoryExpectation): boolean {
  switch (left.type) {
    case "absent":
      return right.type === "absent";
    case "value":
      return right.type === "value" && left.value === right.value;
    case "index":
      return right.type === "index" && left.index === right.index;
  }
}

function valueOf(call: Call): string | number | undefined {
  return call.op === "get" || call.op === "delete" ? undefined : call.value;
}

/** Equal for calls that `sameCall` finds equal, and for no others. */
function contentOf(call: Call): string {
  const expected = call.op === "cas" ? call.expected : undefined;
  return JSON.stringify([
    call.op,
    call.key,
    valueOf(call),
    expected?.type,
    expected?.type === "value" ? expected.value : undefined,
    expected?.type === "index" ? expected.index : undefined,
  ]);
}
