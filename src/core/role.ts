/**
 * The transitions of figure 4 (and pre-candidate, thesis 9.6): the only place where `role` changes.
 *
 * ```
 *   follower --time-out--> pre-candidate --quorum would vote--> candidate --quorum voted--> leader
 *      ^                        |                                   |                          |
 *      +------- a leader, a higher term, or no quorum (CheckQuorum) ---------------------------+
 * ```
 */

import { assert } from "./assert.ts";
import { setTermAndVote } from "./durability.ts";
import { append, lastEntryId } from "./log.ts";
import { membersOf } from "./membership.ts";
import { newProgress } from "./progress.ts";
import { draw } from "./random.ts";
import { configurationOf } from "./state.ts";
import type { Leadership, RaftState } from "./state.ts";
import type { EntryId, NodeId, Term } from "./types.ts";

/** Follows in `term`, which is at least the own one, without a known leader: section 5.1, "immediately reverts". */
export function becomeFollower(state: RaftState, term: Term): void {
  if (term > state.currentTerm) {
    setTermAndVote(state, term, undefined);
    state.leader = undefined;
  }
  if (state.role !== "follower") {
    if (state.leader === state.options.id) state.leader = undefined;
    state.role = "follower";
    endLeadership(state);
    armElectionTimer(state);
    state.votes.clear();
  }
}

/** The current leader has shown itself: follow it, and put the election off (section 5.2). */
export function followLeader(state: RaftState, leader: NodeId): void {
  assert(state.role !== "leader", "there is one leader a term (Election Safety, section 5.2)");
  assert(state.leader === undefined || state.leader === leader, "there is one leader a term");
  becomeFollower(state, state.currentTerm);
  state.leader = leader;
  state.leaderContact = state.now;
  armElectionTimer(state);
}

/** Asks whether an election could be won, with nothing changed yet (thesis 9.6). */
export function becomePreCandidate(state: RaftState): void {
  assert(state.role !== "leader", "a leader does not campaign");
  state.role = "pre-candidate";
  state.leader = undefined;
  state.votes.clear();
  armElectionTimer(state);
}

/** A new term and a vote for oneself, which counts once it is durable (rule 2). */
export function becomeCandidate(state: RaftState): void {
  assert(state.role !== "leader", "a leader does not campaign");
  state.role = "candidate";
  state.leader = undefined;
  state.votes.clear();
  setTermAndVote(state, state.currentTerm + 1, state.options.id);
  armElectionTimer(state);
}

/** Takes the lead, and begins with a blank entry: what came before can be committed only through it (section 5.4.2). */
export function becomeLeader(state: RaftState): void {
  assert(state.role === "candidate", "only a candidate wins");
  assert(state.votedFor === state.options.id, "a leader has voted for itself");
  assert(
    state.durability.durable >= state.durability.voteWrite,
    "a win waits for the own vote's write",
  );
  state.role = "leader";
  state.leader = state.options.id;
  state.electionDeadline = Infinity;
  state.leadership = newLeadership(state);
  append(state.log, {
    kind: "blank",
    ...nextEntryId(state),
    time: clusterTimeNow(state, state.leadership),
    encoded: undefined,
  });
}

/** Draws a random time-out anew (section 5.2; rule 14), from the minimum to twice the minimum. */
export function armElectionTimer(state: RaftState): void {
  state.electionDeadline = state.now + state.options.electionTimeoutMs * (1 + draw(state));
}

/** Where the next entry of this leader goes. */
export function nextEntryId(state: RaftState): EntryId {
  return { term: state.currentTerm, index: state.log.lastIndex + 1 };
}

/**
 * Cluster time: the highest of the log, plus the leader's own monotonic time since it took over. It never falls and it
 * stands still without a leader.
 */
export function clusterTimeNow(state: RaftState, leadership: Leadership): number {
  const elapsed = Math.max(0, Math.floor(state.now - leadership.startedAt));
  state.clusterTime = Math.max(state.clusterTime, leadership.clusterTimeAtStart + elapsed);
  return state.clusterTime;
}

function newLeadership(state: RaftState): Leadership {
  const { options, now, log } = state;
  const last = lastEntryId(log).index;
  const others = membersOf(configurationOf(state)).filter(({ id }) => id !== options.id);
  return {
    firstIndex: last + 1,
    clusterTimeAtStart: state.clusterTime,
    startedAt: now,
    progress: new Map(others.map(({ id }) => [id, newProgress(id, last)])),
    // At once: every member hears of the new leader within this turn.
    heartbeatDeadline: now,
    quorumCheckDeadline: now + options.electionTimeoutMs,
    round: 0,
    roundWanted: false,
    reads: [],
    transfer: undefined,
    uncommittedBytes: 0,
  };
}

/** Whoever waits for a read is told that it was refused; proposals in the log are the driver's to follow. */
function endLeadership(state: RaftState): void {
  for (const { batch } of state.leadership?.reads ?? []) {
    state.outbox.reads.push({ batch, index: undefined, refusal: "not leader" });
  }
  state.leadership = undefined;
}
