/**
 * Proposals on their way through the log, and what becomes of each: applied, rejected, or unknown.
 *
 * They are kept a batch at a time, in the order of their indexes. A proposal is *applied* when the entry that is applied
 * at its index has its term, and *rejected* for certain when it has another: then another leader's entry took the place.
 */

import type { Proposed, Refusal } from "../core/ready.ts";
import type { Entry, LogIndex, Term } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { LeaderHint } from "../errors.ts";
import type { ProposalQueue } from "./inbox.ts";
import type { Sink } from "./sink.ts";

interface Batch<Result> {
  readonly term: Term;
  /** The index of the first that is still waiting; `position` is its place in the lists. */
  nextIndex: LogIndex;
  position: number;
  readonly end: number;
  readonly queue: ProposalQueue<Result>;
}

export class Proposals<Result> {
  /** Of the present leadership, ascending by index without overlap. */
  #batches: Batch<Result>[] = [];
  /**
   * Of leaderships that have ended, by the index of the first that is still waiting: other entries may stand there by now,
   * and of two leaderships there may be one each.
   */
  readonly #former = new Map<LogIndex, Batch<Result>[]>();
  #formerDeadline = Infinity;

  #size = 0;

  /** How many are in the log and not answered. */
  get size(): number {
    return this.#size;
  }

  /** When those of leaderships that have ended stop waiting for news. */
  get deadline(): number {
    return this.#formerDeadline;
  }

  /** The leadership has ended: what is in the log may be committed, or replaced, by the next leader until `deadline`. */
  onLeadershipEnded(deadline: number): void {
    for (const batch of this.#batches) this.#addFormer(batch);
    this.#batches = [];
    this.#formerDeadline = deadline;
  }

  /** Time has passed. */
  onTime(now: number): void {
    if (now < this.#formerDeadline) return;
    const text =
      "the leadership ended while this command was in the log: it may be committed, or replaced";
    this.#failFormer(new RaftError("RAFT_LEADERSHIP_LOST", text, { outcome: "unknown" }));
  }

  /** The core has taken the first of them into the log and refused the rest. */
  onProposed(
    queue: ProposalQueue<Result>,
    proposed: Proposed,
    leader: () => LeaderHint | undefined,
  ): void {
    const { first, accepted, refusal } = proposed;
    // The log has the commands, and lets go of them in its own time.
    queue.commands = [];
    if (accepted > 0) {
      this.#size += accepted;
      this.#batches.push({
        term: first.term,
        nextIndex: first.index,
        position: 0,
        end: accepted,
        queue,
      });
    }
    if (refusal === undefined) return;
    const error = refusalError(refusal, leader());
    for (let at = accepted; at < queue.tokens.length; at += 1) failAt(queue, at, error);
  }

  /** These entries have been applied, with one result for each command among them. */
  onApplied(entries: readonly Entry[], results: readonly Result[]): void {
    let result = 0;
    let ended = 0;
    for (const entry of entries) {
      const value = entry.kind === "command" ? results[result++] : undefined;
      const batch = this.#batches[ended];
      if (batch?.nextIndex === entry.index && this.#settle(batch, entry, value)) ended += 1;
      if (this.#former.size > 0) this.#settleFormer(entry, value);
    }
    // At once: each time that the first of very many goes, all others move.
    if (ended > 0) this.#batches.splice(0, ended);
  }

  /** A snapshot stands for everything up to `index`: what became of a proposal in there cannot be told any more. */
  onRestored(index: LogIndex): void {
    const error = new RaftError(
      "RAFT_LEADERSHIP_LOST",
      "a snapshot of another leader has passed this command",
      {
        outcome: "unknown",
      },
    );
    const isWaiting = (batch: Batch<Result>): boolean => {
      while (batch.nextIndex <= index && batch.position < batch.end) {
        failAt(batch.queue, batch.position, error);
        this.#advance(batch);
      }
      return batch.position < batch.end;
    };
    this.#batches = this.#batches.filter(isWaiting);
    const former = [...this.#former.values()].flat();
    const waiting = former.filter(isWaiting);
    this.#former.clear();
    for (const batch of waiting) this.#addFormer(batch);
  }

  /** Ends the wait of everything that is in the log: it may yet be committed (rule 60). */
  failAll(error: RaftError): void {
    this.onLeadershipEnded(Infinity);
    this.#failFormer(error);
  }

  #failFormer(error: RaftError): void {
    this.#formerDeadline = Infinity;
    const batches = [...this.#former.values()].flat();
    this.#former.clear();
    for (const { queue, position, end } of batches) {
      this.#size -= end - position;
      for (let at = position; at < end; at += 1) failAt(queue, at, error);
    }
  }

  #addFormer(batch: Batch<Result>): void {
    const others = this.#former.get(batch.nextIndex);
    if (others === undefined) this.#former.set(batch.nextIndex, [batch]);
    else others.push(batch);
  }

  #settleFormer(entry: Entry, value: Result | undefined): void {
    const batches = this.#former.get(entry.index);
    if (batches === undefined) return;
    for (const batch of batches) {
      if (!this.#settle(batch, entry, value)) this.#addFormer(batch);
    }
    this.#former.delete(entry.index);
  }

  /** Tells the one who waits for this entry; whether it was the last of its batch. */
  #settle(batch: Batch<Result>, entry: Entry, value: Result | undefined): boolean {
    const { queue, position, term } = batch;
    if (entry.term === term) {
      // Same term and index, so it is this command, and a command has a result: the applier has counted them.
      queue.sinks[position]?.done(queue.tokens[position] ?? 0, entry.index, value as Result);
    } else {
      const text = `another leader's entry was committed at ${entry.index}`;
      failAt(queue, position, new RaftError("RAFT_REPLACED", text));
    }
    this.#advance(batch);
    return batch.position === batch.end;
  }

  #advance(batch: Batch<Result>): void {
    batch.nextIndex += 1;
    batch.position += 1;
    this.#size -= 1;
  }
}

/** Tells everybody in a queue that no turn has seen: certainly not in the log. */
export function failQueue<Result>(queue: ProposalQueue<Result>, error: RaftError): void {
  for (let at = 0; at < queue.tokens.length; at += 1) failAt(queue, at, error);
}

export function refusalError(refusal: Refusal, leader: LeaderHint | undefined): RaftError {
  switch (refusal) {
    case "not leader":
      return new RaftError("RAFT_NOT_LEADER", "this member does not lead", { leader });
    case "transferring":
      return new RaftError("RAFT_NOT_LEADER", "this member is handing over the leadership");
    case "overloaded":
      return new RaftError("RAFT_OVERLOADED", "too much is waiting to be committed");
  }
}

function failAt<Result>(queue: ProposalQueue<Result>, at: number, error: RaftError): void {
  const sink: Sink<Result> | undefined = queue.sinks[at];
  sink?.failed(queue.tokens[at] ?? 0, error);
}
