/** The nouns of the tests: members, configurations, entries and logs, written as short as they are said. */

import type { Configuration, Entry, EntryId, Member, Term } from "../../../src/core/types.ts";

function member(id: string): Member {
  return { id, address: `${id}:1`, storeId: undefined };
}

/** `configuration("abc")`: three voters; outgoing voters make it joint. Every letter is an id. */
export function configuration(voters: string, outgoing = "", learners = ""): Configuration {
  return {
    voters: voters.split("").map(member),
    votersOutgoing: outgoing.split("").map(member),
    learners: learners.split("").map(member),
  };
}

/** An entry whose payload follows from its identity, as Log Matching wants it. */
export function entry({ term, index }: EntryId): Entry {
  return {
    kind: "command",
    index,
    term,
    time: index,
    payload: new TextEncoder().encode(`${term}:${index}`),
    encoded: undefined,
  };
}

/** Consecutive entries of these terms, the first at `from`. */
export function entries(from: number, terms: readonly Term[]): Entry[] {
  return terms.map((term, at) => entry({ term, index: from + at }));
}

export function configurationEntry(id: EntryId, value: Configuration): Entry {
  return { kind: "configuration", ...id, time: id.index, configuration: value, encoded: undefined };
}

/** The same term many times: `...run(3, 2)` is 3, 3. */
export function run(term: Term, length: number): Term[] {
  return Array.from({ length }, () => term);
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
