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
  /** In ascending order, because numbers are given out in that order: the first is the lowest. */
  readonly #outstanding = new Set<number>();

  constructor(id: LogIndex) {
    this.id = id;
  }

  /** The lowest sequence that is waited for; everything below is settled. */
  get lowestOutstanding(): number {
    for (const sequence of this.#outstanding) return sequence;
    return this.#next;
  }

  /**
   * A number for a new command, or `undefined` while the members might have to keep more results than they do: the
   * numbers waited for, and all between, are at most `DEFAULT_RESULTS_PER_SESSION`.
   */
  start(): number | undefined {
    if (this.#next - this.lowestOutstanding >= DEFAULT_RESULTS_PER_SESSION) return undefined;
    const sequence = this.#next;
    this.#next += 1;
    this.#outstanding.add(sequence);
    return sequence;
  }

  /** Nobody waits for it any more, whatever became of it. */
  finish(sequence: number): void {
    this.#outstanding.delete(sequence);
  }
}
