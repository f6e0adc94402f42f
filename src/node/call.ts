/** One proposal or read with a promise: a sink that settles once, and may be given up by an `AbortSignal`. */

import { onAbort } from "../abort.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import { isObject, objectFrom, problemsOfMethods, problemsOfNames, refuse } from "../shapes.ts";
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

/**
 * Throws `RAFT_INVALID_OPTION` where a call was given no options that it may have, one that there is not, or a signal that
 * is none. Every call may have a signal, this one `others` too.
 */
export function checkCallOptions(options: unknown, others: readonly string[] = []): void {
  const given = objectFrom(options);
  refuse(problemsOfNames(given, ["signal", ...others]));
  const methods = ["addEventListener", "removeEventListener"];
  if (given.signal !== undefined) refuse(problemsOfMethods("signal", given.signal, methods));
}

/** Throws `RAFT_INVALID_OPTION` where an outcome could not be told: that would be found out in the middle of a turn. */
export function checkSink(sink: unknown): void {
  const isOne =
    isObject(sink) && typeof sink.done === "function" && typeof sink.failed === "function";
  if (!isOne) refuse(problemsOfMethods("sink", sink, ["done", "failed"]));
}

/** What is wrong with a call is told like every failure; without a promise of its own around that of the call. */
export function orReject<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}
