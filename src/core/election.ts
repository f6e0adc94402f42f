/** Leader election (sections 5.2 and 5.4.1) with PreVote (thesis 9.6) and stickiness (thesis 4.2.3). */

import { assert } from "./assert.ts";
import { isDiskStuck, send, sendAfterVote, setTermAndVote } from "./durability.ts";
import { isUpToDate, lastEntryId } from "./log.ts";
import { isElectable, isVoter, membersOf } from "./membership.ts";
import type { PreVote, PreVoteResponse, RequestVote, RequestVoteResponse } from "./message.ts";
import { hasQuorum } from "./quorum.ts";
import {
  armElectionTimer,
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomePreCandidate,
} from "./role.ts";
import { configurationOf } from "./state.ts";
import type { RaftState } from "./state.ts";
import type { NodeId } from "./types.ts";

/** The election timer has run out: "if no communication over a period of time, begins an election" (section 5.2). */
export function onElectionTimeout(state: RaftState): void {
  assert(state.role !== "leader", "a leader has no election timer");
  if (!mayCampaign(state)) {
    armElectionTimer(state);
  } else if (state.options.preVote) {
    preCampaign(state);
  } else {
    campaign(state, false);
  }
}

/** Increments the term, votes for itself, asks the others once that is durable (section 5.2). */
export function campaign(state: RaftState, leadershipTransfer: boolean): void {
  becomeCandidate(state);
  for (const to of otherVoters(state)) {
    sendAfterVote(state, {
      type: "RequestVote",
      from: state.options.id,
      to,
      term: state.currentTerm,
      lastLog: lastEntryId(state.log),
      leadershipTransfer,
    });
  }
}

/** Who may stand (rule 16): an electable voter with a working disk and no snapshot half-way in. */
export function mayCampaign(state: RaftState): boolean {
  const { configurations, commitIndex, options, snapshot, log } = state;
  return (
    isElectable(configurations, commitIndex, options.id) &&
    snapshot.lastIncluded.index <= log.durableIndex &&
    !isDiskStuck(state)
  );
}

/** The own vote is durable: from here on a win counts (rule 2). */
export function onVoteDurable(state: RaftState): void {
  if (state.role !== "candidate" || state.durability.durable < state.durability.voteWrite) return;
  state.votes.add(state.options.id);
  leadIfElected(state);
}

/** "Would I get your vote?" Changes nothing, resets no timer, and its term is nobody's yet (rules 15 and 18). */
export function onPreVote(state: RaftState, message: PreVote): void {
  const voteGranted =
    message.term > state.currentTerm &&
    isUpToDate(message.lastLog, lastEntryId(state.log)) &&
    !isSticky(state, message.from);
  sendAfterVote(state, {
    type: "PreVoteResponse",
    from: state.options.id,
    to: message.from,
    term: voteGranted ? message.term : state.currentTerm,
    voteGranted,
  });
}

export function onPreVoteResponse(state: RaftState, message: PreVoteResponse): void {
  if (state.role !== "pre-candidate") return;
  if (!message.voteGranted || message.term !== state.currentTerm + 1) return;

  state.votes.add(message.from);
  campaignIfWelcome(state);
}

/** RequestVote RPC, receiver implementation (figure 2). */
export function onRequestVote(state: RaftState, message: RequestVote): void {
  assert(message.term === state.currentTerm, "step has settled the term");
  const voteGranted =
    (state.votedFor === undefined || state.votedFor === message.from) &&
    isUpToDate(message.lastLog, lastEntryId(state.log));
  if (voteGranted) {
    becomeFollower(state, state.currentTerm);
    setTermAndVote(state, state.currentTerm, message.from);
    armElectionTimer(state);
  }
  sendAfterVote(state, {
    type: "RequestVoteResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    voteGranted,
  });
}

export function onRequestVoteResponse(state: RaftState, message: RequestVoteResponse): void {
  assert(message.term === state.currentTerm, "step has settled the term");
  if (state.role !== "candidate" || !message.voteGranted) return;

  state.votes.add(message.from);
  leadIfElected(state);
}

/**
 * Whether `candidate` is turned away because there is a leader (thesis 4.2.3): we are it, or have heard from it within
 * the minimum election timeout. The leader that we follow may ask: it knows best that it leads no more (rule 21).
 */
export function isSticky(state: RaftState, candidate: NodeId): boolean {
  if (!state.options.checkQuorum || candidate === state.leader) return false;
  if (state.role === "leader") return true;
  return (
    state.leader !== undefined && state.now < state.leaderContact + state.options.electionTimeoutMs
  );
}

function preCampaign(state: RaftState): void {
  becomePreCandidate(state);
  const lastLog = lastEntryId(state.log);
  for (const to of otherVoters(state)) {
    send(state, {
      type: "PreVote",
      from: state.options.id,
      to,
      term: state.currentTerm + 1,
      lastLog,
    });
  }
  state.votes.add(state.options.id);
  campaignIfWelcome(state);
}

function campaignIfWelcome(state: RaftState): void {
  if (hasQuorum(configurationOf(state), (id) => state.votes.has(id))) campaign(state, false);
}

function leadIfElected(state: RaftState): void {
  if (!state.votes.has(state.options.id)) return;
  if (hasQuorum(configurationOf(state), (id) => state.votes.has(id))) becomeLeader(state);
}

/** Whom to ask. Whether *they* know that they are voters does not matter (rule 17). */
function otherVoters(state: RaftState): NodeId[] {
  const configuration = configurationOf(state);
  return membersOf(configuration)
    .map(({ id }) => id)
    .filter((id) => id !== state.options.id && isVoter(configuration, id));
}
