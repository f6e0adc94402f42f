/**
 * Looks at a node after each step that touched it, and hands what is new to the checks. Also S11: commit, applied, match
 * and snapshot index only grow, and match is what the peer's platter holds; and S26: recovery finds what is durable.
 */

import type { RaftState } from "../../src/core/state.ts";
import type { LogIndex, NodeId, Role, Term } from "../../src/core/types.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import type { ApplicationChecks, AppliedBatch } from "../application.ts";
import type { ClientOperation } from "../trace.ts";
import { AuthorityChecks } from "./authority.ts";
import { checkCommit } from "./commit.ts";
import { checkConfigurationInForce } from "./configuration.ts";
import { checkElection, checkVotesSoFar } from "./election.ts";
import { countsFor } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";
import { checkLogChange } from "./log-checks.ts";
import { LogMirror } from "./log-mirror.ts";

/** What somebody wants to know of a node, beside the checks. */
export interface ObserverEvents {
  readonly onRole: (slot: number, state: Readonly<RaftState>, before: Role) => void;
  readonly onAppend: (slot: number, first: LogIndex, state: Readonly<RaftState>) => void;
  readonly onTruncate: (slot: number, from: LogIndex) => void;
  readonly onCommit: (slot: number, state: Readonly<RaftState>, before: LogIndex) => void;
  readonly onApply: (slot: number, index: LogIndex) => void;
}

/** Once for each follower, and what is compacted while it is being read. */
const MAX_VAIN_READS = 20;

/** The view of one incarnation. */
export class NodeObserver {
  readonly #ghost: Ghost;
  readonly #application: ApplicationChecks<ClientOperation>;
  readonly #view: NodeView;
  readonly #events: ObserverEvents;
  readonly #mirror: LogMirror;
  readonly #authority: AuthorityChecks;
  readonly #match = new Map<NodeId, LogIndex>();
  #vainReads: { readonly from: LogIndex; readonly times: number } = { from: 0, times: 0 };
  #applied: AppliedBatch[] = [];
  #appliedUpTo: LogIndex = 0;
  #role: Role = "follower";
  #term: Term;
  #votes = 0;
  #commit: LogIndex = 0;
  #lastApplied: LogIndex = 0;
  #snapshot: LogIndex = 0;

  /** `state`: as it was recovered, before its first turn. */
  constructor(
    ghost: Ghost,
    application: ApplicationChecks<ClientOperation>,
    view: NodeView,
    state: Readonly<RaftState>,
    events: ObserverEvents,
  ) {
    this.#ghost = ghost;
    this.#application = application;
    this.#view = view;
    this.#events = events;
    this.#mirror = new LogMirror(state.log);
    this.#authority = new AuthorityChecks(ghost, view);
    this.#term = state.currentTerm;
    this.#checkRecovery(state);
    checkConfigurationInForce(ghost, view, state, this.#mirror);
    this.look(state);
  }

  /** The state machine has been given commands; they are checked at the end of the step, when the commit is known. */
  onApplied(batch: AppliedBatch): void {
    this.#applied.push(batch);
  }

  /** A message has arrived; the next turn sees it. */
  onDelivered(message: PeerMessage): void {
    this.#authority.onDelivered(message);
  }

  /** L7: what the storage does not have is not asked of it again and again. */
  onRead(from: LogIndex, isThere: boolean): void {
    const isAgain = !isThere && from === this.#vainReads.from;
    this.#vainReads = { from: isThere ? 0 : from, times: isAgain ? this.#vainReads.times + 1 : 1 };
    const { times } = this.#vainReads;
    if (!isThere && times > MAX_VAIN_READS)
      this.#report("L7", `has asked its storage ${times} times for entry ${from}, which is gone`);
  }

  look(state: Readonly<RaftState>): void {
    const { role, currentTerm, commitIndex, log } = state;
    const wasLeader = this.#role === "leader" && this.#term === currentTerm;
    const change = this.#mirror.update(log);
    if (change.appended.length > 0 || change.truncatedFrom !== undefined) {
      checkLogChange(
        this.#ghost,
        this.#view,
        state,
        this.#mirror,
        change,
        wasLeader && role === "leader",
      );
      if (change.truncatedFrom !== undefined)
        this.#events.onTruncate(this.#view.slot, change.truncatedFrom);
      checkConfigurationInForce(this.#ghost, this.#view, state, this.#mirror);
      const first = change.appended[0];
      if (first !== undefined) this.#events.onAppend(this.#view.slot, first.index, state);
    }
    if (role !== this.#role || currentTerm !== this.#term) this.#onRole(state, wasLeader);
    if (role === "candidate" && state.votes.size !== this.#votes)
      checkVotesSoFar(this.#ghost, this.#view, state);
    this.#votes = state.votes.size;
    if (commitIndex !== this.#commit || state.snapshot.lastIncluded.index !== this.#snapshot) {
      this.#onCommit(state, wasLeader && role === "leader");
    }
    if (this.#applied.length > 0) this.#onApplied();
    if (state.lastApplied !== this.#lastApplied) this.#onLastApplied(state);
    if (state.leadership !== undefined) this.#checkMatch(state);
    this.#authority.look(state);
  }

  #onRole(state: Readonly<RaftState>, wasLeader: boolean): void {
    const before = this.#role;
    if (state.currentTerm < this.#term) {
      this.#report("S11", `goes back from term ${this.#term} to ${state.currentTerm}`);
    }
    this.#role = state.role;
    this.#term = state.currentTerm;
    if (state.role === "leader" && !wasLeader) {
      this.#match.clear();
      checkElection(this.#ghost, this.#view, state, this.#mirror);
    }
    this.#events.onRole(this.#view.slot, state, before);
  }

  /** `isLeading`: by counting, and so only in its own term (section 5.4.2). */
  #onCommit(state: Readonly<RaftState>, isLeading: boolean): void {
    const { commitIndex, currentTerm } = state;
    const before = this.#commit;
    const term = this.#mirror.termAt(commitIndex);
    if (isLeading && commitIndex > before && term !== currentTerm) {
      this.#report(
        "S9",
        `leads term ${currentTerm} and commits entry ${commitIndex}.${String(term)} by counting`,
      );
    }
    const snapshot = state.snapshot.lastIncluded.index;
    if (commitIndex < before)
      this.#report("S11", `takes its commit index back from ${before} to ${commitIndex}`);
    if (snapshot < this.#snapshot)
      this.#report("S11", `goes back from a snapshot at ${this.#snapshot} to one at ${snapshot}`);
    if (commitIndex > state.log.lastIndex)
      this.#report(
        "S11",
        `has committed ${commitIndex} and its log ends at ${state.log.lastIndex}`,
      );
    const isNewSnapshot = snapshot !== this.#snapshot;
    this.#commit = commitIndex;
    this.#snapshot = snapshot;
    checkCommit(this.#ghost, this.#view, state, this.#mirror, before);
    if (isNewSnapshot) {
      const { compacted } = state.log;
      if (compacted.index > snapshot)
        this.#report(
          "S6",
          `has let go of its log up to ${compacted.index}; its snapshot ends at ${snapshot}`,
        );
      checkConfigurationInForce(this.#ghost, this.#view, state, this.#mirror);
    }
    if (commitIndex > before) this.#events.onCommit(this.#view.slot, state, before);
  }

  #onApplied(): void {
    const batches = this.#applied;
    this.#applied = [];
    for (const batch of batches) {
      const { commands } = batch;
      const first = commands[0]?.index ?? Infinity;
      if (first <= this.#appliedUpTo) this.#report("S13", `applies command ${first} again`);
      this.#appliedUpTo = Math.max(this.#appliedUpTo, commands.at(-1)?.index ?? 0);
      this.#application.onApplied(this.#view, batch);
    }
  }

  #onLastApplied({ lastApplied, commitIndex }: Readonly<RaftState>): void {
    if (lastApplied < this.#lastApplied) {
      this.#report(
        "S11",
        `takes back what it has applied, from ${this.#lastApplied} to ${lastApplied}`,
      );
    }
    if (lastApplied > commitIndex)
      this.#report("S11", `has applied ${lastApplied} and committed ${commitIndex}`);
    this.#lastApplied = lastApplied;
    this.#events.onApply(this.#view.slot, lastApplied);
  }

  #checkMatch(state: Readonly<RaftState>): void {
    for (const progress of state.leadership?.progress.values() ?? []) {
      const before = this.#match.get(progress.id) ?? 0;
      const { matchIndex, nextIndex, id, inflight } = progress;
      if (nextIndex <= matchIndex)
        this.#report("S11", `would send ${id} entry ${nextIndex}, which it has`);
      const underWay = inflight.at(-1)?.lastIndex ?? 0;
      if (underWay >= nextIndex)
        this.#report(
          "S24",
          `counts entry ${underWay} as on its way to ${id}, which is yet to get ${nextIndex}`,
        );
      if (matchIndex === before) continue;
      this.#match.set(id, matchIndex);
      if (matchIndex < before)
        this.#report("S11", `takes the match of ${id} back from ${before} to ${matchIndex}`);
      const term = this.#mirror.termAt(matchIndex);
      const platter = this.#ghost.platterOf(id);
      if (term === undefined || countsFor(platter, { term, index: matchIndex })) continue;
      // What it acknowledged to this leader may have been replaced by a later one since: nobody counts on it any more.
      if (platter.hardState.currentTerm > state.currentTerm) continue;
      this.#report(
        "S11",
        `takes ${id} to have entry ${matchIndex}.${term}, which is not on its disk`,
      );
    }
  }

  /** S26. */
  #checkRecovery(state: Readonly<RaftState>): void {
    const { platter } = this.#view;
    const { currentTerm, votedFor } = platter.hardState;
    if (state.currentTerm !== currentTerm || state.votedFor !== votedFor) {
      this.#report(
        "S26",
        `comes back in term ${state.currentTerm} with its vote for ${state.votedFor ?? "none"}; its disk has term ${currentTerm} and ${votedFor ?? "none"}`,
      );
    }
    const { lastIndex, compacted } = state.log;
    if (lastIndex !== platter.lastIndex || compacted.index !== platter.compacted.index) {
      this.#report(
        "S26",
        `comes back with entries ${compacted.index + 1} to ${lastIndex}; its disk has ${platter.compacted.index + 1} to ${platter.lastIndex}`,
      );
    }
    for (let index = compacted.index + 1; index <= lastIndex; index += 1) {
      const term = this.#mirror.termAt(index);
      if (term === platter.termAt(index)) continue;
      return this.#report(
        "S26",
        `comes back with entry ${index}.${String(term)}; its disk has another`,
      );
    }
  }

  #report(property: string, text: string): void {
    this.#ghost.report(property, `${this.#view.id} ${text}`, this.#view.slot);
  }
}
