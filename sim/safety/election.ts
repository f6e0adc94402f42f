/** S1 one leader a term, S7 leader completeness, S16 the votes that were counted were given, by a quorum. */

import type { RaftState } from "../../src/core/state.ts";
import { configurationIn, idText, isQuorum } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";
import type { LogMirror } from "./log-mirror.ts";

/** A node leads that did not lead in this term before. */
export function checkElection(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  mirror: LogMirror,
): void {
  const term = state.currentTerm;
  const former = ghost.leaders.get(term);
  if (former !== undefined) {
    ghost.report("S1", `n${former + 1} and ${view.id} both lead term ${term}`, view.slot);
  }
  ghost.leaders.set(term, view.slot);
  checkVotes(ghost, view, state);
  checkCompleteness(ghost, view, state, mirror);
}

/** A candidate counts another number of votes than before: each was given. */
export function checkVotesSoFar(ghost: Ghost, view: NodeView, state: Readonly<RaftState>): void {
  for (const id of state.votes) {
    if (hasVote(ghost, view, state, id)) continue;
    ghost.report(
      "S16",
      `${view.id} counts a vote of ${id} for term ${state.currentTerm} that was not given`,
      view.slot,
    );
  }
}

/** Its own counts by its disk, another's by what has left. */
function hasVote(
  ghost: Ghost,
  { id, platter }: NodeView,
  state: Readonly<RaftState>,
  of: string,
): boolean {
  const { currentTerm } = state;
  if (of !== id) return ghost.voteOf(ghost.slotOf(of), currentTerm) === id;
  return platter.hardState.currentTerm === currentTerm && platter.hardState.votedFor === id;
}

function checkVotes(ghost: Ghost, view: NodeView, state: Readonly<RaftState>): void {
  checkVotesSoFar(ghost, view, state);
  if (!isQuorum(configurationIn(state), (id) => hasVote(ghost, view, state, id))) {
    ghost.report(
      "S16",
      `${view.id} leads term ${state.currentTerm} without the votes of a majority`,
      view.slot,
    );
  }
}

function checkCompleteness(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  mirror: LogMirror,
): void {
  const covered = state.log.compacted.index;
  for (let index = ghost.golden.lastIndex; index > covered; index -= 1) {
    const golden = ghost.golden.at(index);
    if (golden === undefined || golden.commitTerm >= state.currentTerm) continue;
    if (mirror.termAt(index) === golden.entry.term) continue;
    ghost.report(
      "S7",
      `${view.id} leads term ${state.currentTerm} without entry ${idText(golden.entry)}, which was committed in term ${golden.commitTerm}`,
      view.slot,
    );
    return;
  }
}
