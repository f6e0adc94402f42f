/**
 * What nobody in a cluster can see: figure 3 of the paper, and what was promised to whom. It watches every step and every
 * message that leaves, and throws at the first that breaks a property.
 */

import type { Message } from "../../../src/core/message.ts";
import { majority } from "../../../src/core/quorum.ts";
import type { Entry } from "../../../src/core/types.ts";
import { must } from "../../../sim/explore/disk.ts";
import { textOf } from "./server.ts";
import type { Server } from "./server.ts";

interface Seen {
  readonly previousTerm: number;
  readonly text: string;
}

export class Ghost {
  readonly #servers: readonly Server[];
  /** The leader of each term, as it was in that run of its process. */
  readonly #leaders = new Map<number, unknown>();
  readonly #votes = new Map<string, string>();
  readonly #entries = new Map<string, Seen>();
  /** By index; the first is at 1. */
  readonly committed: Entry[] = [];
  readonly #commitSeen = new Map<unknown, number>();
  readonly #logSeen = new Map<unknown, readonly Entry[]>();
  readonly #appliedSeen = new Map<unknown, { index: number; list: unknown }>();

  constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  get commitIndex(): number {
    return this.committed.length;
  }

  /** After each step of `server`. */
  afterStep(server: Server): void {
    this.#logMatching(server);
    this.#electionSafety(server);
    this.#stateMachineSafety(server);
    this.#appliedInOrder(server);
  }

  /** A message leaves: what it says must be on disk (rules 1, 2, 5 and 6). */
  onMessage(server: Server, message: Message): void {
    switch (message.type) {
      case "RequestVote":
        return this.#voted(server, message.term, server.id);
      case "RequestVoteResponse":
        return message.voteGranted
          ? this.#voted(server, message.term, message.to)
          : this.#termIsDurable(server, message.term);
      case "AppendEntriesResponse":
        if (message.success) this.#holds(server, message.matchIndex);
        return this.#termIsDurable(server, message.term);
      case "InstallSnapshotResponse":
        this.#holds(server, message.matchIndex);
        return this.#termIsDurable(server, message.term);
      case "AppendEntries":
      case "Heartbeat":
      case "HeartbeatResponse":
      case "TimeoutNow":
        return this.#termIsDurable(server, message.term);
      default:
        return undefined;
    }
  }

  #termIsDurable(server: Server, term: number): void {
    must(server.disk.hardState.currentTerm >= term, "a term is shown when it is durable");
  }

  #voted(server: Server, term: number, candidate: string): void {
    const { currentTerm, votedFor } = server.disk.hardState;
    const durable = currentTerm > term || (currentTerm === term && votedFor === candidate);
    must(durable, "a vote is shown when it is durable");
    const key = `${term}/${server.id}`;
    const former = this.#votes.get(key);
    must(former === undefined || former === candidate, "one vote a term (section 5.2)");
    this.#votes.set(key, candidate);
  }

  #holds(server: Server, index: number): void {
    const { disk, state } = server;
    if (index <= disk.snapshot.lastIncluded.index) return;
    must(index <= disk.lastIndex, "what is acknowledged is on disk");
    if (index < state.log.compacted.index) return;
    const { log } = state;
    const term = index === log.compacted.index ? log.compacted.term : server.entryAt(index)?.term;
    must(disk.termAt(index) === term, "what is acknowledged is on disk as it was acknowledged");
  }

  #electionSafety(server: Server): void {
    const { role, currentTerm } = server.state;
    if (role !== "leader") return;
    const former = this.#leaders.get(currentTerm);
    if (former === server.raft) return;
    must(former === undefined, "one leader a term (Election Safety)");
    this.#leaders.set(currentTerm, server.raft);
    this.committed.forEach((entry) => {
      const { compacted } = server.state.log;
      if (entry.index <= compacted.index) return;
      const own = server.entryAt(entry.index);
      must(own?.term === entry.term, "a leader has what was committed (Leader Completeness)");
    });
  }

  /** Two entries of one term and index are the same, and so are those before (Log Matching). */
  #logMatching(server: Server): void {
    const { log } = server.state;
    const seen = this.#logSeen.get(server.raft);
    const last = log.tail.at(-1);
    // Nothing new can be behind an end that has been looked at.
    if (last === undefined || seen?.at(-1) === last) return;
    this.#logSeen.set(server.raft, [last]);
    for (const entry of log.tail) {
      const previous = server.entryAt(entry.index - 1)?.term;
      const { compacted } = log;
      const previousTerm = previous ?? (compacted.index === entry.index - 1 ? compacted.term : -1);
      must(previousTerm >= 0, "every entry follows one that is known");
      const key = `${entry.term}:${entry.index}`;
      const known = this.#entries.get(key);
      const same =
        known === undefined ||
        (known.previousTerm === previousTerm && known.text === textOf(entry));
      must(same, "one entry for one term and index (Log Matching)");
      this.#entries.set(key, { previousTerm, text: textOf(entry) });
    }
  }

  #stateMachineSafety(server: Server): void {
    const { commitIndex, log } = server.state;
    const seen = this.#commitSeen.get(server.raft) ?? 0;
    for (let index = Math.max(seen, log.compacted.index) + 1; index <= commitIndex; index += 1) {
      const entry = server.entryAt(index);
      must(entry !== undefined, "what is committed is there");
      const known = this.committed[index - 1];
      if (known === undefined) this.#commit(entry);
      else
        must(
          known.term === entry.term && textOf(known) === textOf(entry),
          "one entry is committed at an index (State Machine Safety)",
        );
    }
    this.#commitSeen.set(server.raft, commitIndex);
  }

  #commit(entry: Entry): void {
    must(entry.index === this.committed.length + 1, "commitment leaves no hole");
    const holders = this.#servers.filter(
      ({ disk }) =>
        disk.snapshot.lastIncluded.index >= entry.index || disk.termAt(entry.index) === entry.term,
    );
    must(
      holders.length >= majority(this.#servers.length),
      "what is committed is on the disks of a majority",
    );
    this.committed.push(entry);
  }

  #appliedInOrder(server: Server): void {
    const { applied } = server;
    const seen = this.#appliedSeen.get(server.raft);
    const from = seen?.list === applied ? seen.index : 0;
    for (const each of applied.slice(from)) {
      const entry = this.committed[each.index - 1];
      must(
        entry !== undefined && textOf(entry) === each.command,
        "only what is committed is applied",
      );
    }
    this.#appliedSeen.set(server.raft, { index: applied.length, list: applied });
    const last = applied.at(-1)?.index ?? 0;
    must(applied.length === last, "everything before was applied");
  }
}
