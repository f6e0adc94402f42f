/** The explored world: a few servers, what they have said, and how much may still befall them. */

import { idOf } from "../process.ts";
import type { Naming } from "./fingerprint.ts";
import { Interner, namingsOf } from "./interned.ts";
import type { Interned } from "./interned.ts";
import { Members } from "./members.ts";
import type { Budget, Member } from "./members.ts";
import { Saids } from "./said.ts";
import type { News, Said } from "./said.ts";
import { newServer } from "./server.ts";
import type { Move, Server, ServerOptions } from "./server.ts";
import { Violation } from "./violation.ts";
import { checkWorld } from "./world-properties.ts";
import type { Past } from "./world-properties.ts";

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

export interface World {
  readonly members: readonly Member[];
  readonly said: Said;
  readonly past: Interned<Past>;
  readonly left: Budget;
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

/** What may happen next, and what comes of it. */
interface Next {
  readonly step: Step;
  readonly after: World | Violation;
}

export class Worlds {
  readonly #setup: Setup;
  readonly #members: Members;
  readonly #saids: Saids;
  readonly #pasts: Interner<Past>;
  /** By naming: who is called n1, who n2 and so on. */
  readonly #orders: readonly (readonly number[])[];

  constructor(setup: Setup) {
    this.#setup = setup;
    const ids = firstServers(setup).map(({ id }) => id);
    const namings = namingsOf(ids);
    this.#members = new Members(namings);
    this.#saids = new Saids(namings.length);
    this.#pasts = new Interner(namings, fingerprintOfPast, (known) => known);
    this.#orders = namings.map((naming) =>
      ids.map((id) => ids.findIndex((each) => naming.get(each) === id)),
    );
  }

  /** How many different servers, and messages, were met. */
  get counts(): { readonly servers: number; readonly messages: number } {
    return this.#members.counts;
  }

  first(): World {
    return {
      members: firstServers(this.#setup).map((server) => this.#members.get(server)),
      said: this.#saids.nothing,
      past: this.#pasts.get({ leaders: new Map(), golden: [] }),
      left: this.#setup.budget,
    };
  }

  /** Worlds with the same key go on alike, but for names and for what is left of the budget. */
  keyOf({ members, said, past }: World): string {
    let least: string | undefined;
    for (const at of said.namings) {
      let key = `${said.number},${past.numbers[at]}`;
      for (const slot of this.#orders[at] ?? []) key += `,${members[slot]?.numbers[at]}`;
      if (least === undefined || key < least) least = key;
    }
    return least ?? "";
  }

  /** All that may happen next, where it changes anything, with what comes of it. */
  *after(world: World): Generator<Next> {
    const { members, said, left } = world;
    for (const isLate of left.slowWrites > 0 ? [false, true] : [false]) {
      for (const [slot, member] of members.entries()) {
        for (const { move, cost } of member.moves) {
          const rest = spend(left, cost);
          const news = rest && this.#newsOf(member, said, move, isLate);
          if (news) yield this.#next(world, slot, news, rest);
        }
        for (const news of this.#heard(member, slot, said, isLate))
          yield this.#next(world, slot, news, left);
      }
    }
  }

  /** What comes of the messages to a server, in any world in which so much was said. */
  #heard(member: Member, slot: number, said: Said, isLate: boolean): readonly News[] {
    const memory = said.heard[isLate ? 1 : 0];
    const known = memory.get(member);
    if (known !== undefined) return known;
    const heard = said.packets
      .filter(({ to }) => to === slot)
      .map(({ move }) => this.#newsOf(member, said, move, isLate))
      .filter((news) => news !== undefined);
    memory.set(member, heard);
    return heard;
  }

  /** `undefined` where it changes nothing; where it writes nothing, nothing is late either. */
  #newsOf(member: Member, said: Said, move: Move, isLate: boolean): News | undefined {
    const outcome = this.#members.outcome(member, move, isLate);
    if (isLate && outcome.next === this.#members.outcome(member, move, false).next)
      return undefined;
    const joined = this.#saids.join(said, outcome.said);
    const isNothing = outcome.next === member && joined === said;
    if (isNothing && outcome.violation === undefined) return undefined;
    return { move, isLate, outcome, said: joined };
  }

  #next(world: World, slot: number, news: News, left: Budget): Next {
    const { move, isLate } = news;
    const rest = isLate ? spend(left, "slowWrites") : left;
    return { step: { slot, move, isLate }, after: this.#apply(world, slot, news, rest ?? left) };
  }

  #apply(world: World, slot: number, news: News, left: Budget): World | Violation {
    const { move, outcome, said } = news;
    if (outcome.violation !== undefined) return outcome.violation;
    const members = world.members.with(slot, outcome.next);
    try {
      return { members, said, past: this.#pastAfter(world, slot, members, move), left };
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
}

/** `undefined` where there is nothing left. */
function spend(left: Budget, cost: keyof Budget | undefined): Budget | undefined {
  if (cost === undefined) return left;
  return left[cost] === 0 ? undefined : { ...left, [cost]: left[cost] - 1 };
}

function fingerprintOfPast({ leaders, golden }: Past, naming: Naming): string {
  const led = [...leaders].map(([term, id]) => `${term}:${naming.get(id)}`);
  const committed = golden.map(({ entry, commitTerm }) => `${entry.term}.${commitTerm}`);
  return `${led.toSorted().join()} ${committed.join()}`;
}
