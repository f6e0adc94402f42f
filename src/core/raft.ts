/**
 * The core's face: `step` takes an input, `takeReady` gives out what is to be done about it, `deadline` says when the
 * next `tick` is due. No clock, no timer, no I/O, no callback: the same inputs give the same effects, always.
 *
 * ```
 *   for each input:  raft.step(now, input)
 *   once a turn:     const ready = raft.takeReady()
 * ```
 */

import { onAppendEntries, onHeartbeat } from "./append-entries.ts";
import { nextApplyTask, onApplied } from "./apply.ts";
import { assert, unreachable } from "./assert.ts";
import { clone } from "./clone.ts";
import { onPersisted, sendAfterVote, takeWrite } from "./durability.ts";
import {
  isSticky,
  onElectionTimeout,
  onPreVote,
  onPreVoteResponse,
  onRequestVote,
  onRequestVoteResponse,
  onVoteDurable,
} from "./election.ts";
import { leaderDeadline, onLeaderTick, sendHeartbeats } from "./heartbeat.ts";
import { checkState, checkStep, summarize } from "./invariants.ts";
import { dropPayloads, shrinkTail } from "./log.ts";
import type { Message } from "./message.ts";
import type { RaftOptions } from "./options.ts";
import { confirmReads, onRead, startReads } from "./read-index.ts";
import type { Input, Ready } from "./ready.ts";
import {
  commitOwnTerm,
  onAppendRefused,
  onAppendSuccess,
  onEntriesRead,
  onHeartbeatResponse,
  onPropose,
  replicate,
} from "./replication.ts";
import { armElectionTimer, becomeFollower } from "./role.ts";
import {
  onInstallSnapshot,
  onInstallSnapshotResponse,
  onSnapshotSent,
  onSnapshotTaken,
} from "./snapshot.ts";
import { createState, emptyOutbox } from "./state.ts";
import type { RaftState } from "./state.ts";
import { statusOf } from "./status.ts";
import type { RaftStatus } from "./status.ts";
import { continueTransfer, onTimeoutNow, onTransfer } from "./transfer.ts";
import type { LogIndex, StoredState } from "./types.ts";

/** One server of a Raft group, as a pure synchronous state machine. */
export class Raft {
  readonly #state: RaftState;

  private constructor(state: RaftState) {
    this.#state = state;
  }

  /**
   * A follower that carries on from what its storage found. The options are taken as they are: `problemsOf` tells
   * whether they make sense. Throws `InvariantViolation` where the stored state is impossible.
   */
  static open(options: RaftOptions, stored: StoredState, now: number): Raft {
    const state = createState(options, stored, now);
    armElectionTimer(state);
    checkState(state);
    return new Raft(state);
  }

  /** The whole state: to look at, not to touch. */
  get state(): Readonly<RaftState> {
    return this.#state;
  }

  /** When the next `tick` is due, on the clock of `now`. */
  get deadline(): number {
    const { leadership, electionDeadline } = this.#state;
    return leadership === undefined ? electionDeadline : leaderDeadline(leadership);
  }

  /**
   * Takes one input at time `now`: monotonic milliseconds. Throws `InvariantViolation` where something cannot be; the
   * core is not to be used any more then.
   */
  step(now: number, input: Input): void {
    const state = this.#state;
    assert(now >= state.now, "time does not run backwards");
    const before = state.options.invariants === "all" ? summarize(state) : undefined;
    state.now = now;
    handle(state, input);
    if (before !== undefined) {
      checkState(state);
      checkStep(before, state);
    }
  }

  /** Ends a turn: everything that is to be done now, once. */
  takeReady(): Ready {
    const state = this.#state;
    const { leadership } = state;
    if (leadership !== undefined) {
      startReads(state, leadership);
      sendHeartbeats(state, leadership);
      replicate(state, leadership);
      continueTransfer(state, leadership);
      confirmReads(state, leadership);
    }
    dropPayloads(state.log, neededNoMore(state));
    shrinkTail(
      state.log,
      Math.min(state.log.durableIndex, state.commitIndex),
      state.options.maxTailBytes,
    );
    const write = takeWrite(state);
    const apply = nextApplyTask(state);
    const { messages, proposed, reads, readEntries, sendSnapshots } = state.outbox;
    state.outbox = emptyOutbox();
    checkState(state);
    return { messages, write, proposed, reads, apply, readEntries, sendSnapshots };
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }

  /** An independent copy, for a checker that explores what could happen next. */
  clone(): Raft {
    return new Raft(clone(this.#state));
  }
}

/** Entries up to here are on the disk, applied and, of a leader, on every follower: nobody asks for them soon. */
function neededNoMore({ log, applying, lastApplied, leadership }: RaftState): LogIndex {
  let index = Math.min(log.durableIndex, applying ?? lastApplied);
  if (leadership === undefined) return index;
  for (const { matchIndex } of leadership.progress.values()) index = Math.min(index, matchIndex);
  return index;
}

function handle(state: RaftState, input: Input): void {
  switch (input.type) {
    case "tick":
      return onTick(state);
    case "message":
      return onMessage(state, input.message);
    case "propose":
      return onPropose(state, input);
    case "read":
      return onRead(state, input);
    case "transfer":
      return onTransfer(state, input);
    case "persisted":
      onPersisted(state, input.sequence);
      onVoteDurable(state);
      return commitOwnTerm(state);
    case "applied":
      return onApplied(state, input.index);
    case "snapshotTaken":
      return onSnapshotTaken(state, input);
    case "entriesRead":
      return onEntriesRead(state, input);
    case "snapshotSent":
      return onSnapshotSent(state, input);
    default:
      return unreachable(input);
  }
}

function onTick(state: RaftState): void {
  if (state.leadership !== undefined) onLeaderTick(state, state.leadership);
  else if (state.now >= state.electionDeadline) onElectionTimeout(state);
}

function onMessage(state: RaftState, message: Message): void {
  assert(message.to === state.options.id, "a message comes to whom it is addressed");
  if (settleTerm(state, message)) dispatch(state, message);
}

/**
 * "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to follower" (figure 2), and
 * what is of a lower term is answered or dropped. Whether the message is still to be handled, now in its own term.
 *
 * The two exceptions of the whole protocol are here: a PreVote and its grant carry a *proposed* term, which is nobody's
 * yet (thesis 9.6); and a RequestVote that stickiness refuses is dropped before its term is adopted (thesis 4.2.3).
 */
function settleTerm(state: RaftState, message: Message): boolean {
  if (message.type === "PreVote") return true;
  if (message.type === "PreVoteResponse" && message.voteGranted) return true;

  if (message.term > state.currentTerm) {
    if (
      message.type === "RequestVote" &&
      !message.leadershipTransfer &&
      isSticky(state, message.from)
    ) {
      return false;
    }
    becomeFollower(state, message.term);
  }
  if (message.term < state.currentTerm) {
    answerStale(state, message);
    return false;
  }
  return true;
}

/**
 * Tells the sender of a request of a lower term of ours: it may not hear it from anybody else (rule 22). And nothing but that
 * term: the sender may lead in it by the time it hears, and would take a round or a place of its former leadership for one of
 * this.
 */
function answerStale(state: RaftState, message: Message): void {
  const envelope = { from: state.options.id, to: message.from, term: state.currentTerm };
  switch (message.type) {
    case "RequestVote":
      return sendAfterVote(state, { ...envelope, type: "RequestVoteResponse", voteGranted: false });
    case "Heartbeat":
      return sendAfterVote(state, { ...envelope, type: "HeartbeatResponse", round: 0 });
    case "InstallSnapshot":
      return sendAfterVote(state, { ...envelope, type: "InstallSnapshotResponse", matchIndex: 0 });
    case "AppendEntries":
      return sendAfterVote(state, {
        ...envelope,
        type: "AppendEntriesResponse",
        success: false,
        prevLogIndex: 0,
        hint: { term: 0, index: 0 },
      });
    default:
      // A late response, or a late TimeoutNow: nothing depends on it any more (rule 9).
      return undefined;
  }
}

function dispatch(state: RaftState, message: Message): void {
  switch (message.type) {
    case "PreVote":
      return onPreVote(state, message);
    case "PreVoteResponse":
      return onPreVoteResponse(state, message);
    case "RequestVote":
      return onRequestVote(state, message);
    case "RequestVoteResponse":
      return onRequestVoteResponse(state, message);
    case "AppendEntries":
      return onAppendEntries(state, message);
    case "Heartbeat":
      return onHeartbeat(state, message);
    case "InstallSnapshot":
      return onInstallSnapshot(state, message);
    case "TimeoutNow":
      return onTimeoutNow(state, message);
    case "AppendEntriesResponse":
    case "HeartbeatResponse":
    case "InstallSnapshotResponse":
      return onFollowerResponse(state, message);
    default:
      return unreachable(message);
  }
}

type FollowerResponse = Extract<
  Message,
  { type: "AppendEntriesResponse" | "HeartbeatResponse" | "InstallSnapshotResponse" }
>;

/** A response in our term is to us as the leader; from somebody who is no member any more it counts for nothing. */
function onFollowerResponse(state: RaftState, message: FollowerResponse): void {
  const progress = state.leadership?.progress.get(message.from);
  if (progress === undefined) return;
  if (message.type === "HeartbeatResponse") return onHeartbeatResponse(state, progress, message);
  if (message.type === "InstallSnapshotResponse") {
    return onInstallSnapshotResponse(state, progress, message);
  }
  if (message.success) return onAppendSuccess(state, progress, message);
  return onAppendRefused(state, progress, message);
}
