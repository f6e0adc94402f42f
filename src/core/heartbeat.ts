/** What a leader does as time passes: heartbeats (section 5.2), and the check that it still has a quorum (thesis 6.2). */

import { isDiskStuck, send } from "./durability.ts";
import { hasQuorum } from "./quorum.ts";
import { becomeFollower } from "./role.ts";
import { configurationOf } from "./state.ts";
import type { Leadership, RaftState } from "./state.ts";
import { onTransferTimeout } from "./transfer.ts";

/** When this leader next has something to do. */
export function leaderDeadline(leadership: Leadership): number {
  const { heartbeatDeadline, quorumCheckDeadline, transfer } = leadership;
  return Math.min(heartbeatDeadline, quorumCheckDeadline, transfer?.deadline ?? Infinity);
}

export function onLeaderTick(state: RaftState, leadership: Leadership): void {
  const { now } = state;
  if (now >= (leadership.transfer?.deadline ?? Infinity)) onTransferTimeout(leadership);
  if (now >= leadership.heartbeatDeadline) leadership.roundWanted = true;
  if (now >= leadership.quorumCheckDeadline) checkQuorum(state, leadership);
}

/** At the end of a turn: one round for everything that asked for one. */
export function sendHeartbeats(state: RaftState, leadership: Leadership): void {
  if (!leadership.roundWanted) return;
  leadership.roundWanted = false;
  leadership.heartbeatDeadline = state.now + state.options.heartbeatIntervalMs;
  for (const { id, matchIndex } of leadership.progress.values()) {
    send(state, {
      type: "Heartbeat",
      from: state.options.id,
      to: id,
      term: state.currentTerm,
      // Never more than the follower is known to hold: it takes this without looking at its log (rule 30).
      leaderCommit: Math.min(matchIndex, state.commitIndex),
      round: leadership.round,
    });
  }
}

/**
 * A leader that has not heard from a quorum since the last check steps down, and so does one whose disk is stuck: it
 * would hold the place without being able to use it (rules 23 and 65).
 */
function checkQuorum(state: RaftState, leadership: Leadership): void {
  leadership.quorumCheckDeadline = state.now + state.options.electionTimeoutMs;
  const { progress } = leadership;
  const heard = hasQuorum(
    configurationOf(state),
    (id) => id === state.options.id || progress.get(id)?.active === true,
  );
  for (const peer of progress.values()) peer.active = false;
  const isAlone = state.options.checkQuorum && !heard;
  if (isAlone || isDiskStuck(state)) becomeFollower(state, state.currentTerm);
}
