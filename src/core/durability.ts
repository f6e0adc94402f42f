/**
 * What must be on disk before it is said (figure 2: "updated on stable storage before responding to RPCs").
 *
 * Writes are numbered; every message that shows something of this server's state names the write that it depends on and
 * is held back until that write, and so all before it, are durable. Nobody outside has to know: what `takeReady` gives
 * out may be sent.
 */

import { assert } from "./assert.ts";
import { tailEntries, truncateFrom } from "./log.ts";
import { withoutFrom } from "./membership.ts";
import type { AppendEntriesSuccess, Message } from "./message.ts";
import type { RaftState } from "./state.ts";
import type { HardState, LogIndex, NodeId, SnapshotMeta, Term, Write } from "./types.ts";

/** Sends what depends on no write: a leader's requests (its term is durable, or it would not lead) and pre-votes. */
export function send(state: RaftState, message: Message): void {
  state.outbox.messages.push(message);
}

/** Sends what shows our term or our vote: leaves when the last write that changed them is durable (rules 1 and 2). */
export function sendAfterVote(state: RaftState, message: Message): void {
  hold(state, message, state.durability.voteWrite);
}

/**
 * Sends what shows entries or a snapshot as ours: leaves when the newest write is durable, whether it is issued or still
 * pending, and also where this message's own handler wrote nothing (rule 6).
 */
export function sendAfterLog(state: RaftState, message: Message): void {
  const { issued } = state.durability;
  hold(state, message, isWritePending(state) ? issued + 1 : issued);
}

/** Adopts a term and a vote; both go into the next write. The only place that changes either. */
export function setTermAndVote(state: RaftState, term: Term, votedFor: NodeId | undefined): void {
  assert(term >= state.currentTerm, "the term never falls");
  assert(Number.isSafeInteger(term), "terms stay below 2^53");
  assert(
    term > state.currentTerm || state.votedFor === undefined || state.votedFor === votedFor,
    "a vote is never taken back in its term",
  );
  if (term === state.currentTerm && votedFor === state.votedFor) return;
  state.currentTerm = term;
  state.votedFor = votedFor;
  state.durability.hardStateChanged = true;
  state.durability.voteWrite = state.durability.issued + 1;
}

/** Cuts the log, and all that was derived from what is cut. */
export function truncateLog(state: RaftState, index: LogIndex): void {
  assert(index > state.commitIndex, "a committed entry is never cut off");
  const { durability } = state;
  truncateFrom(state.log, index);
  state.configurations = withoutFrom(state.configurations, index);
  // An entry may come back with the same term and index, so a write in flight vouches only for what was not cut since.
  for (const write of durability.inFlight) write.lastIndex = Math.min(write.lastIndex, index - 1);
  durability.unissuedFrom = Math.min(durability.unissuedFrom, index);
  if (index <= durability.storedLast) {
    durability.truncateFrom = Math.min(durability.truncateFrom ?? index, index);
  }
}

/** Puts a switch to `snapshot` into the next write; the log has been emptied and goes on behind it. */
export function switchToSnapshot(
  state: RaftState,
  snapshot: SnapshotMeta,
  oldCommit: LogIndex,
): void {
  const { durability } = state;
  const { index } = snapshot.lastIncluded;
  // Only what was committed before is known to be the same under the snapshot.
  state.log.durableIndex = Math.min(state.log.durableIndex, oldCommit);
  for (const write of durability.inFlight) write.lastIndex = Math.min(write.lastIndex, oldCommit);
  durability.unissuedFrom = index + 1;
  durability.truncateFrom = durability.storedLast > index ? index + 1 : undefined;
  durability.snapshot = snapshot;
  durability.compacted = true;
}

/** Whether the next `takeWrite` would have something to write. */
function isWritePending(state: RaftState): boolean {
  const {
    hardStateChanged,
    truncateFrom: cut,
    snapshot,
    compacted,
    unissuedFrom,
  } = state.durability;
  return (
    hardStateChanged ||
    cut !== undefined ||
    snapshot !== undefined ||
    compacted ||
    unissuedFrom <= state.log.lastIndex
  );
}

/** The next write, with everything that gathered while the last was under way; `undefined` if it has to wait. */
export function takeWrite(state: RaftState): Write | undefined {
  const { durability, log, options } = state;
  if (durability.inFlight.length >= options.maxWritesInFlight || !isWritePending(state))
    return undefined;

  durability.issued += 1;
  const write: Write = {
    sequence: durability.issued,
    hardState: hardStateOf(state),
    truncateFrom: durability.truncateFrom,
    entries: unissuedEntries(state),
    snapshot: durability.snapshot,
    compactTo: durability.compacted ? log.compacted : undefined,
  };
  durability.inFlight.push({
    sequence: durability.issued,
    issuedAt: state.now,
    lastIndex: log.lastIndex,
  });
  durability.unissuedFrom = log.lastIndex + 1;
  durability.storedLast = log.lastIndex;
  durability.hardStateChanged = false;
  durability.truncateFrom = undefined;
  durability.snapshot = undefined;
  durability.compacted = false;
  return write;
}

/** The write with this number, and all before it, are durable: lets go of what waited for them. */
export function onPersisted(state: RaftState, sequence: number): void {
  const { durability, log } = state;
  assert(
    sequence > durability.durable && sequence <= durability.issued,
    "a write that was issued completes once",
  );
  durability.durable = sequence;
  while ((durability.inFlight[0]?.sequence ?? Infinity) <= sequence) {
    log.durableIndex = Math.max(log.durableIndex, durability.inFlight.shift()?.lastIndex ?? 0);
  }
  release(state);
}

/** Whether a write has been under way for an election timeout: this disk is stuck (rule 65). */
export function isDiskStuck(state: RaftState): boolean {
  const oldest = state.durability.inFlight[0];
  return oldest !== undefined && state.now - oldest.issuedAt >= state.options.electionTimeoutMs;
}

/**
 * Keeps a message back until a write is durable. What is said again to the same receiver takes the place of what waits
 * for the same write, so that few messages wait, however long the disk takes.
 */
function hold(state: RaftState, message: Message, after: number): void {
  const { durability, currentTerm: term } = state;
  if (after <= durability.durable) return send(state, message);
  const at = durability.held.findIndex(
    (held) => held.after === after && held.term === term && isSaidAgain(held.message, message),
  );
  const earlier = at === -1 ? undefined : durability.held[at]?.message;
  if (earlier === undefined) durability.held.push({ message, after, term });
  else durability.held[at] = { message: newer(earlier, message), after, term };
}

function release(state: RaftState): void {
  const { durability } = state;
  const waiting: typeof durability.held = [];
  for (const held of durability.held) {
    if (held.term !== state.currentTerm) continue;
    if (held.after <= durability.durable) send(state, held.message);
    else waiting.push(held);
  }
  durability.held = waiting;
}

function isSaidAgain(earlier: Message, message: Message): boolean {
  return (
    earlier.to === message.to &&
    earlier.type === message.type &&
    isAcknowledgement(earlier) === isAcknowledgement(message)
  );
}

/** The later of two messages of one kind; of two acknowledgements the one that says more. */
function newer(earlier: Message, later: Message): Message {
  const isLess =
    isAcknowledgement(earlier) && isAcknowledgement(later) && later.matchIndex < earlier.matchIndex;
  return isLess ? earlier : later;
}

function isAcknowledgement(message: Message): message is AppendEntriesSuccess {
  return message.type === "AppendEntriesResponse" && message.success;
}

/** Commit is written along, but never beyond the entries that the same write leaves on disk. */
function hardStateOf(state: RaftState): HardState {
  return {
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    commitIndex: Math.min(state.commitIndex, state.log.lastIndex),
  };
}

function unissuedEntries({ log, durability }: RaftState): Write["entries"] {
  if (durability.unissuedFrom > log.lastIndex) return [];
  const entries = tailEntries(log, durability.unissuedFrom, log.lastIndex, Infinity);
  assert(entries !== undefined, "what is not written is in memory");
  return entries;
}
