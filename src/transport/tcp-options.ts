/** What a type checker would tell of the options of a TCP transport, or of a client's link. */

import { clockMethods } from "../node/clock.ts";
import {
  objectFrom,
  problemsOfBoolean,
  problemsOfFunction,
  problemsOfGroup,
  problemsOfMethods,
  problemsOfNames,
  refuse,
} from "../shapes.ts";
import { limitNames } from "./tcp-limits.ts";

/** Throws `RAFT_INVALID_OPTION`. `names` are those of the options that there are. */
export function checkTcpOptions(options: unknown, names: readonly string[]): void {
  const given = objectFrom(options);
  const { clock, random, logger, limits, tls, insecure } = given;
  refuse([
    // A certificate in the wrong place would leave the connection without TLS.
    ...problemsOfNames(given, names),
    ...(tls === undefined ? [] : problemsOfGroup("tls", tls, ["cert", "key", "ca"])),
    ...(limits === undefined ? [] : problemsOfGroup("limits", limits, limitNames)),
    ...(clock === undefined ? [] : problemsOfMethods("clock", clock, clockMethods)),
    ...(logger === undefined ? [] : problemsOfMethods("logger", logger, ["info", "warn", "error"])),
    ...problemsOfFunction("random", random),
    ...problemsOfBoolean("insecure", insecure),
  ]);
}
