/**
 * S4 log matching, S5 leader append-only, S6 no hole. Every append by anybody must agree with every other, ever: a
 * divergence shows at the append, long before anything is committed.
 */

import type { RaftState } from "../../src/core/state.ts";
import type { Entry } from "../../src/core/types.ts";
import { checkConfigurationChange } from "./configuration.ts";
import { idText, sameEntry } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";
import type { LogChange, LogMirror } from "./log-mirror.ts";

/** What a node has appended in a turn; `wasLeader`: it led in this same term before. */
export function checkLogChange(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  mirror: LogMirror,
  change: LogChange,
  wasLeader: boolean,
): void {
  if (wasLeader && change.truncatedFrom !== undefined) {
    ghost.report(
      "S5",
      `${view.id} leads term ${state.currentTerm} and has cut its log from ${change.truncatedFrom} on`,
      view.slot,
    );
  }
  for (const entry of change.appended) {
    const previousTerm = mirror.termAt(entry.index - 1);
    if (previousTerm === undefined) {
      ghost.report("S6", `${view.id} has entry ${idText(entry)} and none before it`, view.slot);
      return;
    }
    if (entry.kind === "configuration" && ghost.entry(entry) === undefined)
      checkConfigurationChange(ghost, view, state, mirror, entry);
    checkEntry(ghost, view, entry, previousTerm);
  }
}

/** Entries that a disk holds now. */
export function checkWritten(ghost: Ghost, view: NodeView, written: readonly Entry[]): void {
  for (const entry of written) {
    const previousTerm = view.platter.termAt(entry.index - 1);
    if (previousTerm === undefined) {
      if (entry.index <= view.platter.snapshotIndex + 1) continue;
      ghost.report(
        "S6",
        `the disk of ${view.id} has entry ${idText(entry)} and none before it`,
        view.slot,
      );
      return;
    }
    checkEntry(ghost, view, entry, previousTerm);
  }
}

function checkEntry(ghost: Ghost, view: NodeView, entry: Entry, previousTerm: number): void {
  const known = ghost.seen(entry, previousTerm);
  if (!sameEntry(known.entry, entry)) {
    ghost.report(
      "S4",
      `${view.id} has another entry ${idText(entry)} than was seen before`,
      view.slot,
    );
  } else if (known.previousTerm !== previousTerm) {
    ghost.report(
      "S4",
      `on ${view.id} entry ${idText(entry)} follows one of term ${previousTerm}; elsewhere of ${known.previousTerm}`,
      view.slot,
    );
  }
}
