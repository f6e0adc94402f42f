/** A schedule from a file: what a run has written, and somebody may have changed by hand since. */

import { readFileSync } from "node:fs";
import { messageOf } from "../src/errors.ts";
import { generate } from "./generate.ts";
import { OPERATION_TYPES, TRIGGER_EVENTS } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";

/** Of a journal: a page for the header and another for batches. */
const LEAST_SEGMENT_BYTES = 8192;

/** Parts of which the node says itself what is wrong. */
const OF_THE_NODE = ["raft", "snapshot"];

/** Throws, with the name of the option, where the file holds none: a run of it would blame the library. */
export function scheduleIn(file: string): Schedule {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`--schedule ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  // One that is made has all that there must be.
  const problem = shapeProblem("", found, generate(0, { profile: "calm" })) ?? problemOf(found);
  if (problem === undefined) return found as Schedule;
  throw new RangeError(`--schedule ${file} holds no schedule: its ${problem}`);
}

/** Whether `found` has what `model` has, parts of parts and items of lists included. */
function shapeProblem(name: string, found: unknown, model: unknown): string | undefined {
  if (name !== "" && kindOf(found) !== kindOf(model))
    return `${name} is missing, or no ${kindOf(model)}`;
  if (Array.isArray(model) && Array.isArray(found)) {
    const [first] = model as unknown[];
    return firstOf(found, (item, at) =>
      first === undefined ? undefined : shapeProblem(`${name}[${at}]`, item, first),
    );
  }
  if (kindOf(model) !== "object" || OF_THE_NODE.includes(name)) return undefined;
  const parts = Object.entries(Object(model)).filter(([, part]) => part !== undefined);
  return firstOf(parts, ([part, value]) =>
    shapeProblem(name === "" ? part : `${name}.${part}`, partOf(found, part), value),
  );
}

/** Of one that has everything. */
function problemOf(found: unknown): string | undefined {
  const { nodes, operations, faults, journal } = found as Schedule;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 7)
    return `nodes is a whole number from 1 to 7, not ${nodes}`;
  const strange = operations.findIndex(({ type }) => !OPERATION_TYPES.includes(type));
  if (strange >= 0) return `operations[${strange}].type is none of ${OPERATION_TYPES.join(", ")}`;
  const segmentBytes =
    journal === undefined ? LEAST_SEGMENT_BYTES : partOf(journal, "segmentBytes");
  if (!Number.isSafeInteger(segmentBytes) || Number(segmentBytes) < LEAST_SEGMENT_BYTES)
    return `journal needs segmentBytes of ${LEAST_SEGMENT_BYTES} at least`;
  return firstOf(faults, (fault, at) => faultProblem(`faults[${at}]`, fault));
}

/** What a fault does may be anything: what does not apply is skipped. */
function faultProblem(name: string, fault: unknown): string | undefined {
  const when = partOf(fault, "when");
  const isOn = TRIGGER_EVENTS.some((event) => event === partOf(when, "event"));
  const model = {
    id: 0,
    when: isOn
      ? { type: "on", fromMs: 0, untilMs: 0, times: 0, delayMs: 0 }
      : { type: "at", atMs: 0 },
    action: { type: "crash" },
  };
  return shapeProblem(name, fault, model);
}

function partOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  return Array.isArray(value) ? "list" : typeof value;
}

function firstOf<Item>(
  items: readonly Item[],
  problem: (item: Item, at: number) => string | undefined,
): string | undefined {
  for (const [at, item] of items.entries()) {
    const found = problem(item, at);
    if (found !== undefined) return found;
  }
  return undefined;
}
