/**
 * What is true of every state (`checkState`) and of every step (`checkStep`): figure 3 of the paper as far as one server
 * can see it, and the bookkeeping that the rest relies on. Run after every step in tests and in simulation, and the
 * first after every turn in production: its cost does not grow with the log.
 */

import { assert } from "./assert.ts";
import { lastEntryId, termAt } from "./log.ts";
import type { Progress } from "./progress.ts";
import type { Leadership, RaftState } from "./state.ts";
import type { LogIndex, NodeId, Role, Term } from "./types.ts";

/** As much of a state as the next one is compared with. */
export interface StateSummary {
  readonly role: Role;
  readonly currentTerm: Term;
  readonly votedFor: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly compactedIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly clusterTime: number;
  readonly durable: number;
  readonly match: ReadonlyMap<NodeId, LogIndex>;
}

/** What `checkStep` has to know of the state before a step. */
export function summarize(state: RaftState): StateSummary {
  return {
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    leader: state.leader,
    commitIndex: state.commitIndex,
    lastApplied: state.lastApplied,
    snapshotIndex: state.snapshot.lastIncluded.index,
    compactedIndex: state.log.compacted.index,
    lastIndex: state.log.lastIndex,
    clusterTime: state.clusterTime,
    durable: state.durability.durable,
    match: matchIn(state),
  };
}

function matchIn({ leadership }: RaftState): ReadonlyMap<NodeId, LogIndex> {
  const match = new Map<NodeId, LogIndex>();
  if (leadership === undefined) return match;
  for (const { id, matchIndex } of leadership.progress.values()) match.set(id, matchIndex);
  return match;
}

/** This state is possible. */
export function checkState(state: RaftState): void {
  checkLog(state);
  checkDurability(state);
  checkRole(state);
}

/** This step is possible. */
export function checkStep(before: StateSummary, state: RaftState): void {
  const sameTerm = state.currentTerm === before.currentTerm;
  assert(state.currentTerm >= before.currentTerm, "currentTerm never falls");
  assert(
    !sameTerm || before.votedFor === undefined || state.votedFor === before.votedFor,
    "a vote is given once a term",
  );
  const isSameLeader = before.leader === undefined || state.leader === before.leader;
  assert(
    !sameTerm || state.leader === undefined || isSameLeader,
    "there is one leader a term (Election Safety)",
  );
  assert(state.commitIndex >= before.commitIndex, "commitIndex never falls");
  assert(state.lastApplied >= before.lastApplied, "lastApplied never falls");
  assert(state.snapshot.lastIncluded.index >= before.snapshotIndex, "the snapshot never goes back");
  assert(state.log.compacted.index >= before.compactedIndex, "compaction never goes back");
  assert(state.clusterTime >= before.clusterTime, "cluster time never falls");
  assert(state.durability.durable >= before.durable, "what is durable stays durable");
  assert(state.log.lastIndex >= before.commitIndex, "a committed entry is never cut off");

  if (before.role === "leader" && sameTerm) {
    assert(state.role === "leader" || state.role === "follower", "a leader only steps down");
    assert(
      state.role !== "leader" || state.log.lastIndex >= before.lastIndex,
      "a leader never cuts its log (Leader Append-Only)",
    );
    for (const [id, matchIndex] of matchIn(state)) {
      assert(
        matchIndex >= (before.match.get(id) ?? 0),
        "matchIndex only grows within a leadership",
      );
    }
  }
  if (state.role === "leader" && before.role !== "leader") {
    assert(before.role === "candidate" && sameTerm, "a leader was a candidate of its term");
  }
}

function checkLog(state: RaftState): void {
  const { log, snapshot, commitIndex, lastApplied } = state;
  const snapshotIndex = snapshot.lastIncluded.index;
  assert(log.compacted.index <= snapshotIndex, "what is compacted is in the snapshot");
  assert(snapshotIndex <= commitIndex, "a snapshot holds only committed entries");
  assert(commitIndex <= log.lastIndex, "what is committed is in the log");
  assert(lastApplied <= commitIndex, "what is applied is committed");
  assert(lastApplied <= log.durableIndex, "what is applied is on the own disk");
  assert(log.durableIndex <= log.lastIndex, "what is durable is in the log");
  assert(
    log.tailFirst + log.tail.length === log.lastIndex + 1,
    "the tail reaches to the last entry",
  );
  assert(log.tailFirst > log.compacted.index, "the tail holds nothing that is compacted");
  assert(lastEntryId(log).term <= state.currentTerm, "no entry is of a term to come");
  assert(
    (log.runs[0]?.firstIndex ?? log.compacted.index + 1) === log.compacted.index + 1,
    "every entry has a term",
  );
  const termOfSnapshot = termAt(log, snapshotIndex);
  assert(termOfSnapshot === snapshot.lastIncluded.term, "the snapshot agrees with the log");

  const { configurations } = state;
  assert(
    (configurations[0]?.index ?? Infinity) <= snapshotIndex,
    "the snapshot's configuration is known",
  );
  assert(
    (configurations.at(-1)?.index ?? Infinity) <= log.lastIndex,
    "a configuration is in the log",
  );
}

function checkDurability(state: RaftState): void {
  const { log, durability } = state;
  const { durable, issued, inFlight, held, unissuedFrom, voteWrite } = durability;
  assert(durable <= issued, "a write is issued before it is durable");
  assert(inFlight.length === issued - durable, "writes complete in order");
  assert(inFlight.length <= state.options.maxWritesInFlight, "writes in flight are bounded");
  assert(unissuedFrom <= log.lastIndex + 1, "what is written was in the log");
  assert(log.durableIndex < unissuedFrom, "what is durable was written");
  assert(log.tailFirst <= unissuedFrom, "what is not written is in memory");
  assert(voteWrite <= issued + 1, "the vote is written with the next write at the latest");
  assert(
    held.every(({ after }) => after > durable),
    "what is durable is not held back",
  );
}

function checkRole(state: RaftState): void {
  const { role, options, leadership, durability } = state;
  assert(
    (role === "leader") === (leadership !== undefined),
    "a leader, and only a leader, has a leadership",
  );
  assert(
    (role !== "candidate" && role !== "leader") || state.votedFor === options.id,
    "a candidate has voted for itself",
  );
  assert(
    (state.leader === options.id) === (role === "leader"),
    "a leader knows that it leads, and nobody else thinks so of itself",
  );
  assert(role !== "follower" || state.votes.size === 0, "a follower counts no votes");
  if (leadership === undefined) return;

  assert(durability.voteWrite <= durability.durable, "a leader's term and vote are durable");
  assert(
    termAt(state.log, leadership.firstIndex) !== undefined || isCompacted(state, leadership),
    "its first entry is there",
  );
  assert(leadership.uncommittedBytes >= 0, "only what was counted is refunded");
  assert(leadership.reads.length <= options.maxPendingReads, "waiting reads are bounded");
  for (const progress of leadership.progress.values()) checkProgress(state, progress);
}

function isCompacted({ log }: RaftState, { firstIndex }: Leadership): boolean {
  return firstIndex < log.compacted.index;
}

function checkProgress(state: RaftState, progress: Progress): void {
  const { options, log } = state;
  assert(progress.matchIndex < progress.nextIndex, "nextIndex is above matchIndex");
  assert(progress.nextIndex <= log.lastIndex + 1, "only what is in the log is sent");
  assert(progress.inflight.length <= options.maxInflightAppends, "the window is bounded");
  assert(
    (progress.mode === "snapshot") === (progress.snapshot !== undefined),
    "a snapshot is on its way or not",
  );
}
