/**
 * What may befall a server, and what comes of it. A core is a function of its state and its input, so that is worked out
 * once for each move of each server, however many worlds the server stands in.
 */

import type { Message } from "../../src/core/message.ts";
import { fingerprintOf, fingerprintOfMessage } from "./fingerprint.ts";
import type { Naming } from "./fingerprint.ts";
import { Interner } from "./interned.ts";
import type { Interned } from "./interned.ts";
import { afterMove } from "./server.ts";
import type { Move, Server } from "./server.ts";
import { checkStep } from "./server-properties.ts";
import { Violation } from "./violation.ts";

/** How often something may happen, all servers together. */
export interface Budget {
  /** Election timers that run out. */
  readonly timeouts: number;
  /** Heartbeats, with the check of the quorum. */
  readonly heartbeats: number;
  readonly proposals: number;
  readonly crashes: number;
  /** Turns whose writes are under way for a while. */
  readonly slowWrites: number;
  readonly snapshots: number;
  readonly transfers: number;
}

/** A server as it may stand in many worlds, with what it may do of itself and what has come of it. */
export interface Member extends Interned<Server> {
  readonly moves: readonly Chance[];
  readonly outcomes: readonly [Map<Move, Outcome>, Map<Move, Outcome>];
}

interface Chance {
  readonly move: Move;
  readonly cost: keyof Budget | undefined;
}

export interface Outcome {
  readonly next: Member;
  readonly said: readonly Packet[];
  readonly violation: Violation | undefined;
}

export interface Packet extends Interned<Message> {
  readonly to: number;
  readonly move: Move;
}

export class Members {
  readonly #servers: Interner<Server, Member>;
  readonly #packets: Interner<Message, Packet>;

  constructor(namings: readonly Naming[]) {
    this.#servers = new Interner(namings, fingerprintOf, (known) => ({
      ...known,
      moves: movesOf(known.value),
      outcomes: [new Map(), new Map()],
    }));
    const ids = [...(namings[0]?.keys() ?? [])];
    this.#packets = new Interner(namings, fingerprintOfMessage, (known) => ({
      ...known,
      to: ids.indexOf(known.value.to),
      move: { type: "message", message: known.value },
    }));
  }

  /** How many different servers, and messages, were met. */
  get counts(): { readonly servers: number; readonly messages: number } {
    return { servers: this.#servers.size, messages: this.#packets.size };
  }

  get(server: Server): Member {
    return this.#servers.get(server);
  }

  outcome(member: Member, move: Move, isLate: boolean): Outcome {
    const outcomes = member.outcomes[isLate ? 1 : 0];
    const seen = outcomes.get(move);
    if (seen !== undefined) return seen;
    const outcome = this.#workOut(member, move, isLate);
    outcomes.set(move, outcome);
    return outcome;
  }

  #workOut(member: Member, move: Move, isLate: boolean): Outcome {
    try {
      const { server, said } = afterMove(member.value, move, isLate);
      checkStep(member.value, server, move);
      const packets = said.map((message) => this.#packets.get(message));
      return { next: this.#servers.get(server), said: packets, violation: undefined };
    } catch (error) {
      const violation =
        error instanceof Violation
          ? error
          : new Violation("S0", `${member.value.id} stops: ${String(error)}`);
      return { next: member, said: [], violation };
    }
  }
}

/** What a server may do of itself. */
function movesOf({ state, writes, isLeader }: Server): readonly Chance[] {
  const moves: Chance[] = [{ move: { type: "timer" }, cost: isLeader ? "heartbeats" : "timeouts" }];
  if (isLeader) moves.push({ move: { type: "propose" }, cost: "proposals" });
  if (writes.length > 0) moves.push({ move: { type: "write" }, cost: undefined });
  for (let survivors = 0; survivors <= writes.length; survivors += 1)
    moves.push({ move: { type: "crash", survivors }, cost: "crashes" });
  if (state.lastApplied > state.snapshot.lastIncluded.index)
    moves.push({ move: { type: "snapshot" }, cost: "snapshots" });
  for (const { id, mode } of state.leadership?.progress.values() ?? []) {
    moves.push({ move: { type: "transfer", target: id }, cost: "transfers" });
    if (mode !== "snapshot") continue;
    for (const delivered of [true, false])
      moves.push({ move: { type: "snapshot-sent", peer: id, delivered }, cost: undefined });
  }
  return moves;
}
