/** The operations of a run as a history for the checkers of histories, and what was executed of them. */

import type { LogIndex } from "../src/core/types.ts";
import type { KvCommand, KvValue } from "../src/kv/commands.ts";
import type { GoldenCommand } from "./golden-log.ts";
import type { Call, HistoryValue, Operation, Result, ResultStatus } from "./history.ts";
import type { KvOperation } from "./kv/operation.ts";

/** In the order of their beginnings. What is under way yet has an unknown outcome. */
export function historyOf(operations: readonly KvOperation[]): readonly Operation[] {
  const nameOf = clientNames();
  return operations.map((operation) => {
    const result = resultOf(operation);
    return {
      client: nameOf(operation),
      call: callOf(operation),
      start: operation.startStep,
      end: result === undefined ? undefined : operation.endStep,
      result,
    };
  });
}

/** "c1", then "c1/2" for what the client calls once it has given something up, as a recorder of histories names it. */
function clientNames(): (operation: KvOperation) => string {
  const clients = new Map<number, { name: number; givenUpAt: number }>();
  return ({ client, outcome, startStep, endStep }) => {
    const known = clients.get(client) ?? { name: 1, givenUpAt: Infinity };
    clients.set(client, known);
    if (known.givenUpAt <= startStep) {
      known.name += 1;
      known.givenUpAt = Infinity;
    }
    if (outcome === "unknown" && endStep !== undefined)
      known.givenUpAt = Math.min(known.givenUpAt, endStep);
    return known.name === 1 ? `c${client + 1}` : `c${client + 1}/${known.name}`;
  };
}

/** The command that was executed at an index, if it is one of a client. */
export function goldenCommand(
  index: LogIndex,
  command: KvCommand | undefined,
): GoldenCommand | undefined {
  const call = command === undefined ? undefined : callIn(command);
  return call === undefined ? undefined : { index, call };
}

function callOf({ type, key, value, expected }: KvOperation): Call {
  switch (type) {
    case "get":
      return { op: "get", key };
    case "local-get":
      return { op: "get", key, consistency: "local" };
    case "put":
      return { op: "put", key, value: value ?? "" };
    case "delete":
      return { op: "delete", key };
    case "append":
      return { op: "append", key, value: String(value) };
    case "increment":
      return { op: "increment", key, value: Number(value) };
    case "cas":
      return {
        op: "cas",
        key,
        expected: expected === undefined ? { type: "absent" } : { type: "value", value: expected },
        value,
      };
  }
}

function callIn(command: KvCommand): Call | undefined {
  switch (command.type) {
    case "put":
      return { op: "put", key: command.key, value: plainValue(command.value) };
    case "delete":
      return { op: "delete", key: command.key };
    case "append":
      return { op: "append", key: command.key, value: String(command.value) };
    case "increment":
      return { op: "increment", key: command.key, value: command.by };
    case "compare-and-set": {
      const { key, value, expected } = command;
      return {
        op: "cas",
        key,
        expected:
          expected.type === "value" ? { ...expected, value: plainValue(expected.value) } : expected,
        value: value === undefined ? undefined : plainValue(value),
      };
    }
    case "get":
    case "batch":
      return undefined;
  }
}

function resultOf({ outcome, status, found, foundIndex, index }: KvOperation): Result | undefined {
  if (outcome === "rejected") return { status: "rejected", previous: undefined, index: undefined };
  if (outcome !== "ok") return undefined;
  return { status: statusFrom(status), previous: { value: found, index: foundIndex }, index };
}

function statusFrom(status: string | undefined): ResultStatus {
  return status === "mismatch" || status === "wrong-type" || status === "too-large" ? status : "ok";
}

function plainValue(value: KvValue): HistoryValue {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
