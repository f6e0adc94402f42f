/**
 * What must be so between servers, by the names of the simulator's list. Most of it can be seen in one state, from the logs
 * and the disks of all; only who led which term and what was committed is remembered (`Past`).
 */

import type {
  Configuration,
  Entry,
  EntryId,
  LogIndex,
  NodeId,
  Term,
} from "../../src/core/types.ts";
import { configurationIn, idText, isQuorum, sameEntry } from "../safety/ghost.ts";
import type { Disk } from "./disk.ts";
import { must, Violation } from "./violation.ts";
import type { Move, Server } from "./server.ts";

/** What no server has to remember. */
export interface Past {
  readonly leaders: ReadonlyMap<Term, NodeId>;
  /** By index, from 1; `commitTerm` is that of whoever committed it first. */
  readonly golden: readonly { readonly entry: Entry; readonly commitTerm: Term }[];
}

/** All that is to be seen when `after` has taken the place of `before` among `servers`; and what is to be remembered of it. */
export function checkWorld(
  servers: readonly Server[],
  past: Past,
  before: Server,
  after: Server,
  move: Move,
): Past {
  const isElected =
    after.isLeader && (!before.isLeader || before.state.currentTerm !== after.state.currentTerm);
  let { leaders, golden } = past;
  for (const other of servers) if (other !== after) checkSameLog(after, other);
  if (isElected) {
    checkElected(servers, past, after);
    leaders = new Map(leaders).set(after.state.currentTerm, after.id);
  }
  golden = checkCommit(servers, golden, before, after, move);
  checkStillDurable(servers, golden);
  for (const server of servers) checkMatch(servers, server);
  return leaders === past.leaders && golden === past.golden ? past : { leaders, golden };
}

/** S4: where two logs have an entry of one term and index, they are the same up to there. */
function checkSameLog(one: Server, other: Server): void {
  const first = Math.max(one.state.log.compacted.index, other.state.log.compacted.index) + 1;
  let isSame = false;
  for (
    let index = Math.min(one.state.log.lastIndex, other.state.log.lastIndex);
    index >= first;
    index -= 1
  ) {
    const [a, b] = [one.entryAt(index), other.entryAt(index)];
    if (a === undefined || b === undefined) throw new Violation("S6", `there is no entry ${index}`);
    isSame ||= a.term === b.term;
    const text = `${one.id} has entry ${idText(a)} where ${other.id} has ${idText(b)}, and a later one in common`;
    must(!isSame || sameEntry(a, b), "S4", () => text);
  }
}

/** S1, S7 and S16. */
function checkElected(servers: readonly Server[], { leaders, golden }: Past, leader: Server): void {
  const { currentTerm: term, log } = leader.state;
  const former = leaders.get(term);
  must(former === undefined, "S1", () => `${former} and ${leader.id} both lead term ${term}`);
  // Whoever is in a later term by now may have voted.
  const voted = (id: NodeId): boolean => {
    const hardState = find(servers, id).disk.hardState;
    return (
      hardState.currentTerm > term ||
      (hardState.currentTerm === term && hardState.votedFor === leader.id)
    );
  };
  must(
    isQuorum(configurationIn(leader.state), voted),
    "S16",
    () => `${leader.id} leads term ${term} without the votes of a majority`,
  );
  for (const { entry, commitTerm } of golden) {
    if (commitTerm >= term || entry.index <= log.compacted.index) continue;
    must(
      leader.entryAt(entry.index)?.term === entry.term,
      "S7",
      () =>
        `${leader.id} leads term ${term} without entry ${idText(entry)}, which was committed in term ${commitTerm}`,
    );
  }
}

/** S8 and S9. */
function checkCommit(
  servers: readonly Server[],
  golden: Past["golden"],
  before: Server,
  after: Server,
  move: Move,
): Past["golden"] {
  const { commitIndex, currentTerm, log, snapshot } = after.state;
  const from = move.type === "crash" ? 0 : before.state.commitIndex;
  const found = [...golden];
  for (let index = Math.max(from, log.compacted.index) + 1; index <= commitIndex; index += 1) {
    const entry = after.entryAt(index);
    if (entry === undefined)
      throw new Violation("S11", `${after.id} has committed ${index} and does not have it`);
    const known = found[index - 1]?.entry;
    if (known === undefined) {
      checkOnQuorum(servers, configurationIn(after.state), after, entry);
      found.push({ entry, commitTerm: currentTerm });
    } else {
      must(
        sameEntry(known, entry),
        "S8",
        () =>
          `${after.id} has committed entry ${idText(entry)}; elsewhere ${idText(known)} was committed`,
      );
    }
  }
  const isCounted = before.isLeader && after.isLeader && commitIndex > before.state.commitIndex;
  const term = after.entryAt(commitIndex)?.term ?? currentTerm;
  must(
    !isCounted || term === currentTerm,
    "S9",
    () =>
      `${after.id} leads term ${currentTerm} and commits entry ${commitIndex}.${term} by counting`,
  );
  const { lastIncluded } = snapshot;
  must(
    lastIncluded.index === 0 || found[lastIncluded.index - 1]?.entry.term === lastIncluded.term,
    "S14",
    () => `${after.id} has a snapshot up to ${idText(lastIncluded)}, which was never committed`,
  );
  return found.length === golden.length ? golden : found;
}

function checkOnQuorum(
  servers: readonly Server[],
  configuration: Configuration,
  { id }: Server,
  entry: EntryId,
): void {
  must(
    isQuorum(configuration, (each) => holds(find(servers, each).disk, entry)),
    "S9",
    () => `${id} has committed entry ${idText(entry)}, which is not on the disks of a majority`,
  );
}

/** S12. */
function checkStillDurable(servers: readonly Server[], golden: Past["golden"]): void {
  for (const { entry } of golden) {
    const count = servers.filter(({ disk }) => holds(disk, entry)).length;
    must(
      2 * count > servers.length,
      "S12",
      () => `entry ${idText(entry)} is committed and no longer on the disks of a majority`,
    );
  }
}

/**
 * S11: what a leader takes its peers to have is on their disks, unless they follow a later leader by now. S24: what is on
 * its way to them comes before what they get next.
 */
function checkMatch(servers: readonly Server[], leader: Server): void {
  const { leadership, currentTerm, log } = leader.state;
  for (const { id, matchIndex, nextIndex, inflight } of leadership?.progress.values() ?? []) {
    const underWay = inflight.at(-1)?.lastIndex ?? 0;
    must(
      underWay < nextIndex,
      "S24",
      () =>
        `${leader.id} counts entry ${underWay} as on its way to ${id}, which is yet to get ${nextIndex}`,
    );
    const { disk } = find(servers, id);
    if (matchIndex <= log.compacted.index || disk.hardState.currentTerm > currentTerm) continue;
    const entry = leader.entryAt(matchIndex);
    if (entry === undefined)
      throw new Violation(
        "S11",
        `${leader.id} takes ${id} to have entry ${matchIndex}, which it has not itself`,
      );
    must(
      holds(disk, entry),
      "S11",
      () => `${leader.id} takes ${id} to have entry ${idText(entry)}, which is not on its disk`,
    );
  }
}

function holds(disk: Disk, { term, index }: { term: Term; index: LogIndex }): boolean {
  return index <= disk.snapshot.lastIncluded.index || disk.termAt(index) === term;
}

function find(servers: readonly Server[], id: NodeId): Server {
  const server = servers.find((each) => each.id === id);
  if (server === undefined) throw new RangeError(`there is no ${id}`);
  return server;
}
