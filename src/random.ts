/** Randomness as the library uses it where none is injected: for time-outs, back-off and ids, never for secrets. */

import { randomInt } from "node:crypto";

/** At least 0, below 1. */
export function systemRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
