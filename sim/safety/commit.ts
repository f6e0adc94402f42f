/**
 * S8 the golden log: whoever commits an index first writes it, and everybody else must agree, for ever. S9: what is
 * committed is on the platters of a quorum. S12: and stays there.
 */

import type { RaftState } from "../../src/core/state.ts";
import type { Configuration, LogIndex } from "../../src/core/types.ts";
import { configurationIn, countsFor, idText, isQuorum } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";
import type { LogMirror } from "./log-mirror.ts";

/** A node takes everything up to `state.commitIndex` for committed, and knew of no more than `before` until now. */
export function checkCommit(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  mirror: LogMirror,
  before: LogIndex,
): void {
  const { golden } = ghost;
  for (
    let index = Math.max(before, state.log.compacted.index) + 1;
    index <= state.commitIndex;
    index += 1
  ) {
    const term = mirror.termAt(index);
    const known = golden.at(index);
    if (known !== undefined) {
      if (known.entry.term === term) continue;
      return ghost.report(
        "S8",
        `${view.id} has committed entry ${index}.${term}; elsewhere ${idText(known.entry)} was committed`,
        view.slot,
      );
    }
    if (!commitFirst(ghost, view, state, index, term ?? 0)) return;
  }
  const { lastIncluded } = state.snapshot;
  if (lastIncluded.index > 0 && golden.termAt(lastIncluded.index) !== lastIncluded.term) {
    ghost.report(
      "S14",
      `${view.id} has a snapshot up to ${idText(lastIncluded)}, which was never committed`,
      view.slot,
    );
  }
}

function commitFirst(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  index: LogIndex,
  term: number,
): boolean {
  const entry = ghost.entry({ term, index });
  if (entry === undefined) {
    ghost.report(
      "S8",
      `${view.id} has committed entry ${index}.${term}, which nobody ever had`,
      view.slot,
    );
    return false;
  }
  if (!isOnQuorum(ghost, configurationIn(state), index, term)) {
    ghost.report(
      "S9",
      `${view.id} has committed entry ${idText(entry)}, which is not on the disks of a majority`,
      view.slot,
    );
    return false;
  }
  ghost.golden.push({ entry, commitTerm: state.currentTerm, step: ghost.step });
  return true;
}

/** A disk has lost, or replaced, entries from `from` on. */
export function checkStillDurable(ghost: Ghost, view: NodeView, from: LogIndex): void {
  for (let index = from; index <= ghost.golden.lastIndex; index += 1) {
    const term = ghost.golden.termAt(index) ?? 0;
    const holders = ghost.nodes.filter(({ platter }) => countsFor(platter, { term, index }));
    if (2 * holders.length > ghost.nodes.length) continue;
    ghost.report(
      "S12",
      `entry ${index}.${term} is committed and no longer on the disks of a majority, since ${view.id} has dropped it`,
      view.slot,
    );
    return;
  }
}

function isOnQuorum(
  ghost: Ghost,
  configuration: Configuration,
  index: LogIndex,
  term: number,
): boolean {
  return isQuorum(configuration, (id) => countsFor(ghost.platterOf(id), { term, index }));
}
