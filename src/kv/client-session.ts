/**
 * The client's half of a session (thesis 6.3): gives out sequence numbers, keeps which of them are waited for, and
 * thereby what the members may forget.
 */

import type { LogIndex } from "../core/types.ts";
import { DEFAULT_RESULTS_PER_SESSION } from "./sessions.ts";

export class ClientSession {
  readonly id: LogIndex;
  /** Set once a member has answered that it does not know the session. */
  expired = false;
  #next = 1;
  /** The lowest that is waited for, or the next one. */
  #lowest = 1;
  /** Above it, those that nobody waits for any more: few, since answers come about in order. */
  readonly #finished = new Set<number>();

  constructor(id: LogIndex) {
    this.id = id;
  }

  /** The lowest sequence that is waited for; everything below is settled. */
  get lowestOutstanding(): number {
    return this.#lowest;
  }

  /**
   * A number for a new command, or `undefined` while the members might have to keep more results than they do: the
   * numbers waited for, and all between, are at most `DEFAULT_RESULTS_PER_SESSION`.
   */
  start(): number | undefined {
    if (this.#next - this.#lowest >= DEFAULT_RESULTS_PER_SESSION) return undefined;
    const sequence = this.#next;
    this.#next += 1;
    return sequence;
  }

  /** Nobody waits for it any more, whatever became of it. */
  finish(sequence: number): void {
    if (sequence !== this.#lowest) {
      this.#finished.add(sequence);
      return;
    }
    do this.#lowest += 1;
    while (this.#finished.delete(this.#lowest));
  }
}
