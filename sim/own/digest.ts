/** The state of a machine in short, as the user's `digest` says it: what two states are compared by. */

import type { StateMachine } from "../../src/node/state-machine.ts";
import { valueText } from "./operation.ts";

/** What is equal exactly where it looks equal. */
export type Digest = string | number | bigint | Uint8Array;

/** As it is now; throws where it is nothing to compare states by. */
export function digestOf(digest: (machine: StateMachine) => Digest, machine: StateMachine): Digest {
  const found: unknown = digest(machine);
  // Bytes may be overwritten with the next command.
  if (found instanceof Uint8Array) return new Uint8Array(found);
  if (typeof found === "string" || typeof found === "number" || typeof found === "bigint") {
    return found;
  }
  throw new TypeError(
    `digest must return a string, a number or bytes to compare states by, not ${valueText(found)}`,
  );
}
