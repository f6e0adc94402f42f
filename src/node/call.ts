/** One proposal or read with a promise: a sink that settles once, and may be given up by an `AbortSignal`. */

import { onAbort } from "../abort.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { Sink } from "./sink.ts";

/** A command's result, and the place of its entry in the log. */
export interface Outcome<Value> {
  readonly index: LogIndex;
  readonly value: Value;
}

export class Call<Value> implements Sink<Value> {
  readonly promise: Promise<Outcome<Value>>;
  settled = false;
  readonly #signal: AbortSignal | undefined;
  readonly #withdraw: (call: Call<Value>) => boolean;
  /** Ends the wait for the signal. */
  #leave: (() => void) | undefined;
  #resolve: (outcome: Outcome<Value>) => void = () => undefined;
  #reject: (error: RaftError) => void = () => undefined;

  /** `withdraw` takes the call back where nothing has come of it yet, and says whether that was so. */
  constructor(signal: AbortSignal | undefined, withdraw: (call: Call<Value>) => boolean) {
    this.#signal = signal;
    this.#withdraw = withdraw;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal?.aborted === true) this.#abort("rejected");
    else if (signal !== undefined) {
      this.#leave = onAbort(signal, () =>
        this.#abort(this.#withdraw(this) ? "rejected" : "unknown"),
      );
    }
  }

  done(_token: number, index: LogIndex, value: Value): void {
    if (this.#settle()) this.#resolve({ index, value });
  }

  failed(_token: number, error: RaftError): void {
    if (this.#settle()) this.#reject(error);
  }

  #abort(outcome: "rejected" | "unknown"): void {
    const cause: unknown = this.#signal?.reason;
    this.failed(0, new RaftError("RAFT_ABORTED", "the caller has given up", { outcome, cause }));
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#leave?.();
    return true;
  }
}
