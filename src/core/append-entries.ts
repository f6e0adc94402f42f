/** AppendEntries and Heartbeat, receiver implementation (figure 2; section 5.3). */

import { assert } from "./assert.ts";
import { sendAfterLog, sendAfterVote, truncateLog } from "./durability.ts";
import { append, lastAtMost, termAt } from "./log.ts";
import type { AppendEntries, AppendEntriesResponse, Heartbeat } from "./message.ts";
import { followLeader } from "./role.ts";
import type { RaftState } from "./state.ts";
import type { Entry, LogIndex } from "./types.ts";

export function onAppendEntries(state: RaftState, message: AppendEntries): void {
  assert(message.term === state.currentTerm, "step has settled the term");
  followLeader(state, message.from);

  const { prevLog, entries } = message;
  if (prevLog.index < state.commitIndex) {
    // A delayed duplicate, or a leader that does not know yet how far we are: what is committed here is in its log too
    // (Leader Completeness, section 5.4.3), so this is as far as we surely agree (rule 28).
    return acknowledge(state, message, state.commitIndex);
  }
  if (termAt(state.log, prevLog.index) !== prevLog.term) {
    return refuse(state, message);
  }
  for (const entry of entries) appendUnlessThere(state, entry);

  // What this message has shown to agree, and not "my last entry", which may be a stranger's (rule 26).
  const matchIndex = prevLog.index + entries.length;
  advanceCommit(state, Math.min(message.leaderCommit, matchIndex));
  acknowledge(state, message, matchIndex);
}

/** Authority, commit index and read round, without a log check: it never waits behind an append's disk write. */
export function onHeartbeat(state: RaftState, message: Heartbeat): void {
  assert(message.term === state.currentTerm, "step has settled the term");
  followLeader(state, message.from);

  assert(
    message.leaderCommit <= state.log.lastIndex,
    "a leader counts only on entries that this server has acknowledged; has its disk been wiped or put back?",
  );
  advanceCommit(state, message.leaderCommit);
  sendAfterVote(state, {
    type: "HeartbeatResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    round: message.round,
  });
}

/** Entries up to `index` are committed: the commit index follows and never falls. */
export function advanceCommit(state: RaftState, index: LogIndex): void {
  assert(index <= state.log.lastIndex, "what is committed here is in the log");
  state.commitIndex = Math.max(state.commitIndex, index);
}

/** Step 3 and 4 of the receiver: cut only where a term really differs (rule 27), append only what is new. */
function appendUnlessThere(state: RaftState, entry: Entry): void {
  if (entry.index <= state.log.lastIndex) {
    if (termAt(state.log, entry.index) === entry.term) return;
    truncateLog(state, entry.index);
  }
  append(state.log, entry);
  state.clusterTime = Math.max(state.clusterTime, entry.time);
  if (entry.kind === "configuration") {
    const { index, configuration } = entry;
    state.configurations = [...state.configurations, { index, configuration }];
  }
}

function acknowledge(state: RaftState, message: AppendEntries, matchIndex: LogIndex): void {
  const response: AppendEntriesResponse = {
    type: "AppendEntriesResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    success: true,
    matchIndex,
  };
  sendAfterLog(state, response);
}

/** With the last entry that can agree: terms above the leader's at that place cannot (rule 32). */
function refuse(state: RaftState, message: AppendEntries): void {
  const { index, term } = message.prevLog;
  assert(
    index > state.commitIndex,
    "what is committed here is in every later leader's log (Leader Completeness)",
  );
  sendAfterVote(state, {
    type: "AppendEntriesResponse",
    from: state.options.id,
    to: message.from,
    term: state.currentTerm,
    success: false,
    prevLogIndex: index,
    hint: lastAtMost(state.log, index, term),
  });
}
