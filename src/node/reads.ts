/**
 * Linearizable reads on their way (thesis 6.4): first confirmed by a quorum, then the state machine must have applied
 * the confirmed index, only then is it asked (rule 46).
 */

import type { ReadOutcome } from "../core/ready.ts";
import type { LogIndex } from "../core/types.ts";
import type { LeaderHint, RaftError } from "../errors.ts";
import type { QueuedRead } from "./inbox.ts";
import { refusalError } from "./proposals.ts";

interface ConfirmedReads<Query, Answer> {
  readonly index: LogIndex;
  readonly reads: readonly QueuedRead<Query, Answer>[];
}

export class Reads<Query, Answer> {
  #unconfirmed = new Map<number, readonly QueuedRead<Query, Answer>[]>();
  /** Ascending by index: confirmations come in order. */
  #confirmed: ConfirmedReads<Query, Answer>[] = [];

  #size = 0;

  /** How many are on their way. */
  get size(): number {
    return this.#size;
  }

  add(batch: number, reads: readonly QueuedRead<Query, Answer>[]): void {
    this.#size += reads.length;
    this.#unconfirmed.set(batch, reads);
  }

  onOutcome(outcome: ReadOutcome, leader: () => LeaderHint | undefined): void {
    const reads = this.#unconfirmed.get(outcome.batch) ?? [];
    this.#unconfirmed.delete(outcome.batch);
    if (outcome.refusal === undefined) this.#confirmed.push({ index: outcome.index, reads });
    else this.#fail(reads, refusalError(outcome.refusal, leader()));
  }

  /** What the state machine may answer now that it has applied everything up to `index`. */
  takeReadable(lastApplied: LogIndex): readonly QueuedRead<Query, Answer>[] {
    if ((this.#confirmed[0]?.index ?? Infinity) > lastApplied) return [];
    const count = this.#confirmed.findIndex(({ index }) => index > lastApplied);
    const ready = this.#confirmed.splice(0, count === -1 ? this.#confirmed.length : count);
    const reads = ready.flatMap((each) => each.reads);
    this.#size -= reads.length;
    return reads;
  }

  failAll(error: RaftError): void {
    const waiting = [...this.#unconfirmed.values(), ...this.#confirmed.map(({ reads }) => reads)];
    this.#unconfirmed.clear();
    this.#confirmed = [];
    for (const reads of waiting) this.#fail(reads, error);
  }

  #fail(reads: readonly QueuedRead<Query, Answer>[], error: RaftError): void {
    this.#size -= reads.length;
    failReads(reads, error);
  }
}

export function failReads<Query, Answer>(
  reads: readonly QueuedRead<Query, Answer>[],
  error: RaftError,
): void {
  for (const { sink, token } of reads) sink.failed(token, error);
}
