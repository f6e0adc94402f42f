/**
 * Two servers with the same fingerprint behave alike for ever, whatever befalls them; so do two messages. What makes no
 * difference is left out: the generator of time-outs, where time stands still; how many writes there were, of which the
 * core only asks which came first; and, for nobody's behaviour depends on a name, who is called what (`Naming`).
 */

import type { Message } from "../../src/core/message.ts";
import type { RaftOptions } from "../../src/core/options.ts";
import type { Leadership, RaftState } from "../../src/core/state.ts";
import type { NodeId } from "../../src/core/types.ts";
import type { Server } from "./server.ts";

const LEFT_OUT = {
  options: 0,
  now: 0,
  random: 0,
  electionDeadline: 0,
  leaderContact: 0,
  // Empty between turns.
  outbox: 0,
} as const;

/** Other names for all servers. */
export type Naming = ReadonlyMap<NodeId, NodeId>;

export function fingerprintOf({ id, state, disk, writes }: Server, naming: Naming): string {
  const { durability, leadership, options, role } = state;
  const since = (sequence: number): number => Math.max(0, sequence - durability.durable);
  const told = {
    ...state,
    votes: role === "leader" ? [] : state.votes,
    durability: durabilityOf(durability, since, naming),
    leadership: leadership && leadershipOf(leadership, options),
    ...LEFT_OUT,
  };
  return plain(naming, [
    id,
    told,
    disk,
    writes.map((each) => ({ ...each, sequence: since(each.sequence) })),
  ]);
}

export function fingerprintOfMessage(message: Message, naming: Naming): string {
  return plain(naming, message);
}

function durabilityOf(
  durability: RaftState["durability"],
  since: (sequence: number) => number,
  naming: Naming,
): unknown {
  return {
    ...durability,
    issued: since(durability.issued),
    durable: 0,
    voteWrite: since(durability.voteWrite),
    inFlight: durability.inFlight.map((each) => ({ ...each, sequence: since(each.sequence) })),
    // In any order: all that wait for one write are let go of at once.
    held: durability.held
      .map((each) => plain(naming, { ...each, after: since(each.after) }))
      .toSorted(),
  };
}

/** Without CheckQuorum nobody asks who is active, and a window larger than the largest is the largest. */
function leadershipOf({ progress, ...rest }: Leadership, options: RaftOptions): unknown {
  const peers = [...progress.values()].map(({ active, window, ...each }) => ({
    ...each,
    active: options.checkQuorum && active,
    sentAt: 0,
    window: Math.min(window, options.maxInflightAppends),
  }));
  return { ...rest, peers };
}

/** Sets, and lists of what has an id, in the order of the new names. */
function plain(naming: Naming, value: unknown): string {
  const named = (text: string): string => {
    const id = /^n\d/.exec(text)?.[0] ?? "";
    return (naming.get(id) ?? id) + text.slice(id.length);
  };
  const idOf = (each: unknown): string =>
    typeof each === "object" && each !== null && "id" in each ? named(String(each.id)) : "";
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "string") return named(each);
    if (each instanceof Set) return [...each].map((name) => named(String(name))).toSorted();
    if (Array.isArray(each) && each.length > 1 && idOf(each[0]) !== "")
      return each.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    return each;
  });
}
