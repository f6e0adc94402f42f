/** Leadership transfer (thesis 3.10): the old leader stops taking commands, brings its heir up to date, tells it to start. */

import { assert } from "./assert.ts";
import { send } from "./durability.ts";
import { campaign, mayCampaign } from "./election.ts";
import { isVoter } from "./membership.ts";
import type { TimeoutNow } from "./message.ts";
import type { Input } from "./ready.ts";
import { configurationOf } from "./state.ts";
import type { Leadership, RaftState } from "./state.ts";

/** Starts a transfer; the same again changes nothing, another target replaces the first (rule 51). */
export function onTransfer(state: RaftState, input: Input & { type: "transfer" }): void {
  const { leadership, options } = state;
  const { target } = input;
  if (leadership === undefined || target === options.id) return;
  if (!isVoter(configurationOf(state), target) || leadership.transfer?.target === target) return;

  leadership.transfer = { target, deadline: state.now + options.electionTimeoutMs, asked: false };
}

/** At the end of a turn: once the target has everything, it is told to start an election, once (rule 50). */
export function continueTransfer(state: RaftState, leadership: Leadership): void {
  const { transfer, progress } = leadership;
  if (transfer === undefined || transfer.asked) return;
  const target = progress.get(transfer.target);
  if (target?.matchIndex !== state.log.lastIndex) return;

  transfer.asked = true;
  send(state, {
    type: "TimeoutNow",
    from: state.options.id,
    to: transfer.target,
    term: state.currentTerm,
  });
}

/** Gives up after an election timeout, so that the cluster is not left without a leader that takes commands. */
export function onTransferTimeout(leadership: Leadership): void {
  leadership.transfer = undefined;
}

/** "Start an election now": without PreVote, and past everybody's stickiness (rule 20). */
export function onTimeoutNow(state: RaftState, message: TimeoutNow): void {
  assert(message.term === state.currentTerm, "step has settled the term");
  if (state.role === "leader" || !mayCampaign(state)) return;
  // By its own log it must be a voter (rule 50).
  if (!isVoter(configurationOf(state), state.options.id)) return;

  campaign(state, true);
}
