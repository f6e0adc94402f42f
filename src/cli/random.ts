/** The machine's randomness, as the library wants it injected. */

import { randomInt } from "node:crypto";

/** At least 0, below 1. */
export function systemRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
