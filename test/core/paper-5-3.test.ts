/** Sentences of the extended Raft paper as tests: section 5.3 (log replication), with figure 7. */

import { expect, test } from "vitest";
import type { Term } from "../../src/core/types.ts";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { leader, leaderInAgreement } from "./support/story.ts";

function terms(server: Server): (Term | undefined)[] {
  return Array.from({ length: server.lastIndex }, (_, at) => server.entryAt(at + 1)?.term);
}

test("5.3: the leader appends the command to its log, then issues AppendEntries in parallel to each other server", () => {
  const a = leaderInAgreement().propose("x");
  expect(a.state.log.tail.at(-1)).toMatchObject({ index: 2, term: 1 });
  const details = { prevLog: { term: 1, index: 1 }, leaderCommit: 1, entries: [{ index: 2 }] };
  expect(a.sent()).toMatchObject([
    { type: "AppendEntries", to: "b", ...details },
    { type: "AppendEntries", to: "c", ...details },
  ]);
});

test("5.3: when the entry has been safely replicated, the leader applies it to its state machine", () => {
  const a = leaderInAgreement().propose("x");
  expect(a.applied.at(-1)?.command).toBe("");
  a.receive(from("b", 1).agrees(2));
  expect(a.applied.at(-1)?.command).toBe("x");
});

test("5.3: if followers run slowly or packets are lost, the leader retries indefinitely", () => {
  const network = new Network({ options: { checkQuorum: false } }).elect("a").isolate("c");
  network.server("a").propose("x");
  for (let round = 0; round < 50; round += 1) network.beat("a");
  network.heal().beat("a").beat("a");
  expect(network.server("c").applied.at(-1)?.command).toBe("x");
});

test("5.3: a log entry is committed once the leader that created it has replicated it on a majority", () => {
  const a = leaderInAgreement({ voters: "abcde" }).propose("x");
  a.receive(from("b", 1).agrees(2));
  expect(a.state.commitIndex).toBe(1);
  a.receive(from("c", 1).agrees(2));
  expect(a.state.commitIndex).toBe(2);
});

test("5.3: this also commits all preceding entries, including those of previous leaders", () => {
  const a = leader({ log: [1, 1, 2], term: 2 });
  a.receive(from("b", 3).agrees(4));
  expect(a.state.commitIndex).toBe(4);
  expect(a.applied.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
});

test("5.3: the leader includes the highest index it knows to be committed, so that the others find out", () => {
  const network = new Network().elect("a");
  network.server("a").propose("x");
  network.settle();
  network.server("a").propose("y");
  network.settle();
  // The append of y has carried the commitment of x.
  expect(network.server("b").state.commitIndex).toBeGreaterThanOrEqual(2);
});

test("5.3: once a follower learns that a log entry is committed, it applies it, in log order", () => {
  const a = new Server({ term: 1 });
  a.receive(from("b", 1).append({ terms: [1, 1, 1], commit: 0 }));
  expect(a.applied).toEqual([]);
  a.receive(from("b", 1).append({ prev: [1, 3], commit: 2 }));
  expect(a.applied.map(({ command }) => command)).toEqual(["1:1", "1:2"]);
});

test("5.3: if two entries in different logs have the same index and term, the logs are identical up to there", () => {
  const network = new Network().elect("a");
  for (const text of ["x", "y", "z"]) network.server("a").propose(text);
  network.settle();
  const [a, b, c] = network.all().map((server) => server.disk.entries);
  expect(b).toEqual(a);
  expect(c).toEqual(a);
});

test("5.3: if the follower does not find an entry with the same index and term, it refuses the new entries", () => {
  for (const prev of [
    [1, 3],
    [2, 2],
    [1, 1],
  ] as const) {
    const a = new Server({ log: [3, 3], term: 3 });
    a.receive(from("b", 3).append({ prev, terms: [3] }));
    expect(a.sent()).toMatchObject([{ success: false, prevLogIndex: prev[1] }]);
    expect(terms(a)).toEqual([3, 3]);
  }
});

test("5.3: when a leader first comes to power, it initializes all nextIndex values to just after the last of its log", () => {
  const a = leader({ log: [1, 1, 2], term: 2 });
  // The blank entry of its own term is the first that it has to send.
  expect(a.raft.status().peers).toMatchObject([
    { id: "b", nextIndex: 4, matchIndex: 0 },
    { id: "c", nextIndex: 4, matchIndex: 0 },
  ]);
});

test("5.3: after a rejection, the leader decrements nextIndex and retries", () => {
  const a = leader({ log: [1, 1, 2], term: 2 });
  a.receive(from("b", 3).refuses(3, [1, 2]));
  expect(a.sentOf("AppendEntries")).toMatchObject([{ to: "b", prevLog: { term: 1, index: 2 } }]);
});

test("5.3: a leader never overwrites or deletes entries in its own log (Leader Append-Only)", () => {
  const network = new Network({
    servers: { a: { log: [1, 1, 4] }, b: { log: [1, 2, 2, 2] }, c: { log: [1] } },
  });
  network.elect("a");
  expect(terms(network.server("a")).slice(0, 3)).toEqual([1, 1, 4]);
  expect(terms(network.server("b"))).toEqual(terms(network.server("a")));
});

test("5.3: entries that a leader asks for are appended once, however often they come", () => {
  const a = new Server({ term: 1 });
  const append = from("b", 1).append({ terms: [1, 1], commit: 2 });
  a.receive(append).receive(append).receive(append);
  expect(a.applied.map(({ index }) => index)).toEqual([1, 2]);
  expect(a.lastIndex).toBe(2);
});

/** Figure 7: the leader of term 8 has 1 1 1 4 4 5 5 6 6 6. */
const FIGURE_7: readonly [string, string, readonly Term[]][] = [
  ["a", "one entry is missing", [1, 1, 1, 4, 4, 5, 5, 6, 6]],
  ["b", "many are missing", [1, 1, 1, 4]],
  ["c", "there is one too many", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
  ["d", "there are two of an unknown term", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
  ["e", "some are missing and some are extra", [1, 1, 1, 4, 4, 4, 4]],
  ["f", "a leader of terms 2 and 3 has crashed twice", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
];
const LEADER_7: readonly Term[] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

test.each(FIGURE_7)("figure 7 (%s): %s, and the leader brings it into agreement", (_, __, log) => {
  const network = new Network({
    voters: "lxy",
    servers: {
      l: { log: LEADER_7, term: 7 },
      x: { log, term: 7 },
      // A second follower with the leader's own log makes the majority.
      y: { log: LEADER_7, term: 7 },
    },
  });
  network.isolate("x").elect("l").heal();
  for (let round = 0; round < 4; round += 1) network.beat("l");
  const term = network.server("l").state.currentTerm;
  expect(terms(network.server("x"))).toEqual([...LEADER_7, term]);
  expect(network.server("x").applied).toEqual(network.server("l").applied);
});

test("figure 7: all six at once, and each can elect the leader but those whose logs are ahead", () => {
  const servers = Object.fromEntries(FIGURE_7.map(([id, , log]) => [id, { log, term: 7 }]));
  const network = new Network({
    voters: "abcdefl",
    servers: { ...servers, l: { log: LEADER_7, term: 7 } },
  });
  network.elect("l");
  for (let round = 0; round < 4; round += 1) network.beat("l");
  const agreed = terms(network.server("l"));
  for (const server of network.all()) expect(terms(server)).toEqual(agreed);
  for (const server of network.all()) expect(server.state.commitIndex).toBe(agreed.length);
});

test("figure 7: c and d are more up-to-date than the leader, and would not vote for it", () => {
  for (const [id, , log] of FIGURE_7) {
    const server = new Server({ log, term: 7 }).receive(from("l", 8).requestVote([6, 10]));
    const [answer] = server.sentOf("RequestVoteResponse");
    expect(answer?.voteGranted).toBe(!["c", "d"].includes(id));
  }
});
