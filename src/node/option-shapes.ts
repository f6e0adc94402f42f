/** What a type checker would tell of a node's options. */

import {
  isObject,
  problemsOfFunction,
  problemsOfGroup,
  problemsOfMethods,
  problemsOfNames,
  shown,
} from "../shapes.ts";
import { clockMethods } from "./clock.ts";
import { stateMachineMethods } from "./state-machine.ts";

interface Shapes {
  /** The least that each of these objects can do. */
  readonly required: Readonly<Record<string, readonly string[]>>;
  readonly optional: Readonly<Record<string, readonly string[]>>;
  readonly functions: readonly string[];
}

const SHAPES: Shapes = {
  required: {
    machine: stateMachineMethods,
    storage: [
      "open",
      "write",
      "readEntries",
      "stageChunk",
      "readChunk",
      "dropSnapshot",
      "recordPeer",
      "close",
    ],
    transport: ["start", "setMembers", "send", "close"],
  },
  optional: {
    clock: clockMethods,
    logger: ["info", "warn", "error"],
  },
  functions: ["clients", "random"],
};

/** The other options of a node that have no default value. */
const IDENTITY = ["id", "members", "clusterId"] as const;

/**
 * As sentences that name the option and what was received; empty where every option is known and of its type. `groups`
 * are the options that hold others, `tuning` those with a plain value, each with its defaults.
 */
export function problemsOfShape(
  options: unknown,
  groups: Readonly<Record<string, object>>,
  tuning: object,
): string[] {
  if (!isObject(options)) return [`the options must be an object, not ${shown(options)}`];
  const { members, clusterId } = options;
  const problems = [
    ...problemsOfNames(options, [
      ...IDENTITY,
      ...Object.keys(SHAPES.required),
      ...Object.keys(SHAPES.optional),
      ...SHAPES.functions,
      ...Object.keys(groups),
      ...Object.keys(tuning),
    ]),
    ...problemsOfList(members),
  ];
  if (clusterId !== undefined && typeof clusterId !== "string") {
    problems.push(`clusterId must be a string, not ${shown(clusterId)}`);
  }
  for (const [name, methods] of Object.entries(SHAPES.required)) {
    problems.push(...problemsOfMethods(name, options[name], methods));
  }
  for (const [name, methods] of Object.entries(SHAPES.optional)) {
    if (options[name] !== undefined)
      problems.push(...problemsOfMethods(name, options[name], methods));
  }
  for (const name of SHAPES.functions) {
    problems.push(...problemsOfFunction(name, options[name]));
  }
  for (const [name, known] of Object.entries(groups)) {
    if (options[name] !== undefined)
      problems.push(...problemsOfGroup(name, options[name], Object.keys(known)));
  }
  return problems;
}

function problemsOfList(members: unknown): string[] {
  if (!Array.isArray(members)) {
    return [`members must be a list of { id, address }, not ${shown(members)}`];
  }
  return members.flatMap((member: unknown, at) =>
    isObject(member) ? [] : [`members[${at}] must be { id, address }, not ${shown(member)}`],
  );
}
