/** What notices that an ordered store has lost its end. */

import type { HardState, NodeId, Term } from "../core/types.ts";
import { verify } from "./checks.ts";

/** What the guard keeps. */
export interface GuardRecord {
  /** The store has durably taken every batch up to this number. */
  readonly watermark: number;
  readonly currentTerm: Term;
  readonly votedFor: NodeId | undefined;
}

/**
 * The guard: a second copy of term and vote outside of the ordered store, with a watermark of how far that store has come.
 *
 * A store that loses the end of its own journal opens without a complaint, and a vote that it held is forgotten. The
 * guard is what notices. It is saved *after* the batch that changed term or vote is durable and *before* that write is
 * acknowledged, so:
 *
 * - the guard behind the store is normal: a crash came between the two;
 * - the guard ahead of the store means that the store has lost something that was acknowledged.
 *
 * The watermark moves lazily, so a loss above it that touches neither term nor vote goes unnoticed.
 */
export interface Guard {
  /** What was last saved; `undefined` where nothing ever was. Rejects with `RAFT_CORRUPT` where it cannot be told. */
  load(): Promise<GuardRecord | undefined>;
  /** Durable when it resolves; after a crash before that, either the former record or this one is found. */
  save(record: GuardRecord): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Throws `RAFT_CORRUPT` where `guard` has seen more than the store, which stands at batch `number`, still has. */
export function verifyAgainstGuard(
  guard: GuardRecord | undefined,
  number: number,
  { currentTerm, votedFor }: Pick<HardState, "currentTerm" | "votedFor">,
): void {
  verify(guard !== undefined, "the store holds data, but its guard file is missing");
  verify(
    guard.watermark <= number,
    `the store has lost acknowledged writes: it ends at batch ${number}, batch ${guard.watermark} was durable`,
  );
  verify(
    guard.currentTerm <= currentTerm,
    `the store has lost an acknowledged term: it knows ${currentTerm}, the guard knows ${guard.currentTerm}`,
  );
  verify(
    guard.currentTerm < currentTerm || guard.votedFor === undefined || guard.votedFor === votedFor,
    `the store has lost an acknowledged vote: in term ${currentTerm} it knows ${votedFor ?? "none"}, ` +
      `the guard knows ${guard.votedFor ?? "none"}`,
  );
}

/** How many batches the watermark may lag behind. */
const WATERMARK_LAG = 256;

/** Saves to a guard one at a time, and decides when. After a failed save every later one rejects. */
export class GuardKeeper {
  readonly #guard: Guard;
  #newest: GuardRecord;
  #saving: Promise<void> = Promise.resolve();

  /** `saved` is what the guard holds. */
  constructor(guard: Guard, saved: GuardRecord) {
    this.#guard = guard;
    this.#newest = saved;
  }

  /**
   * Term and vote as of batch `watermark`, which is durable. Resolves when the guard knows them; `undefined` where nobody
   * has to wait for that.
   */
  keep(
    watermark: number,
    { currentTerm, votedFor }: Pick<HardState, "currentTerm" | "votedFor">,
  ): Promise<void> | undefined {
    const changed = currentTerm !== this.#newest.currentTerm || votedFor !== this.#newest.votedFor;
    if (!changed && watermark - this.#newest.watermark < WATERMARK_LAG) return undefined;

    const saving = this.#save({ watermark, currentTerm, votedFor });
    if (changed) return saving;
    // A moving watermark keeps no write waiting; where it fails, the next save that matters fails too.
    saving.catch(() => undefined);
    return undefined;
  }

  /** Moves the watermark to where it belongs; waits for saves under way. */
  async settle(watermark: number): Promise<void> {
    await (watermark > this.#newest.watermark
      ? this.#save({ ...this.#newest, watermark })
      : this.#saving);
  }

  /** Waits for saves under way, however they end: one that came after the guard's close would make its file anew. */
  async rest(): Promise<void> {
    await this.#saving.catch(() => undefined);
  }

  #save(record: GuardRecord): Promise<void> {
    this.#newest = record;
    this.#saving = this.#saving.then(() => this.#guard.save(record));
    return this.#saving;
  }
}
