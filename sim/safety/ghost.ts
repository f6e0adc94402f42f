/**
 * What the checkers know and no node does: who led which term, who voted for whom, every entry that ever was, and the
 * golden log of what is committed. Survives every crash.
 */

import type {
  Configuration,
  ConfigurationEntry,
  Entry,
  EntryId,
  LogIndex,
  NodeId,
  Term,
} from "../../src/core/types.ts";
import type { RaftState } from "../../src/core/state.ts";
import type { Platter } from "../platter.ts";

/** What a checker may look at of one node. */
export interface NodeView {
  readonly slot: number;
  readonly id: NodeId;
  readonly platter: Platter;
}

/** Tells of the first thing that must not be; the run ends with it. */
export type Report = (property: string, text: string, slot: number | undefined) => void;

export interface GoldenEntry {
  readonly entry: Entry;
  /** The term of whoever committed it first. */
  readonly commitTerm: Term;
  /** The scheduler's step at which that was. */
  readonly step: number;
}

/** By index, from 1. */
export class GoldenLog {
  readonly #entries: GoldenEntry[] = [];

  get lastIndex(): LogIndex {
    return this.#entries.length;
  }

  at(index: LogIndex): GoldenEntry | undefined {
    return this.#entries[index - 1];
  }

  push(entry: GoldenEntry): void {
    this.#entries.push(entry);
  }

  termAt(index: LogIndex): Term | undefined {
    return index === 0 ? 0 : this.#entries[index - 1]?.entry.term;
  }
}

export class Ghost {
  readonly nodes: readonly NodeView[];
  readonly golden: GoldenLog = new GoldenLog();
  readonly leaders: Map<Term, number> = new Map();
  /** Every change of the membership that was ever in a log. */
  readonly configurations: ConfigurationEntry[] = [];
  readonly report: Report;
  /** Nodes have so little room for messages that they drop some unseen. */
  isCrowded = false;
  readonly #entries = new Map<number, { readonly entry: Entry; readonly previousTerm: Term }>();
  readonly #votes: Map<Term, NodeId>[];
  readonly #slots: ReadonlyMap<NodeId, number>;
  readonly #now: () => number;

  constructor(nodes: readonly NodeView[], report: Report, now: () => number) {
    this.nodes = nodes;
    this.report = report;
    this.#votes = nodes.map(() => new Map());
    this.#slots = new Map(nodes.map(({ id, slot }) => [id, slot]));
    this.#now = now;
  }

  get step(): number {
    return this.#now();
  }

  slotOf(id: NodeId): number {
    const slot = this.#slots.get(id);
    if (slot === undefined) throw new RangeError(`there is no ${id}`);
    return slot;
  }

  platterOf(id: NodeId): Platter {
    return this.view(this.slotOf(id)).platter;
  }

  view(slot: number): NodeView {
    const view = this.nodes[slot];
    if (view === undefined) throw new RangeError(`there is no node ${slot}`);
    return view;
  }

  /** What this node has shown as its vote in a term. */
  voteOf(slot: number, term: Term): NodeId | undefined {
    return this.#votes[slot]?.get(term);
  }

  recordVote(slot: number, term: Term, candidate: NodeId): void {
    this.#votes[slot]?.set(term, candidate);
  }

  /** The entry that was first seen under this id, with the term of the one before it: this one, where it is new. */
  seen(entry: Entry, previousTerm: Term): { readonly entry: Entry; readonly previousTerm: Term } {
    const key = keyOf(entry);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const first = { entry, previousTerm };
    this.#entries.set(key, first);
    if (entry.kind === "configuration") this.configurations.push(entry);
    return first;
  }

  /** The entry under an id, wherever it was seen. */
  entry(id: EntryId): Entry | undefined {
    return this.#entries.get(keyOf(id))?.entry;
  }
}

/** Terms stay below 2^20 in any run. */
function keyOf({ term, index }: EntryId): number {
  return index * 2 ** 20 + term;
}

/** The configuration in force in a state: the last in its log. */
export function configurationIn(state: Readonly<RaftState>): Configuration {
  const last = state.configurations.at(-1);
  if (last === undefined) throw new RangeError("there is always a configuration");
  return last.configuration;
}

/** Counted here, not by the code under test: whether so many make a majority of every set of voters. */
export function isQuorum(configuration: Configuration, holds: (id: NodeId) => boolean): boolean {
  return [configuration.voters, configuration.votersOutgoing].every(
    (voters) =>
      voters.length === 0 || 2 * voters.filter(({ id }) => holds(id)).length > voters.length,
  );
}

/** Whether two entries are one and the same, byte for byte. */
export function sameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  if (a.term !== b.term || a.index !== b.index || a.time !== b.time || a.kind !== b.kind)
    return false;
  if (a.kind === "command" && b.kind === "command") {
    return a.payload === b.payload || Buffer.compare(a.payload, b.payload) === 0;
  }
  if (a.kind === "configuration" && b.kind === "configuration") {
    return JSON.stringify(a.configuration) === JSON.stringify(b.configuration);
  }
  return true;
}

/**
 * Whether a disk counts for an entry: it holds it, or it held it until an injected fault damaged the very record that it
 * is in. That excuse ends with the damage, and names it: `damageTo`.
 */
export function countsFor(platter: Platter, id: EntryId): boolean {
  return platter.holds(id) || platter.damageTo(id) !== undefined;
}

export function idText({ term, index }: EntryId): string {
  return `${index}.${term}`;
}
