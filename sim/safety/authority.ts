/**
 * L8: a role is given up in time. A candidate that has heard the leader of its term follows it (section 5.2), and a
 * leader that asks for a quorum (CheckQuorum, thesis 6.2) and has heard of none for long leads no more. Time is the
 * node's own; a stretch in which it took no turn proves nothing.
 */

import type { RaftState } from "../../src/core/state.ts";
import type { NodeId, Term } from "../../src/core/types.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import { configurationIn, isQuorum } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";

/** In minimum election timeouts. Two quorum checks follow each other within that, each up to half of one late. */
const QUORUM_HEARD_WITHIN = 3;
const TURN_AT_LEAST_EVERY = 0.5;

/** The view of one incarnation. */
export class AuthorityChecks {
  readonly #ghost: Ghost;
  readonly #view: NodeView;
  /** Delivered, and perhaps not seen by a turn yet. */
  #arrived: PeerMessage[] = [];
  #term: Term = 0;
  #now = -Infinity;
  /** Since when no quorum has answered, by turns, and who has since then. */
  #silentMs = 0;
  #heard = new Set<NodeId>();

  constructor(ghost: Ghost, view: NodeView) {
    this.#ghost = ghost;
    this.#view = view;
  }

  onDelivered(message: PeerMessage): void {
    this.#arrived.push(message);
  }

  look(state: Readonly<RaftState>): void {
    const elapsedMs = state.now - this.#now;
    if (elapsedMs <= 0) return;
    this.#now = state.now;
    const arrived = this.#arrived;
    this.#arrived = [];
    if (state.role === "candidate") this.#checkCandidate(state, arrived);
    if (state.role === "leader") this.#checkLeader(state, arrived, elapsedMs);
    else this.#quorumHeard();
    this.#term = state.currentTerm;
  }

  #checkCandidate({ currentTerm }: Readonly<RaftState>, arrived: readonly PeerMessage[]): void {
    // Of many at once some may be turned away at the door, but not the first.
    const heard = this.#ghost.isCrowded ? arrived.slice(0, 1) : arrived;
    const sign = heard.find(
      ({ type, term }) =>
        term === currentTerm && (type === "AppendEntries" || type === "Heartbeat"),
    );
    if (sign === undefined) return;
    this.#report(
      `has heard ${sign.from}, the leader of term ${currentTerm}, and is a candidate still`,
    );
  }

  #checkLeader(
    state: Readonly<RaftState>,
    arrived: readonly PeerMessage[],
    elapsedMs: number,
  ): void {
    const { options, currentTerm } = state;
    this.#silentMs += elapsedMs;
    for (const { from, type, term } of arrived) {
      if (term === currentTerm && type.endsWith("Response")) this.#heard.add(from);
    }
    const isNew = this.#term !== currentTerm;
    const wasAway = elapsedMs > TURN_AT_LEAST_EVERY * options.electionTimeoutMs;
    const isHeard = isQuorum(
      configurationIn(state),
      (id) => id === options.id || this.#heard.has(id),
    );
    if (isNew || wasAway || isHeard) this.#quorumHeard();
    if (!options.checkQuorum || this.#silentMs <= QUORUM_HEARD_WITHIN * options.electionTimeoutMs)
      return;
    const ms = Math.floor(this.#silentMs);
    this.#report(`leads term ${currentTerm} and has not heard from a quorum for ${ms} ms`);
  }

  /** The silence begins anew: also with each leadership, whatever an earlier one has ended in. */
  #quorumHeard(): void {
    this.#silentMs = 0;
    this.#heard.clear();
  }

  #report(text: string): void {
    this.#ghost.report("L8", `${this.#view.id} ${text}`, this.#view.slot);
  }
}
