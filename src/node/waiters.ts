/** Whoever waits for something to become true of a node: looked at after each turn. */

import { onAbort } from "../abort.ts";
import type { RaftState } from "../core/state.ts";
import { RaftError } from "../errors.ts";

/** The value waited for, `undefined` to wait on; an exception ends the wait. */
type Condition<Value> = (state: Readonly<RaftState>) => Value | undefined;

interface Waiter {
  /** Whether it is done. */
  readonly check: (state: Readonly<RaftState>) => boolean;
  readonly fail: (error: unknown) => void;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();
  #ended: RaftError | undefined;

  /** Resolves when `condition` gives a value: now, or after a turn. */
  until<Value>(
    state: Readonly<RaftState>,
    signal: AbortSignal | undefined,
    condition: Condition<Value>,
  ): Promise<Value> {
    const value = this.#ended === undefined ? condition(state) : undefined;
    return value === undefined ? this.afterTurns(signal, condition) : Promise.resolve(value);
  }

  /** Resolves when `condition` gives a value after a turn that is yet to come. */
  afterTurns<Value>(signal: AbortSignal | undefined, condition: Condition<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      if (signal?.aborted === true) return reject(abortedError(signal));

      const end = (): void => {
        this.#waiting.delete(waiter);
        leave?.();
      };
      const waiter: Waiter = {
        check: (state) => {
          const value = condition(state);
          if (value === undefined) return false;
          end();
          resolve(value);
          return true;
        },
        fail: (error) => {
          end();
          // Whatever a condition throws is an Error of this library.
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      this.#waiting.add(waiter);
      const leave =
        signal === undefined ? undefined : onAbort(signal, () => waiter.fail(abortedError(signal)));
      return undefined;
    });
  }

  onTurn(state: Readonly<RaftState>): void {
    for (const waiter of this.#waiting) {
      try {
        waiter.check(state);
      } catch (error) {
        waiter.fail(error);
      }
    }
  }

  failAll(error: RaftError): void {
    this.#ended = error;
    for (const waiter of this.#waiting) waiter.fail(error);
  }
}

function abortedError(signal: AbortSignal | undefined): RaftError {
  return new RaftError("RAFT_ABORTED", "the caller has given up", { cause: signal?.reason });
}
