/** Log replication, the leader's side (section 5.3), and the commit rule (sections 5.3 and 5.4.2). */

import { assert } from "./assert.ts";
import { advanceCommit } from "./append-entries.ts";
import { send } from "./durability.ts";
import { append, lastAtMost, sizeOf, sizeOfCommand, tailEntries, termAt } from "./log.ts";
import type { AppendEntriesRefusal, AppendEntriesSuccess, HeartbeatResponse } from "./message.ts";
import { advanceMatch, becomeProbe, becomeReplicate, becomeSnapshot, sent } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import type { Input, Refusal } from "./ready.ts";
import { clusterTimeNow, nextEntryId } from "./role.ts";
import { configurationOf } from "./state.ts";
import type { Leadership, RaftState } from "./state.ts";
import type { Entry, LogIndex } from "./types.ts";

/** A client's commands: appended to the leader's log, sent with the end of the turn (figure 2, "Leaders"). */
export function onPropose(state: RaftState, input: Input & { type: "propose" }): void {
  const { batch, commands } = input;
  const first = nextEntryId(state);
  let accepted = 0;
  let refusal: Refusal | undefined;
  for (const payload of commands) {
    refusal = refusalOf(state, payload);
    if (refusal !== undefined) break;
    appendCommand(state, payload);
    accepted += 1;
  }
  state.outbox.proposed.push({ batch, first, accepted, refusal });
}

/** Sends every follower what it can take now; called once, at the end of a turn. */
export function replicate(state: RaftState, leadership: Leadership): void {
  for (const progress of leadership.progress.values()) replicateTo(state, progress);
}

/** "If successful: update nextIndex and matchIndex for follower" (figure 2). */
export function onAppendSuccess(
  state: RaftState,
  progress: Progress,
  message: AppendEntriesSuccess,
): void {
  progress.active = true;
  agreeUpTo(state, progress, message.matchIndex);
}

/** The follower's log, or snapshot, agrees with ours up to `matchIndex`. */
export function agreeUpTo(state: RaftState, progress: Progress, matchIndex: LogIndex): void {
  assert(matchIndex <= state.log.lastIndex, "a follower agrees only with what this leader has");
  const news = advanceMatch(progress, matchIndex);
  if (progress.mode === "probe" || (progress.mode === "snapshot" && isInstalled(state, progress)))
    becomeReplicate(progress);
  if (news) commitOwnTerm(state);
}

/**
 * Any answer that connects to what is still in the log ends a snapshot, however it came about (rule 58). So does one that
 * shows all of it to be there while the log has been cut further: then the next snapshot is due, and not this one again.
 */
function isInstalled({ log }: RaftState, { matchIndex, snapshot }: Progress): boolean {
  return matchIndex >= Math.min(log.compacted.index, snapshot?.lastIncluded.index ?? Infinity);
}

/** "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry" (section 5.3). */
export function onAppendRefused(
  state: RaftState,
  progress: Progress,
  message: AppendEntriesRefusal,
): void {
  progress.active = true;
  const { prevLogIndex, hint } = message;
  if (progress.mode === "snapshot" || prevLogIndex <= progress.matchIndex) return;
  // While probing only the answer to the one probe counts; anything else is late (rule 29).
  if (progress.mode === "probe" && prevLogIndex !== progress.nextIndex - 1) return;

  const guess = lastAtMost(state.log, hint.index, hint.term);
  const agrees = guess.term <= hint.term && guess.index <= hint.index;
  // Where nothing of our log can agree, what they need is compacted: going below it brings a snapshot.
  const next = agrees ? guess.index + 1 : Math.min(hint.index + 1, state.log.compacted.index);
  becomeProbe(progress, Math.min(next, prevLogIndex));
}

/**
 * A heartbeat's answer finds out whether an append was lost, a probe too (rule 33): by one without entries, for on a slow line
 * it may only be on its way, and copies would make it later still. Not where one has left within the last interval, which may
 * yet be answered: answers that were held up come many at once, and where appends flow, the next one finds out about a lost
 * one, while an empty one that overtook it would seem to.
 */
export function onHeartbeatResponse(
  state: RaftState,
  progress: Progress,
  message: HeartbeatResponse,
): void {
  progress.active = true;
  progress.round = Math.max(progress.round, message.round);
  if (progress.mode === "snapshot" || progress.matchIndex >= state.log.lastIndex) return;
  if (state.now - progress.sentAt < state.options.heartbeatIntervalMs) return;

  if (progress.nextIndex <= state.log.compacted.index) return sendSnapshot(state, progress);
  sendAppend(state, progress, []);
}

/**
 * "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and log[N].term == currentTerm:
 * set commitIndex = N" (figure 2; section 5.4.2, figure 8). A leader counts itself by what is on its own disk.
 */
export function commitOwnTerm(state: RaftState): void {
  const { leadership, options, log } = state;
  if (leadership === undefined) return;
  const index = quorumValue(configurationOf(state), (id) =>
    id === options.id ? log.durableIndex : (leadership.progress.get(id)?.matchIndex ?? 0),
  );
  if (index <= state.commitIndex || termAt(log, index) !== state.currentTerm) return;

  refund(state, leadership, index);
  advanceCommit(state, index);
}

function refusalOf(state: RaftState, payload: Uint8Array): Refusal | undefined {
  const { leadership, options } = state;
  if (leadership === undefined) return "not leader";
  if (leadership.transfer !== undefined) return "transferring";
  // One always fits, however large: a limit must never stop everything (rule 35).
  const { uncommittedBytes } = leadership;
  const size = uncommittedBytes + sizeOfCommand(payload);
  return uncommittedBytes > 0 && size > options.maxUncommittedBytes ? "overloaded" : undefined;
}

function appendCommand(state: RaftState, payload: Uint8Array): void {
  const { leadership } = state;
  assert(leadership !== undefined, "only a leader takes commands");
  const entry: Entry = {
    kind: "command",
    payload,
    term: state.currentTerm,
    index: state.log.lastIndex + 1,
    time: clusterTimeNow(state, leadership),
    encoded: undefined,
  };
  append(state.log, entry);
  leadership.uncommittedBytes += sizeOf(entry);
}

/** Committed: no longer counted against the limit (rule 35). */
function refund(state: RaftState, leadership: Leadership, upTo: LogIndex): void {
  const from = Math.max(state.commitIndex, leadership.firstIndex) + 1;
  if (from > upTo) return;
  const entries = tailEntries(state.log, from, upTo, Infinity);
  assert(entries !== undefined, "what a leader has not committed is in memory");
  for (const entry of entries) {
    if (entry.kind === "command") leadership.uncommittedBytes -= sizeOf(entry);
  }
}

function replicateTo(state: RaftState, progress: Progress): void {
  const { log, options } = state;
  while (hasWindow(state, progress) && progress.nextIndex <= log.lastIndex) {
    if (progress.nextIndex <= log.compacted.index) return sendSnapshot(state, progress);
    const entries = tailEntries(log, progress.nextIndex, log.lastIndex, options.maxAppendBytes);
    if (entries === undefined) return readFromStorage(state, progress);
    sendAppend(state, progress, entries);
  }
}

function hasWindow(state: RaftState, progress: Progress): boolean {
  const { maxInflightAppends, maxInflightBytes } = state.options;
  switch (progress.mode) {
    case "probe":
      return !progress.paused && progress.reading === undefined;
    case "replicate":
      return (
        progress.inflight.length < Math.min(progress.window, maxInflightAppends) &&
        progress.inflightBytes < maxInflightBytes &&
        progress.reading === undefined
      );
    case "snapshot":
      return false;
  }
}

/** One AppendEntries from `nextIndex` on; empty: only to see whether the logs still agree there. */
function sendAppend(state: RaftState, progress: Progress, entries: readonly Entry[]): void {
  const index = progress.nextIndex - 1;
  const term = termAt(state.log, index);
  assert(
    term !== undefined,
    "the entry before the next is in the log, or a snapshot is sent instead",
  );
  send(state, {
    type: "AppendEntries",
    from: state.options.id,
    to: progress.id,
    term: state.currentTerm,
    prevLog: { term, index },
    leaderCommit: state.commitIndex,
    entries,
  });
  progress.sentAt = state.now;
  if (entries.length > 0) {
    let bytes = 0;
    for (const entry of entries) bytes += sizeOf(entry);
    sent(progress, index + entries.length, bytes);
  }
}

/** The follower is so far behind that the payloads are no longer in memory: one read at a time. */
function readFromStorage(state: RaftState, progress: Progress): void {
  const { log, options, outbox, currentTerm } = state;
  progress.reading = progress.nextIndex;
  outbox.readEntries.push({
    peer: progress.id,
    term: currentTerm,
    from: progress.nextIndex,
    to: Math.min(log.tailFirst - 1, log.durableIndex),
    maxBytes: options.maxAppendBytes,
  });
}

/** What the storage has read for a follower: sent if it is still what the follower waits for, and still the log. */
export function onEntriesRead(state: RaftState, input: Input & { type: "entriesRead" }): void {
  const { request, entries } = input;
  const progress = state.leadership?.progress.get(request.peer);
  if (progress === undefined || request.term !== state.currentTerm) return;
  if (progress.reading !== request.from) return;

  progress.reading = undefined;
  // Compacted in the meantime: the end of the turn finds out and sends the snapshot.
  if (entries === undefined || progress.nextIndex !== request.from) return;
  if (request.from <= state.log.compacted.index) return;
  for (const [at, { index, term }] of entries.entries()) {
    const isWritten = index === request.from + at && termAt(state.log, index) === term;
    assert(isWritten, "the storage reads what was written");
  }
  sendAppend(state, progress, entries);
}

/** The entries that the follower needs are gone: it gets the snapshot instead (section 7). */
function sendSnapshot(state: RaftState, progress: Progress): void {
  const { snapshot, outbox, currentTerm, log } = state;
  assert(
    snapshot.lastIncluded.index >= log.compacted.index,
    "what is compacted is in the snapshot",
  );
  becomeSnapshot(progress, snapshot);
  outbox.sendSnapshots.push({ peer: progress.id, term: currentTerm, snapshot });
}
