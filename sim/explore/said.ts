/**
 * All that was said so far. It may arrive at any time, once, often or never: so nothing is ever taken away, and nothing
 * needs to be lost, doubled or overtaken.
 */

import type { Member, Outcome, Packet } from "./members.ts";
import type { Move } from "./server.ts";

/** A set of messages; the same set is the same object. */
export interface Said {
  readonly packets: readonly Packet[];
  /** By naming: the numbers of the messages, a bit each. */
  readonly sets: readonly bigint[];
  /** The same for sets that differ only in names, and the namings under which they look as this number means. */
  readonly number: number;
  readonly namings: readonly number[];
  /** What it has become when more was said. */
  readonly more: Map<readonly Packet[], Said>;
  /** What a server may hear now; worked out once, and for late writes apart. */
  readonly heard: readonly [Map<Member, readonly News[]>, Map<Member, readonly News[]>];
}

/** Something that changes the server that it befalls, or makes it say what was not said before. */
export interface News {
  readonly move: Move;
  readonly isLate: boolean;
  readonly outcome: Outcome;
  /** With what is said then. */
  readonly said: Said;
}

export class Saids {
  readonly nothing: Said;
  readonly #known = new Map<string, Said>();
  readonly #numbers = new Map<string, number>();

  constructor(namings: number) {
    this.nothing = this.#get(
      Array.from({ length: namings }, () => 0n),
      [],
    );
  }

  join(said: Said, more: readonly Packet[]): Said {
    if (more.length === 0) return said;
    const known = said.more.get(more);
    if (known !== undefined) return known;
    const sets = said.sets.map((set, at) => more.reduce((all, each) => all | bitOf(each, at), set));
    const joined = this.#get(sets, [...said.packets, ...more]);
    said.more.set(more, joined);
    return joined;
  }

  #get(sets: readonly bigint[], packets: readonly Packet[]): Said {
    const own = (sets[0] ?? 0n).toString(32);
    const known = this.#known.get(own);
    if (known !== undefined) return known;
    const least = sets.reduce((a, b) => (a < b ? a : b));
    const namings = [...sets.keys()].filter((at) => sets[at] === least);
    const number = this.#numbers.get(least.toString(32)) ?? this.#numbers.size;
    this.#numbers.set(least.toString(32), number);
    const said: Said = {
      packets: [...new Set(packets)],
      sets,
      number,
      namings,
      more: new Map(),
      heard: [new Map(), new Map()],
    };
    this.#known.set(own, said);
    return said;
  }
}

function bitOf({ numbers }: Packet, naming: number): bigint {
  return 1n << BigInt(numbers[naming] ?? 0);
}
