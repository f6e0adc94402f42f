/**
 * S15: the configuration in force is the last in the log, also after a truncation, a restart and an install; a change
 * begins when the one before it is committed; and any two that can be in force together share a server in any two of
 * their quorums. All of it is worked out anew from the entries that were seen.
 */

import type { RaftState } from "../../src/core/state.ts";
import type {
  Configuration,
  ConfigurationEntry,
  LogIndex,
  LoggedConfiguration,
} from "../../src/core/types.ts";
import { idText, isQuorum } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";
import type { LogMirror } from "./log-mirror.ts";

type Terms = Pick<LogMirror, "termAt">;

/** A node's log, or its snapshot, is another than before. */
export function checkConfigurationInForce(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  terms: Terms,
): void {
  const expected = configurationAt(ghost, state, terms, Infinity);
  const found = state.configurations.at(-1);
  if (found === undefined || !isSame(found, expected)) {
    const text = `${view.id} is in the configuration of entry ${found?.index ?? "none"}; the last in its log is that of ${expected.index}`;
    ghost.report("S15", text, view.slot);
  }
  const { lastIncluded, configuration } = state.snapshot;
  const missing = ghost.configurations.find(
    ({ index, term }) =>
      index > configuration.index &&
      index <= lastIncluded.index &&
      ghost.golden.termAt(index) === term,
  );
  if (missing !== undefined) {
    const text = `the snapshot of ${view.id} at ${lastIncluded.index} does not know the configuration of entry ${missing.index}`;
    ghost.report("S15", text, view.slot);
  }
}

/** An entry that nobody had before is appended: a change begins. */
export function checkConfigurationChange(
  ghost: Ghost,
  view: NodeView,
  state: Readonly<RaftState>,
  terms: Terms,
  entry: ConfigurationEntry,
): void {
  const before = configurationAt(ghost, state, terms, entry.index - 1);
  const committed = Math.max(ghost.golden.lastIndex, state.commitIndex);
  if (before.index > committed) {
    const text = `${view.id} begins change ${idText(entry)} while that of entry ${before.index} is not committed`;
    ghost.report("S15", text, view.slot);
  }
  if (canDisagree(before.configuration, entry.configuration)) {
    const text = `change ${idText(entry)} of ${view.id} and what was before it have quorums without a common server`;
    ghost.report("S15", text, view.slot);
  }
}

/** The last one in this log at or below `upTo`, or else the snapshot's. */
function configurationAt(
  ghost: Ghost,
  { snapshot, configurations }: Readonly<RaftState>,
  terms: Terms,
  upTo: LogIndex,
): LoggedConfiguration {
  let last = snapshot.configuration;
  if (last.index > upTo) last = configurations.findLast(({ index }) => index <= upTo) ?? last;
  for (const { index, term, configuration } of ghost.configurations) {
    const isInLog = index > snapshot.lastIncluded.index && terms.termAt(index) === term;
    if (isInLog && index > last.index && index <= upTo) last = { index, configuration };
  }
  return last;
}

function isSame(a: LoggedConfiguration, b: LoggedConfiguration): boolean {
  if (a.index !== b.index) return false;
  const { configuration } = a;
  return (
    configuration === b.configuration ||
    JSON.stringify(configuration) === JSON.stringify(b.configuration)
  );
}

/** Whether a quorum of the one and a quorum of the other can be found that share nobody: all sets are tried. */
export function canDisagree(a: Configuration, b: Configuration): boolean {
  const voters = [a, b].flatMap((each) => [...each.voters, ...each.votersOutgoing]);
  const ids = [...new Set(voters.map(({ id }) => id))];
  for (let set = 0; set < 2 ** ids.length; set += 1) {
    const isIn = (id: string): boolean => ((set >> ids.indexOf(id)) & 1) === 1;
    if (isQuorum(a, isIn) && isQuorum(b, (id) => !isIn(id))) return true;
  }
  return false;
}
