/**
 * What a type checker would tell of options, for programs in plain JavaScript: a mistake is refused at the start, by name
 * and value, instead of failing hours later. Each function gives the problems that it finds, as sentences.
 */

import { inspect } from "node:util";
import { RaftError } from "./errors.ts";

/** Throws `RAFT_INVALID_OPTION` where there are any. */
export function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new RaftError("RAFT_INVALID_OPTION", problems.join("; "));
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : inspect(value, { depth: 0, breakLength: Infinity });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The options, if they are an object; else throws `RAFT_INVALID_OPTION`. */
export function objectFrom(options: unknown): Readonly<Record<string, unknown>> {
  if (isObject(options)) return options;
  throw new RaftError(
    "RAFT_INVALID_OPTION",
    `the options must be an object, not ${shown(options)}`,
  );
}

/** A mistyped name would leave a default in place without a word. */
export function problemsOfNames(value: object, known: readonly string[], prefix = ""): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${prefix}${key} is not an option: there are ${known.join(", ")}`);
}

/** `value` is an object of options, of which `known` are there. */
export function problemsOfGroup(name: string, value: unknown, known: readonly string[]): string[] {
  if (!isObject(value)) return [`${name} must be an object, not ${shown(value)}`];
  return problemsOfNames(value, known, `${name}.`);
}

/** `value` must have all of the methods. */
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

/** `value` may be left out. */
export function problemsOfFunction(name: string, value: unknown): string[] {
  if (value === undefined || typeof value === "function") return [];
  return [`${name} must be a function, not ${shown(value)}`];
}

/** `value` may be left out. */
export function problemsOfBoolean(name: string, value: unknown): string[] {
  if (value === undefined || typeof value === "boolean") return [];
  return [`${name} must be true or false, not ${shown(value)}`];
}

/** `value` may be left out. */
export function problemsOfChoice(
  name: string,
  value: unknown,
  choices: readonly string[],
): string[] {
  if (value === undefined || choices.some((choice) => choice === value)) return [];
  return [`${name} must be ${choices.map(shown).join(" or ")}, not ${shown(value)}`];
}

/** `value` counts something of which there must be one at least. */
export function problemsOfCount(name: string, value: unknown): string[] {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return [];
  return [`${name} must be a whole number of at least 1, not ${shown(value)}`];
}
