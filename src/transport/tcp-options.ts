/** What a type checker would tell of the options of a TCP transport, or of a client's link. */

import { clockMethods } from "../node/clock.ts";
import {
  isObject,
  problemsOfFunction,
  problemsOfMethods,
  problemsOfNames,
  refuse,
  shown,
} from "../shapes.ts";
import { limitNames } from "./tcp-limits.ts";

/** Throws `RAFT_INVALID_OPTION`. `names` are those of the options that there are. */
export function checkTcpOptions(options: unknown, names: readonly string[]): void {
  if (!isObject(options)) return refuse([`the options must be an object, not ${shown(options)}`]);
  const { clock, random, logger, limits, tls } = options;
  return refuse([
    // A certificate in the wrong place would leave the connection without TLS.
    ...problemsOfNames(options, names),
    ...problemsOfGroup("tls", tls, ["cert", "key", "ca"]),
    ...problemsOfGroup("limits", limits, limitNames),
    ...(clock === undefined ? [] : problemsOfMethods("clock", clock, clockMethods)),
    ...(logger === undefined ? [] : problemsOfMethods("logger", logger, ["info", "warn", "error"])),
    ...problemsOfFunction("random", random),
  ]);
}

function problemsOfGroup(name: string, value: unknown, known: readonly string[]): string[] {
  if (value === undefined) return [];
  if (!isObject(value)) return [`${name} must be an object, not ${shown(value)}`];
  return problemsOfNames(value, known, `${name}.`);
}
