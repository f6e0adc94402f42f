/** The state machine, which a user of the library writes, and what it is given. */

/** A committed command as the state machine sees it. */
export interface AppliedCommand {
  /** Position in the log: unique, ascending, with gaps (blank entries). Good as a fencing token. */
  readonly index: number;
  readonly term: number;
  /** Cluster time in milliseconds: the same on every member, never falling, standing still without a leader. */
  readonly time: number;
  /** The command's bytes. They belong to the log: copy what is kept, change nothing. */
  readonly payload: Uint8Array;
}

/**
 * The contract of a replicated state machine (section 2).
 *
 * **Determinism.** `apply` must give the same results and the same state for the same commands in the same order, on
 * every member, on every version that runs at the same time: no clock, no randomness, no I/O that can differ. The time
 * to use is the entry's `time`.
 *
 * **Failure.** An exception in `apply` stops the node with `RAFT_APPLY_FAILED`; it is never skipped, because the other
 * members would not skip it. A command that is merely wrong is a result, not an exception.
 *
 * **Not its own node.** `apply` and `restore` must not await `propose`, `read` or `stop` of the node that calls them: those
 * wait for what is being applied.
 */
export interface StateMachine<Result = unknown, Query = unknown, Answer = unknown> {
  /** Applies commands in order and returns one result for each, in the same order. */
  apply(commands: readonly AppliedCommand[]): readonly Result[] | Promise<readonly Result[]>;
  /**
   * Answers from the current state and changes nothing. Never called while `apply` or `restore` is under way; what it
   * reads after an `await` of its own may be newer.
   */
  query(query: Query): Answer | Promise<Answer>;
  /**
   * The state as it is at the call, streamed while `apply` goes on, in chunks of any size. The first of them is asked for
   * at once, before anything else is applied: a generator has to capture the state up to its first `yield`. It is left
   * where it is when the node stops, or when a leader's snapshot is restored meanwhile: then it may throw, too.
   */
  snapshot(): AsyncIterable<Uint8Array>;
  /** Replaces the whole state by what `snapshot` gave. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** All that there is to a state machine. */
export const stateMachineMethods: readonly (keyof StateMachine)[] = [
  "apply",
  "query",
  "snapshot",
  "restore",
];
