/**
 * What a core can be told. Times are in milliseconds, sizes in bytes; an entry counts as its payload plus a fixed
 * overhead (`sizeOf` in log.ts).
 */

import type { NodeId } from "./types.ts";

export interface RaftOptions {
  readonly id: NodeId;
  /** Seeds the generator of random election timeouts: any number; members should not share one. */
  readonly seed: number;
  /**
   * The minimum election timeout; each campaign waits a random time from this to twice this (section 5.2). Well above a
   * round trip plus a disk sync (section 5.6), and at least three heartbeats.
   */
  readonly electionTimeoutMs: number;
  /** How often an idle leader shows that it is there. */
  readonly heartbeatIntervalMs: number;
  /** Ask before disturbing the cluster with a new term (thesis 9.6). */
  readonly preVote: boolean;
  /**
   * A leader that does not hear from a quorum for an election timeout steps down (thesis 6.2), and a server that has
   * heard from a leader within one refuses to vote (thesis 4.2.3). One option, because each is wrong without the other.
   */
  readonly checkQuorum: boolean;
  /** The entries of one AppendEntries, and what is read from the storage at once; one entry always fits. */
  readonly maxAppendBytes: number;
  /** How many AppendEntries with entries may be unanswered by one follower. */
  readonly maxInflightAppends: number;
  /** How many bytes of entries may be unanswered by one follower. */
  readonly maxInflightBytes: number;
  /** How much a leader takes in before it is committed; beyond it proposals are refused as overloaded. */
  readonly maxUncommittedBytes: number;
  /** How much committed and durable log stays in memory for followers that are a little behind. */
  readonly maxTailBytes: number;
  /** How much is handed to the state machine at once; one entry always fits. */
  readonly maxApplyBytes: number;
  /** How many batches of reads may wait for their round. */
  readonly maxPendingReads: number;
  /** Durable writes handed out before the first has finished. */
  readonly maxWritesInFlight: number;
  /** Which invariants to check after each step: those that cost next to nothing, or all of them. */
  readonly invariants: "cheap" | "all";
}

/** Everything but who one is: sound for members in one data centre. */
export const defaultRaftOptions: Omit<RaftOptions, "id" | "seed"> = {
  electionTimeoutMs: 500,
  heartbeatIntervalMs: 50,
  preVote: true,
  checkQuorum: true,
  maxAppendBytes: 128 * 1024,
  maxInflightAppends: 128,
  maxInflightBytes: 4 * 1024 * 1024,
  maxUncommittedBytes: 64 * 1024 * 1024,
  maxTailBytes: 2 * 1024 * 1024,
  maxApplyBytes: 1024 * 1024,
  maxPendingReads: 4096,
  maxWritesInFlight: 1,
  invariants: "cheap",
};

/** The options that make no sense, as sentences that name the option and its value; empty when all is well. */
export function problemsOf(options: RaftOptions): string[] {
  const problems: string[] = [];
  const positive = (name: keyof RaftOptions, max: number): void => {
    const value = options[name];
    if (typeof value !== "number" || !(value > 0) || value > max) {
      problems.push(`${name} must be a positive number up to ${max}, not ${shown(value)}`);
    }
  };
  const count = (name: keyof RaftOptions, max: number): void => {
    const value = options[name];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > max) {
      problems.push(`${name} must be a whole number from 1 to ${max}, not ${shown(value)}`);
    }
  };
  const oneOf = (name: keyof RaftOptions, ...values: readonly unknown[]): void => {
    if (values.includes(options[name])) return;
    problems.push(`${name} must be ${values.map(shown).join(" or ")}, not ${shown(options[name])}`);
  };
  const DAY_MS = 86_400_000;
  const GIB = 2 ** 30;
  if (typeof options.id !== "string" || options.id === "" || options.id.length > 64) {
    problems.push(`id must be a string of 1 to 64 characters, not ${JSON.stringify(options.id)}`);
  }
  if (!Number.isFinite(options.seed)) problems.push(`seed must be a number, not ${options.seed}`);
  positive("electionTimeoutMs", DAY_MS);
  positive("heartbeatIntervalMs", DAY_MS);
  positive("maxAppendBytes", GIB);
  count("maxInflightAppends", 2 ** 16);
  positive("maxInflightBytes", GIB);
  positive("maxUncommittedBytes", GIB);
  positive("maxTailBytes", GIB);
  positive("maxApplyBytes", GIB);
  count("maxPendingReads", 2 ** 20);
  count("maxWritesInFlight", 64);
  oneOf("preVote", true, false);
  oneOf("checkQuorum", true, false);
  oneOf("invariants", "cheap", "all");
  if (options.electionTimeoutMs < 3 * options.heartbeatIntervalMs) {
    problems.push(
      `electionTimeoutMs (${options.electionTimeoutMs}) must be at least three times heartbeatIntervalMs ` +
        `(${options.heartbeatIntervalMs}), or one lost heartbeat costs the leader its place`,
    );
  }
  return problems;
}

/** As it would be written, so that "500" is told from 500. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
