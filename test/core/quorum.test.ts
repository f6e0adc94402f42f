/** Quorum arithmetic against brute force. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hasQuorum, majority, quorumValue } from "../../src/core/quorum.ts";
import type { Configuration } from "../../src/core/types.ts";
import { configuration } from "./support/world.ts";

const IDS = "abcdefg";

/** Counted, not sorted: more than half of the set, of each set where there are two. */
function bruteHasQuorum(
  { voters, votersOutgoing }: Configuration,
  holds: (id: string) => boolean,
): boolean {
  const wins = (set: typeof voters): boolean =>
    2 * set.filter(({ id }) => holds(id)).length > set.length;
  return wins(voters) && (votersOutgoing.length === 0 || wins(votersOutgoing));
}

/** The highest of all values that a quorum has reached. */
function bruteQuorumValue(config: Configuration, valueOf: (id: string) => number): number {
  const candidates = IDS.split("")
    .map(valueOf)
    .toSorted((a, b) => b - a);
  return candidates.find((value) => bruteHasQuorum(config, (id) => valueOf(id) >= value)) ?? 0;
}

const ids = fc.subarray(IDS.split("")).map((each) => each.join(""));
const configurations = fc
  .tuple(ids, ids, ids)
  .map(([voters, outgoing, learners]) => configuration(voters, outgoing, learners));
const values = fc.array(fc.nat(5), { minLength: IDS.length, maxLength: IDS.length });

test("rule 36: for 0 to 7 voters every set of them is a quorum or not as counting says", () => {
  for (let size = 0; size <= IDS.length; size += 1) {
    const config = configuration(IDS.slice(0, size));
    for (let set = 0; set < 2 ** IDS.length; set += 1) {
      const holds = (id: string): boolean => (set & (1 << IDS.indexOf(id))) !== 0;
      expect(hasQuorum(config, holds)).toBe(bruteHasQuorum(config, holds));
    }
  }
});

test("rules 36 and 39: joint and with learners, a quorum is a majority of each set of voters", () => {
  fc.assert(
    fc.property(configurations, ids, (config, who) => {
      const holds = (id: string): boolean => who.includes(id);
      expect(hasQuorum(config, holds)).toBe(bruteHasQuorum(config, holds));
    }),
    { numRuns: 2000 },
  );
});

test("rule 36: the quorum's value is the highest that a quorum has reached", () => {
  fc.assert(
    fc.property(configurations, values, (config, list) => {
      const valueOf = (id: string): number => list[IDS.indexOf(id)] ?? 0;
      expect(quorumValue(config, valueOf)).toBe(bruteQuorumValue(config, valueOf));
    }),
    { numRuns: 2000 },
  );
});

test("rule 36: without voters nothing is ever agreed on, with outgoing voters or without", () => {
  expect(hasQuorum(configuration(""), () => true)).toBe(false);
  expect(hasQuorum(configuration("", "abc"), () => true)).toBe(false);
  expect(quorumValue(configuration("", "", "abc"), () => 7)).toBe(0);
});

test("rule 36: who is no voter does not count, a leader included", () => {
  // a leads but is no voter any more: b and c alone decide.
  const match = new Map([
    ["a", 9],
    ["b", 4],
    ["c", 3],
  ]);
  expect(quorumValue(configuration("bc", "", "a"), (id) => match.get(id) ?? 0)).toBe(3);
});

test("two majorities of one set share a voter (section 5.2)", () => {
  for (let size = 1; size <= 9; size += 1) expect(2 * majority(size)).toBeGreaterThan(size);
});
