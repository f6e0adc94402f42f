/** Any two logs that may meet are brought into agreement, in few rounds (end of section 5.3; rule 32). */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { lastEntryId } from "../../src/core/log.ts";
import type { Message } from "../../src/core/message.ts";
import type { Term } from "../../src/core/types.ts";
import { must } from "../../sim/explore/disk.ts";
import { Server } from "./support/server.ts";
import { leader } from "./support/story.ts";
import { entries } from "./support/world.ts";

interface Meeting {
  readonly leaderLog: readonly Term[];
  readonly followerLog: readonly Term[];
  /** How much of each is in its snapshot, and how much of that is compacted. */
  readonly leaderSnapshot: number;
  readonly leaderCompacted: number;
  readonly followerSnapshot: number;
}

const ascending = (terms: number[]): number[] => terms.toSorted((a, b) => a - b);

/** Two logs that agree in a prefix, and never have one term at one index behind it: what Log Matching allows. */
const meetings: fc.Arbitrary<Meeting> = fc
  .record({
    common: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 }),
    // Whose term is odd has been the leader's, whose is even the follower's: terms have one leader.
    leaderRest: fc.array(fc.integer({ min: 2, max: 6 }), { maxLength: 10 }),
    followerRest: fc.array(fc.integer({ min: 2, max: 6 }), { maxLength: 10 }),
    leaderSnapshot: fc.nat(8),
    leaderCompacted: fc.nat(8),
    followerSnapshot: fc.nat(8),
  })
  .map(({ common, leaderRest, followerRest, ...parts }) => {
    const shared = ascending(common);
    const leaderSnapshot = Math.min(parts.leaderSnapshot, shared.length);
    return {
      leaderLog: [...shared, ...ascending(leaderRest.map((term) => 2 * term + 1))],
      followerLog: [...shared, ...ascending(followerRest.map((term) => 2 * term))],
      leaderSnapshot,
      leaderCompacted: Math.min(parts.leaderCompacted, leaderSnapshot),
      followerSnapshot: Math.min(parts.followerSnapshot, shared.length),
    };
  });

const TERM = 20;

function servers(meeting: Meeting): { readonly a: Server; readonly b: Server } {
  const snapshots = new Map();
  const part = (log: readonly Term[], id: string, snapshot: number, compacted: number): Server => {
    const setup = {
      id,
      snapshots,
      options: { checkQuorum: false },
      term: TERM,
      snapshot: { index: snapshot, term: log[snapshot - 1] ?? 0 },
      compacted: { index: compacted, term: log[compacted - 1] ?? 0 },
      log: entries(compacted + 1, log.slice(compacted)),
    };
    return id === "a" ? leader(setup) : new Server(setup);
  };
  const { leaderLog, followerLog, leaderSnapshot, leaderCompacted, followerSnapshot } = meeting;
  return {
    a: part(leaderLog, "a", leaderSnapshot, leaderCompacted),
    b: part(followerLog, "b", followerSnapshot, followerSnapshot),
  };
}

function matchOf(a: Server): number {
  return a.raft.status().peers.find(({ id }) => id === "b")?.matchIndex ?? 0;
}

/** Everything that is said between the two until the leader knows that they agree; how often `b` has refused. */
function converse(a: Server, b: Server, mangle: (messages: Message[]) => Message[]): number {
  let refusals = 0;
  let queue: Message[] = [];
  for (let count = 0; matchOf(a) < a.lastIndex; count += 1) {
    must(count < 1000, "the two agree at last");
    for (const { peer, term, snapshot } of a.sendSnapshots.splice(0)) {
      if (peer !== "b") continue;
      queue.push({ type: "InstallSnapshot", from: "a", to: "b", term, snapshot });
      a.step({ type: "snapshotSent", peer, id: snapshot.id, delivered: true });
    }
    queue.push(...a.sent(), ...b.sent());
    queue = mangle(queue.filter(({ to }) => to !== "c"));
    const message = queue.shift();
    if (message === undefined) {
      // A heartbeat's answer finds out what was lost.
      a.advance(a.options.heartbeatIntervalMs);
      continue;
    }
    if (message.type === "AppendEntriesResponse" && !message.success) refusals += 1;
    (message.to === "a" ? a : b).receive(message);
  }
  return refusals;
}

function expectAgreement(a: Server, b: Server): void {
  expect(lastEntryId(b.state.log)).toEqual(lastEntryId(a.state.log));
  const from = Math.max(a.state.log.compacted.index, b.state.log.compacted.index) + 1;
  for (let index = from; index <= a.lastIndex; index += 1) {
    expect(b.entryAt(index)?.term).toBe(a.entryAt(index)?.term);
  }
}

test("rule 32: a leader and a follower agree after no more refusals than there are terms", () => {
  fc.assert(
    fc.property(meetings, (meeting) => {
      const { a, b } = servers(meeting);
      const refusals = converse(a, b, (messages) => messages);
      expectAgreement(a, b);
      const terms = new Set([...meeting.leaderLog, ...meeting.followerLog]).size;
      expect(refusals).toBeLessThanOrEqual(terms + 1);
    }),
    { numRuns: 500 },
  );
});

test("rule 32: they agree also where messages are doubled and reordered, without a live-lock", () => {
  expect.hasAssertions();
  fc.assert(
    fc.property(meetings, fc.infiniteStream(fc.nat(100)), (meeting, choices) => {
      const { a, b } = servers(meeting);
      const choose = (): number => choices.next().value ?? 0;
      let budget = 60;
      converse(a, b, (messages) => {
        const [first, ...rest] = messages;
        if (first === undefined || budget === 0) return messages;
        budget -= 1;
        const choice = choose();
        if (choice < 20) return [first, first, ...rest];
        if (choice < 40) return [...rest, first];
        if (choice < 50) return rest;
        return messages;
      });
      expectAgreement(a, b);
    }),
    { numRuns: 500 },
  );
});
