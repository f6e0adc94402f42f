/**
 * The remote procedure calls of the paper (figures 2 and 13; PreVote and TimeoutNow from the thesis, 9.6 and 3.10), one
 * interface each. A response is a message of its own; nothing here relies on order or on exactly-once delivery.
 */

import type { Entry, EntryId, LogIndex, NodeId, SnapshotMeta, Term } from "./types.ts";

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

/** "Would you vote for me?" Its `term` is a proposal, one above the sender's own; nobody adopts it. */
export interface PreVote extends Envelope {
  readonly type: "PreVote";
  readonly lastLog: EntryId;
}

/** `term`: the proposed term when granted, the voter's own when refused. */
export interface PreVoteResponse extends Envelope {
  readonly type: "PreVoteResponse";
  readonly voteGranted: boolean;
}

/** "Vote for me in `term`" (section 5.2). */
export interface RequestVote extends Envelope {
  readonly type: "RequestVote";
  readonly lastLog: EntryId;
  /** The leader itself asked for this election, so stickiness does not apply (thesis 4.2.3). */
  readonly leadershipTransfer: boolean;
}

/** Answers a RequestVote once the vote is on disk, or refuses it. */
export interface RequestVoteResponse extends Envelope {
  readonly type: "RequestVoteResponse";
  readonly voteGranted: boolean;
}

/** "Behind `prevLog` come these" (section 5.3). */
export interface AppendEntries extends Envelope {
  readonly type: "AppendEntries";
  readonly prevLog: EntryId;
  readonly leaderCommit: LogIndex;
  /** Consecutive, the first at `prevLog.index + 1`; empty to probe. */
  readonly entries: readonly Entry[];
}

/** "My log agrees with yours up to `matchIndex`." */
export interface AppendEntriesSuccess extends Envelope {
  readonly type: "AppendEntriesResponse";
  readonly success: true;
  readonly matchIndex: LogIndex;
}

/**
 * "I do not have your `prevLogIndex`"; `hint` is the last entry of mine that may agree with yours. Both are 0 in the answer to
 * an append of a former term.
 */
export interface AppendEntriesRefusal extends Envelope {
  readonly type: "AppendEntriesResponse";
  readonly success: false;
  readonly prevLogIndex: LogIndex;
  readonly hint: EntryId;
}

/** Whether the logs agree at `prevLog`; refused with a higher `term` where the sender leads no more (section 5.1). */
export type AppendEntriesResponse = AppendEntriesSuccess | AppendEntriesRefusal;

/** Authority and a read round without a log check; `leaderCommit` never exceeds what the receiver is known to hold. */
export interface Heartbeat extends Envelope {
  readonly type: "Heartbeat";
  readonly leaderCommit: LogIndex;
  readonly round: number;
}

/**
 * Answers the heartbeat of that round once the term is on disk: it waits for no entry that is being written. To one of a
 * former term the answer is of round 0, which confirms nothing: `term` is another leadership's.
 */
export interface HeartbeatResponse extends Envelope {
  readonly type: "HeartbeatResponse";
  readonly round: number;
}

/** Comes to a follower's core once all chunks have arrived and are staged under `snapshot.id`. */
export interface InstallSnapshot extends Envelope {
  readonly type: "InstallSnapshot";
  readonly snapshot: SnapshotMeta;
}

/** "My log agrees with yours up to `matchIndex`", as for an append; 0 in the answer to a snapshot of a former term. */
export interface InstallSnapshotResponse extends Envelope {
  readonly type: "InstallSnapshotResponse";
  readonly matchIndex: LogIndex;
}

/** "Start an election now" (thesis 3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: "TimeoutNow";
}

/** Everything that cores say to each other. */
export type Message =
  | PreVote
  | PreVoteResponse
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | InstallSnapshotResponse
  | TimeoutNow;
