/**
 * What a type checker would tell of a node's options, for programs in plain JavaScript: a mistake is refused at the start,
 * by name, instead of failing hours later, in the first snapshot.
 */

import { inspect } from "node:util";

interface Shapes {
  /** The least that each of these objects can do. */
  readonly required: Readonly<Record<string, readonly string[]>>;
  readonly optional: Readonly<Record<string, readonly string[]>>;
  readonly functions: readonly string[];
}

const SHAPES: Shapes = {
  required: {
    machine: ["apply", "query", "snapshot", "restore"],
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
    clock: ["now", "setTimer", "defer", "soon"],
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
    const value = options[name];
    if (value !== undefined && typeof value !== "function") {
      problems.push(`${name} must be a function, not ${shown(value)}`);
    }
  }
  for (const [name, known] of Object.entries(groups)) {
    if (options[name] !== undefined) problems.push(...problemsOfGroup(name, options[name], known));
  }
  return problems;
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : inspect(value, { depth: 0, breakLength: Infinity });
}

function problemsOfList(members: unknown): string[] {
  if (!Array.isArray(members)) {
    return [`members must be a list of { id, address }, not ${shown(members)}`];
  }
  return members.flatMap((member: unknown, at) =>
    isObject(member) ? [] : [`members[${at}] must be { id, address }, not ${shown(member)}`],
  );
}

/** Empty where `value` has all of the methods. */
export function problemsOfMethods(
  name: string,
  value: unknown,
  methods: readonly string[],
): string[] {
  if (value === undefined) return [`${name} is missing`];
  const absent = methods.filter(
    (method) => !isObject(value) || typeof value[method] !== "function",
  );
  if (absent.length === 0) return [];
  const lacking = `${shown(value)} lacks ${absent.join(", ")}`;
  return [`${name} must have the methods ${methods.join(", ")}: ${lacking}`];
}

function problemsOfGroup(name: string, value: unknown, known: object): string[] {
  if (!isObject(value)) return [`${name} must be an object, not ${shown(value)}`];
  return problemsOfNames(value, Object.keys(known), `${name}.`);
}

/** A mistyped name would leave a default in place without a word. */
function problemsOfNames(value: object, known: readonly string[], prefix = ""): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${prefix}${key} is not an option: there are ${known.join(", ")}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
