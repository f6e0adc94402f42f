/** An outcome without a promise. */

import type { LogIndex } from "../core/types.ts";
import type { RaftError } from "../errors.ts";

/**
 * Where the outcome of a proposal or a read goes: one sink serves any number of them, told apart by the token that it
 * chose itself. So the hot path needs no promise and no closure for each command.
 *
 * A node calls exactly one of the two, once, for each token: when the outcome is known, or before `submit` returns where
 * the node is too busy or has stopped. Neither may throw.
 */
export interface Sink<Value> {
  /** The command was applied at `index`, or the query answered from a state that includes `index`. */
  done(token: number, index: LogIndex, value: Value): void;
  /** `error.outcome` tells whether a command may still take effect. */
  failed(token: number, error: RaftError): void;
}
