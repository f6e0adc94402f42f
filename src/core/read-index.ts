/**
 * Linearizable reads without a log entry: ReadIndex (section 8; thesis 6.4).
 *
 * A read takes the commit index, once this leader has committed an entry of its own term, and waits until a quorum has
 * answered a heartbeat that left *after* it came in: then no other leader can have committed anything before.
 */

import { termAt } from "./log.ts";
import { quorumValue } from "./quorum.ts";
import type { Input } from "./ready.ts";
import { configurationOf } from "./state.ts";
import type { Leadership, RaftState } from "./state.ts";

export function onRead(state: RaftState, input: Input & { type: "read" }): void {
  const { leadership, options, outbox } = state;
  const { batch } = input;
  if (leadership === undefined) {
    outbox.reads.push({ batch, index: undefined, refusal: "not leader" });
  } else if (leadership.reads.length >= options.maxPendingReads) {
    outbox.reads.push({ batch, index: undefined, refusal: "overloaded" });
  } else {
    leadership.reads.push({ batch, index: undefined, round: Infinity });
  }
}

/** At the end of a turn: gives the reads that came in their index, and a round of heartbeats to wait for. */
export function startReads(state: RaftState, leadership: Leadership): void {
  if (leadership.reads.at(-1)?.index !== undefined || leadership.reads.length === 0) return;
  // A new leader does not know what is committed until an entry of its own term is (rule 45).
  if (termAt(state.log, state.commitIndex) !== state.currentTerm) return;

  leadership.round += 1;
  leadership.roundWanted = true;
  for (const read of leadership.reads) {
    if (read.index !== undefined) continue;
    read.index = state.commitIndex;
    read.round = leadership.round;
  }
}

/** Hands out, in order, the reads whose round a quorum has answered. */
export function confirmReads(state: RaftState, leadership: Leadership): void {
  const { reads, round, progress } = leadership;
  if (reads[0]?.index === undefined) return;
  const confirmed = quorumValue(configurationOf(state), (id) =>
    id === state.options.id ? round : (progress.get(id)?.round ?? 0),
  );
  while (reads[0]?.index !== undefined && reads[0].round <= confirmed) {
    const { batch, index } = reads[0];
    state.outbox.reads.push({ batch, index, refusal: undefined });
    reads.shift();
  }
}
