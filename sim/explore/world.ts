/**
 * The explored world: a few servers, what they have said, and how much may still befall them.
 *
 * What was said may arrive at any time, once, often or never: so it is never taken away, and nothing needs to be lost,
 * doubled or overtaken.
 */

import { idOf } from "../process.ts";
import type { Naming } from "./fingerprint.ts";
import { Interner, namingsOf } from "./interned.ts";
import type { Interned } from "./interned.ts";
import { checkWorld, Violation } from "./properties.ts";
import type { Past } from "./properties.ts";
import { Members } from "./members.ts";
import type { Budget, Chance, Member, Outcome, Packet } from "./members.ts";
import { newServer } from "./server.ts";
import type { Move, Server, ServerOptions } from "./server.ts";

export interface Setup {
  readonly nodes: number;
  readonly budget: Budget;
  readonly options: ServerOptions;
}

/** One move of one server. */
export interface Step {
  readonly slot: number;
  readonly move: Move;
  /** What it writes takes its time. */
  readonly isLate: boolean;
}

/** What may happen next, and what comes of it. */
export interface Next {
  readonly step: Step;
  readonly after: World | Violation;
}

export interface World {
  readonly members: readonly Member[];
  readonly said: Said;
  readonly past: Interned<Past>;
  readonly left: Budget;
}

/** A set of messages, and what it has become when more were said. */
interface Said extends Interned<readonly Packet[]> {
  /** The namings under which its number is the least. */
  readonly least: readonly number[];
  readonly more: Map<readonly Packet[], Said>;
}

/** Nothing has happened yet. */
export function firstServers({ nodes, options }: Setup): readonly Server[] {
  const voters = Array.from({ length: nodes }, (_, slot) => ({
    id: idOf(slot),
    address: "",
    storeId: undefined,
  }));
  const configuration = { voters, votersOutgoing: [], learners: [] };
  return voters.map(({ id }) => newServer(id, configuration, options));
}

export class Worlds {
  readonly #setup: Setup;
  readonly #members: Members;
  readonly #saids: Interner<readonly Packet[], Said>;
  readonly #pasts: Interner<Past>;
  readonly #proposals: readonly Move[];

  constructor(setup: Setup) {
    this.#setup = setup;
    const namings = namingsOf(firstServers(setup).map(({ id }) => id));
    this.#proposals = Array.from({ length: setup.budget.proposals }, (_, at) => ({
      type: "propose",
      command: new TextEncoder().encode(`c${at + 1}`),
    }));
    this.#members = new Members(namings);
    this.#saids = new Interner(
      namings,
      (packets, naming) => ascending(packets, namings.indexOf(naming)).join(),
      (known) => ({ ...known, least: leastOf(known.numbers), more: new Map() }),
    );
    this.#pasts = new Interner(namings, fingerprintOfPast, (known) => known);
  }

  /** How many different servers, and messages, were met. */
  get counts(): { readonly servers: number; readonly messages: number } {
    return this.#members.counts;
  }

  first(): World {
    return {
      members: firstServers(this.#setup).map((server) => this.#members.get(server)),
      said: this.#saids.get([]),
      past: this.#pasts.get({ leaders: new Map(), golden: [] }),
      left: this.#setup.budget,
    };
  }

  /** Worlds with the same key go on alike, but for names and for what is left of the budget. */
  keyOf({ members, said, past }: World): string {
    const keys = said.least.map((at) =>
      [said.numbers[at], past.numbers[at], ...ascending(members, at)].join(),
    );
    return keys.length === 1 ? (keys[0] ?? "") : (keys.toSorted()[0] ?? "");
  }

  /** All that may happen next, where it changes anything, with what comes of it. */
  *after(world: World): Generator<Next> {
    const { members, said, left } = world;
    for (const [slot, member] of members.entries()) {
      for (const chance of member.moves) yield* this.#take(world, slot, chance);
      const move = this.#proposals.at(-left.proposals);
      if (move !== undefined && left.proposals > 0 && member.value.isLeader)
        yield* this.#take(world, slot, { move, costs: "proposals" });
    }
    for (const { to, move } of said.value) yield* this.#take(world, to, { move, costs: undefined });
  }

  *#take(world: World, slot: number, { move, costs }: Chance): Generator<Next> {
    const { left, members } = world;
    const before = members[slot];
    if (before === undefined || (costs !== undefined && left[costs] === 0)) return;
    const outcome = this.#members.outcome(before, move, false);
    if (this.#isNews(world, before, outcome)) {
      const step = { slot, move, isLate: false };
      yield { step, after: this.#apply(world, step, outcome, spend(left, costs)) };
    }
    if (left.slowWrites === 0) return;
    const late = this.#members.outcome(before, move, true);
    if (late.next === outcome.next || !this.#isNews(world, before, late)) return;
    const step = { slot, move, isLate: true };
    const rest = spend(spend(left, costs), "slowWrites");
    yield { step, after: this.#apply(world, step, late, rest) };
  }

  #isNews({ said }: World, before: Member, outcome: Outcome): boolean {
    const { next, violation } = outcome;
    return violation !== undefined || next !== before || this.#join(said, outcome.said) !== said;
  }

  #apply(world: World, { slot, move }: Step, outcome: Outcome, left: Budget): World | Violation {
    if (outcome.violation !== undefined) return outcome.violation;
    const members = world.members.with(slot, outcome.next);
    try {
      const past = this.#pastAfter(world, slot, members, move);
      return { members, said: this.#join(world.said, outcome.said), past, left };
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    }
  }

  #pastAfter(
    { members: old, past }: World,
    slot: number,
    members: readonly Member[],
    move: Move,
  ): Interned<Past> {
    const [before, after] = [old[slot]?.value, members[slot]?.value];
    if (before === undefined || after === undefined || before === after) return past;
    const servers = members.map(({ value }) => value);
    const now = checkWorld(servers, past.value, before, after, move);
    return now === past.value ? past : this.#pasts.get(now);
  }

  #join(said: Said, more: readonly Packet[]): Said {
    if (more.length === 0) return said;
    const known = said.more.get(more);
    if (known !== undefined) return known;
    const joined = this.#saids.get([...new Set([...said.value, ...more])]);
    said.more.set(more, joined);
    return joined;
  }
}

function spend(left: Budget, costs: keyof Budget | undefined): Budget {
  return costs === undefined ? left : { ...left, [costs]: left[costs] - 1 };
}

/** Their numbers under one naming. */
function ascending(all: readonly Interned<unknown>[], at: number): readonly number[] {
  return all.map(({ numbers }) => numbers[at] ?? 0).toSorted((a, b) => a - b);
}

function leastOf(numbers: readonly number[]): readonly number[] {
  const least = Math.min(...numbers);
  return [...numbers.keys()].filter((at) => numbers[at] === least);
}

function fingerprintOfPast({ leaders, golden }: Past, naming: Naming): string {
  const led = [...leaders].map(([term, id]) => `${term}:${naming.get(id)}`);
  const committed = golden.map(({ entry, commitTerm }) => `${entry.term}.${commitTerm}`);
  return `${led.toSorted().join()} ${committed.join()}`;
}
