/** Snapshots (section 7): taken here, received from a leader, sent to a follower. The bytes are the driver's business. */

import { advanceCommit } from "./append-entries.ts";
import { assert } from "./assert.ts";
import { sendAfterLog, switchToSnapshot } from "./durability.ts";
import { compactTo, resetTo, termAt } from "./log.ts";
import { configurationAt, fromSnapshotAt } from "./membership.ts";
import type { InstallSnapshot, InstallSnapshotResponse } from "./message.ts";
import { becomeProbe } from "./progress.ts";
import type { Progress } from "./progress.ts";
import type { Input } from "./ready.ts";
import { agreeUpTo } from "./replication.ts";
import { followLeader } from "./role.ts";
import type { RaftState } from "./state.ts";
import type { LogIndex } from "./types.ts";

/** The state machine's state is staged: it may stand for the log up to there once the switch is durable (rule 52). */
export function onSnapshotTaken(state: RaftState, input: Input & { type: "snapshotTaken" }): void {
  const { id, index, time } = input;
  assert(index <= state.lastApplied, "a snapshot holds only what was applied");
  if (index <= state.snapshot.lastIncluded.index) return;

  const term = termAt(state.log, index);
  assert(term !== undefined, "what was applied above the snapshot is in the log");
  state.snapshot = {
    id,
    lastIncluded: { term, index },
    time,
    configuration: configurationAt(state.configurations, index),
  };
  state.configurations = fromSnapshotAt(state.configurations, index);
  state.durability.snapshot = state.snapshot;
  compact(state, Math.min(input.compactTo, index));
}

/** InstallSnapshot RPC, receiver implementation (figure 13), once the last chunk is staged. */
export function onInstallSnapshot(state: RaftState, message: InstallSnapshot): void {
  assert(message.term === state.currentTerm, "step has settled the term");
  followLeader(state, message.from);

  const { lastIncluded } = message.snapshot;
  const ownTerm = termAt(state.log, lastIncluded.index);
  assert(
    lastIncluded.index > state.commitIndex ||
      ownTerm === undefined ||
      ownTerm === lastIncluded.term,
    "a snapshot agrees with what is committed here",
  );
  if (lastIncluded.index > state.commitIndex) {
    // "If existing log entry has same index and term as snapshot's last included entry, retain log entries following
    // it": then everything up to it agrees, and the entries serve as well as the snapshot.
    if (ownTerm === lastIncluded.term) advanceCommit(state, lastIncluded.index);
    else install(state, message);
  }
  const response: InstallSnapshotResponse = {
    type: "InstallSnapshotResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    // What was committed here before it came is in the leader's log as well (section 5.4.3).
    matchIndex: state.commitIndex,
  };
  sendAfterLog(state, response);
}

export function onInstallSnapshotResponse(
  state: RaftState,
  progress: Progress,
  message: InstallSnapshotResponse,
): void {
  progress.active = true;
  // A snapshot is never at 0: that is the answer to one of a former term.
  if (message.matchIndex > 0) agreeUpTo(state, progress, message.matchIndex);
}

/** The driver has sent the snapshot, or given up: go on behind it, or find out anew what the follower has. */
export function onSnapshotSent(state: RaftState, input: Input & { type: "snapshotSent" }): void {
  const progress = state.leadership?.progress.get(input.peer);
  if (progress?.mode !== "snapshot" || progress.snapshot?.id !== input.id) return;

  const { index } = progress.snapshot.lastIncluded;
  becomeProbe(progress, input.delivered ? index + 1 : progress.matchIndex + 1);
  // The follower is still installing it, or something is wrong: the next heartbeat's answer has us ask (rule 33).
  progress.paused = true;
}

/** "Discard the entire log" (figure 13, step 7), and be what the snapshot says, in one durable write (rule 53). */
function install(state: RaftState, message: InstallSnapshot): void {
  const { snapshot } = message;
  const oldCommit = state.commitIndex;
  resetTo(state.log, snapshot.lastIncluded);
  state.snapshot = snapshot;
  state.configurations = [snapshot.configuration];
  state.clusterTime = Math.max(state.clusterTime, snapshot.time);
  state.commitIndex = snapshot.lastIncluded.index;
  switchToSnapshot(state, snapshot, oldCommit);
}

function compact(state: RaftState, index: LogIndex): void {
  if (index <= state.log.compacted.index) return;
  compactTo(state.log, index);
  state.durability.compacted = true;
}
