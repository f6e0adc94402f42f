/**
 * Quorum arithmetic, joint from the first day: what a majority of `voters`, and of `votersOutgoing` where there are
 * any, agrees on (section 6). Learners never count. Pure functions over ids.
 */

import type { Configuration, Member, NodeId } from "./types.ts";

/** How many of `count` voters decide: two majorities of one set always share a voter. */
export function majority(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The highest value that a quorum has reached: the commit index from match indexes, the confirmed round from answered
 * rounds. An empty set of voters has reached nothing.
 */
export function quorumValue(configuration: Configuration, valueOf: (id: NodeId) => number): number {
  const incoming = majorityValue(configuration.voters, valueOf);
  if (configuration.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(configuration.votersOutgoing, valueOf));
}

/** Whether those for whom `holds` is true make a quorum. */
export function hasQuorum(configuration: Configuration, holds: (id: NodeId) => boolean): boolean {
  return quorumValue(configuration, (id) => (holds(id) ? 1 : 0)) === 1;
}

/** Sort and take: the value at the majority's place, counted from the top. */
function majorityValue(voters: readonly Member[], valueOf: (id: NodeId) => number): number {
  if (voters.length === 0) return 0;
  const values = voters.map((voter) => valueOf(voter.id)).toSorted((a, b) => b - a);
  return values[majority(voters.length) - 1] ?? 0;
}
