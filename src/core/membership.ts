/**
 * Who is what in a configuration, and which configuration is in force: the last one in the log, committed or not
 * (section 6), so a truncation brings the one before it back.
 */

import { assert } from "./assert.ts";
import type { Configuration, LogIndex, LoggedConfiguration, Member, NodeId } from "./types.ts";

/** Ascending by index and never empty: from the last at or below the snapshot to the last in the log. */
export type Configurations = readonly LoggedConfiguration[];

/** The configuration in force. */
export function activeConfiguration(configurations: Configurations): Configuration {
  return latest(configurations).configuration;
}

/** The last configuration at or below `index`: what a snapshot there has to carry. */
export function configurationAt(
  configurations: Configurations,
  index: LogIndex,
): LoggedConfiguration {
  return latest(configurations.filter((each) => each.index <= index));
}

/** What is left when the log is cut at `index`. */
export function withoutFrom(configurations: Configurations, index: LogIndex): Configurations {
  return configurations.filter((each) => each.index < index);
}

/** What must be kept once a snapshot stands for everything up to `index`. */
export function fromSnapshotAt(configurations: Configurations, index: LogIndex): Configurations {
  const kept = configurationAt(configurations, index);
  return configurations.filter((each) => each.index >= kept.index);
}

export function isVoter(configuration: Configuration, id: NodeId): boolean {
  return has(configuration.voters, id) || has(configuration.votersOutgoing, id);
}

/**
 * Whether `id` may stand for election (rule 16): as a voter of any configuration that is, or may yet be, in force. One
 * that is missing only from a configuration which is not committed may be needed to commit it (thesis 4.2.2).
 */
export function isElectable(
  configurations: Configurations,
  commitIndex: LogIndex,
  id: NodeId,
): boolean {
  const committed = configurationAt(configurations, commitIndex);
  return configurations.some(
    (each) => each.index >= committed.index && isVoter(each.configuration, id),
  );
}

/** Every member once, in a fixed order. */
export function membersOf(configuration: Configuration): readonly Member[] {
  const members = new Map<NodeId, Member>();
  const { voters, votersOutgoing, learners } = configuration;
  for (const member of [...votersOutgoing, ...learners, ...voters]) members.set(member.id, member);
  return [...members.values()];
}

function has(members: readonly Member[], id: NodeId): boolean {
  return members.some((member) => member.id === id);
}

function latest(configurations: Configurations): LoggedConfiguration {
  const last = configurations.at(-1);
  assert(last !== undefined, "there is always a configuration");
  return last;
}
