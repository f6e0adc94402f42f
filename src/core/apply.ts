/**
 * Feeding the state machine: "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied]" (figure 2), a
 * range at a time, never beyond what is on this server's own disk, and never across a snapshot that is coming in (rule 57).
 */

import { assert } from "./assert.ts";
import { tailEntries } from "./log.ts";
import type { ApplyTask } from "./ready.ts";
import type { RaftState } from "./state.ts";
import type { LogIndex } from "./types.ts";

/** The next thing for the state machine to do, if it is idle and there is one. */
export function nextApplyTask(state: RaftState): ApplyTask | undefined {
  const { snapshot, log, lastApplied, commitIndex, options } = state;
  if (state.applying !== undefined) return undefined;

  // At start, and when a leader's snapshot has been switched in: its place in the log is all that is left of it.
  const { index } = snapshot.lastIncluded;
  if (index > lastApplied) {
    if (log.durableIndex < index) return undefined;
    state.applying = index;
    return { type: "restore", snapshot };
  }

  const readable = Math.min(commitIndex, log.durableIndex);
  if (readable <= lastApplied) return undefined;
  const from = lastApplied + 1;
  const entries = tailEntries(log, from, readable, options.maxApplyBytes);
  const to = entries === undefined ? readable : from + entries.length - 1;
  state.applying = to;
  return { type: "entries", from, to, entries };
}

/** The state machine has done its task; a range perhaps in part, or not at all where it is compacted by now. */
export function onApplied(state: RaftState, index: LogIndex): void {
  assert(state.applying !== undefined, "what is applied was handed out");
  assert(
    index >= state.lastApplied && index <= state.applying,
    "the state machine goes on from where it was",
  );
  state.applying = undefined;
  state.lastApplied = index;
}
