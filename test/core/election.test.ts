/** Elections: who stands, who votes for whom, and when the timer starts anew (sections 5.1, 5.2 and 5.4.1). */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from, snapshotAt } from "./support/say.ts";
import { ELECTION_MS, Server } from "./support/server.ts";
import { candidate, follower, leader, leaderInAgreement } from "./support/story.ts";
import { configuration, configurationEntry } from "./support/world.ts";

/** Whether `server` has granted its vote in what it has said since. */
function granted(server: Server): boolean | undefined {
  return server.sentOf("RequestVoteResponse").at(-1)?.voteGranted;
}

test.each([
  ["a higher last term, shorter", [3, 1], true],
  ["the same last term, longer", [2, 4], true],
  ["the same", [2, 3], true],
  ["the same last term, shorter", [2, 2], false],
  ["a lower last term, longer", [1, 9], false],
] as const)("rule 8: a candidate's log with %s decides (5.4.1)", (_, last, expected) => {
  const a = new Server({ log: [1, 1, 2], term: 3 });
  a.receive(from("b", 4).requestVote(last));

  expect(granted(a)).toBe(expected);
});

test("rule 8: the log is compared with the snapshot's place where all else is compacted", () => {
  const a = new Server({ snapshot: { term: 2, index: 7 } });
  expect(granted(a.receive(from("b", 3).requestVote([2, 6])))).toBe(false);
  expect(granted(a.receive(from("b", 4).requestVote([2, 7])))).toBe(true);
});

test("rule 8: a commit index makes no difference to a vote", () => {
  const a = new Server({ log: [1, 1, 1], commit: 3, term: 1 });
  expect(granted(a.receive(from("b", 2).requestVote([1, 3])))).toBe(true);
});

test("rule 9: one voter's votes count once, however often they arrive", () => {
  const a = candidate({ voters: "abcde" });
  for (let count = 0; count < 5; count += 1) a.receive(from("b", 1).vote());
  expect(a.role).toBe("candidate");
  expect(a.receive(from("c", 1).vote()).role).toBe("leader");
});

test("rule 9: votes of learners and of strangers do not count", () => {
  const a = candidate({ voters: "abcde", learners: "xy" });
  for (const id of ["x", "y", "z"]) a.receive(from(id, 1).vote());
  expect(a.role).toBe("candidate");
});

test("rule 9: a granted pre-vote is no vote", () => {
  const a = candidate();
  a.receive(from("b", 1).preVoteResponse(true)).receive(from("b", 2).preVoteResponse(true));
  expect(a.state).toMatchObject({ role: "candidate", currentTerm: 1 });
});

test("rule 9: a vote is no granted pre-vote", () => {
  const a = new Server({ term: 1 }).timeOut();
  a.receive(from("b", 1).vote());
  expect(a.role).toBe("pre-candidate");
});

test("rule 9: a vote of an earlier term does not count", () => {
  const a = candidate();
  a.timeOut();
  expect(a.state.currentTerm).toBe(2);
  expect(a.receive(from("b", 1).vote()).role).toBe("candidate");
  expect(a.receive(from("b", 2).vote()).role).toBe("leader");
});

test("rule 9: votes of one campaign are gone in the next", () => {
  const a = candidate({ voters: "abcde" });
  a.receive(from("b", 1).vote());
  a.timeOut();
  expect(a.receive(from("c", 2).vote()).role).toBe("candidate");
});

test("rule 10: a refusal is no vote", () => {
  const a = candidate();
  a.receive(from("b", 1).vote(false)).receive(from("c", 1).vote(false));
  expect(a.role).toBe("candidate");
});

test("rule 10: a refusal of a higher term ends the candidacy", () => {
  const a = candidate().receive(from("b", 4).vote(false));
  expect(a.state).toMatchObject({ role: "follower", currentTerm: 4, votedFor: undefined });
});

test("rule 11: a candidate that gives way in its own term keeps its vote", () => {
  const a = candidate().receive(from("b", 1).heartbeat());
  expect(a.state).toMatchObject({ role: "follower", votedFor: "a" });
  expect(granted(a.receive(from("c", 1).requestVote([9, 9])))).toBe(false);
});

test("rule 11: a leader that steps down in its term keeps its vote", () => {
  const a = leader().advance(3 * ELECTION_MS - 1);
  expect(a.state.currentTerm).toBe(1);
  expect(a.state.votedFor).toBe("a");
  expect(a.role).not.toBe("leader");
});

test("rule 11: a pre-vote, asked or answered, leaves the vote alone", () => {
  const a = new Server({ term: 3, vote: "b" });
  a.receive(from("c", 4).preVote([9, 9]));
  expect(a.state).toMatchObject({ currentTerm: 3, votedFor: "b" });
  a.timeOut();
  expect(a.state).toMatchObject({ role: "pre-candidate", currentTerm: 3, votedFor: "b" });
});

test("rule 12: who has our vote gets it again, as often as it asks", () => {
  const a = new Server();
  for (let count = 0; count < 3; count += 1) {
    expect(granted(a.receive(from("b", 2).requestVote([0, 0])))).toBe(true);
  }
  expect(granted(a.receive(from("c", 2).requestVote([0, 0])))).toBe(false);
});

test("rule 12: a vote is remembered over a restart", () => {
  const a = new Server().receive(from("b", 2).requestVote([0, 0]));
  a.restart();
  expect(granted(a.receive(from("c", 2).requestVote([9, 9])))).toBe(false);
  expect(granted(a.receive(from("b", 2).requestVote([0, 0])))).toBe(true);
});

test("rule 13: a leader votes for nobody in its own term", () => {
  const a = leader();
  expect(granted(a.receive(from("c", 1).requestVote([9, 9])))).toBe(false);
  expect(a.role).toBe("leader");
});

test("rule 13: a second leader in one term is a reason to stop", () => {
  const a = leader();
  expect(() => a.receive(from("c", 1).heartbeat())).toThrow("one leader a term");
});

test("rule 13: two leaders for one follower in one term are a reason to stop", () => {
  const a = follower({ leader: "b", term: 2 });
  expect(() => a.receive(from("c", 2).heartbeat())).toThrow("one leader a term");
});

test("rule 14: each campaign waits a new random time, from the minimum to twice the minimum", () => {
  const a = new Server();
  const waits = new Set<number>();
  for (let count = 0; count < 50; count += 1) {
    const wait = a.raft.deadline - a.now;
    expect(wait).toBeGreaterThanOrEqual(ELECTION_MS);
    expect(wait).toBeLessThan(2 * ELECTION_MS);
    waits.add(wait);
    a.timeOut();
  }
  expect(waits.size).toBeGreaterThan(40);
});

test("rule 14: members with different seeds wait differently", () => {
  const deadlines = Array.from({ length: 20 }, (_, seed) => new Server({ options: { seed } }));
  expect(new Set(deadlines.map(({ raft }) => raft.deadline)).size).toBe(20);
});

test.each([
  ["a granted vote", from("b", 2).requestVote([1, 1]), true],
  ["a heartbeat of the leader", from("b", 1).heartbeat(), true],
  ["an append of the leader", from("b", 1).append({ prev: [1, 1] }), true],
  ["an append that is refused", from("b", 1).append({ prev: [1, 9] }), true],
  ["a snapshot of the leader", from("b", 1).install(snapshotAt([1, 5])), true],
  ["a refused vote", from("b", 2).requestVote([0, 0]), false],
  ["a granted pre-vote", from("b", 2).preVote([1, 1]), false],
  ["a refused pre-vote", from("b", 2).preVote([0, 0]), false],
  ["a heartbeat of an old leader", from("b", 0).heartbeat(), false],
  ["a higher term in an answer", from("b", 7).heartbeatResponse(), false],
] as const)("rule 15: the timer and %s", (_, message, resets) => {
  const a = new Server({ log: [1], term: 1 });
  const before = a.raft.deadline;
  a.now += 50;
  a.receive(message);
  expect(a.raft.deadline !== before).toBe(resets);
  expect(a.raft.deadline).toBeGreaterThanOrEqual(resets ? a.now + ELECTION_MS : before);
});

test("rule 15: a leader that steps down waits a whole election time-out", () => {
  const a = leader();
  a.now += 50;
  a.receive(from("b", 5).heartbeatResponse());
  expect(a.role).toBe("follower");
  expect(a.raft.deadline).toBeGreaterThanOrEqual(a.now + ELECTION_MS);
  expect(a.raft.deadline).toBeLessThan(a.now + 2 * ELECTION_MS);
});

test("rule 15: a candidate's timer runs from its own campaign", () => {
  const a = new Server({ options: { preVote: false } }).timeOut();
  expect(a.raft.deadline).toBeGreaterThanOrEqual(a.now + ELECTION_MS);
});

test("rule 16: a learner does not stand for election", () => {
  const a = new Server({ voters: "bc", learners: "a" });
  expect(a.advance(10 * ELECTION_MS).role).toBe("follower");
  expect(a.sent()).toEqual([]);
});

test("rule 16: a server whose removal is committed does not stand for election", () => {
  const removal = configurationEntry({ term: 1, index: 1 }, configuration("bcd"));
  const a = new Server({ voters: "abc", log: [removal], commit: 1 });
  expect(a.timeOut().role).toBe("follower");
});

test("rule 16: one that is missing only from an uncommitted configuration may have to stand (thesis 4.2.2)", () => {
  const removal = configurationEntry({ term: 1, index: 1 }, configuration("bcd"));
  const a = new Server({ voters: "abc", log: [removal], options: { preVote: false } });
  a.timeOut();
  expect(a.role).toBe("candidate");
  // It needs those that the new configuration names, and does not count itself.
  expect(a.sentOf("RequestVote").map(({ to }) => to)).toEqual(["b", "c", "d"]);
  expect(a.receive(from("b", 2).vote()).role).toBe("candidate");
  expect(a.receive(from("c", 2).vote()).role).toBe("leader");
});

test("rule 16: while a snapshot is on its way to the disk nobody stands for election", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1] })).receive(from("b", 1).install(snapshotAt([1, 5])));
  // The disk is not stuck: it has just begun to write the switch.
  a.now = a.raft.deadline - 1;
  a.finishWrite().timeOut();
  expect(a.writes).toMatchObject([{ snapshot: { lastIncluded: { index: 5 } } }]);
  expect(a.role).toBe("follower");
  a.finishWrite().timeOut();
  expect(a.role).toBe("pre-candidate");
});

test("rule 17: a learner that is asked votes: it may be a voter without knowing", () => {
  const a = new Server({ voters: "bc", learners: "a" });
  expect(granted(a.receive(from("b", 1).requestVote([0, 0])))).toBe(true);
});

test("rule 17: a learner that is asked for a pre-vote answers", () => {
  const a = new Server({ voters: "bc", learners: "a" });
  a.receive(from("b", 1).preVote([0, 0]));
  expect(a.sentOf("PreVoteResponse")).toMatchObject([{ voteGranted: true }]);
});

test("everybody that campaigns asks the voters, and nobody else", () => {
  const a = candidate({ voters: "abcd", learners: "x" });
  a.timeOut();
  expect(a.sentOf("RequestVote").map(({ to }) => to)).toEqual(["b", "c", "d"]);
});

test("a follower that hears from its leader often enough never campaigns", () => {
  const network = new Network().elect("a").advance(50 * ELECTION_MS);
  expect(network.server("a").role).toBe("leader");
  expect(new Set(network.all().map(({ state }) => state.currentTerm)).size).toBe(1);
});

test("rule 23: a leader that hears from a quorum stays, from nobody steps down", () => {
  const a = leaderInAgreement({ voters: "abcde" });
  for (let passed = 0; passed < 3 * ELECTION_MS; passed += 10) {
    a.advance(10);
    for (const id of ["b", "c"]) a.receive(from(id, 1).heartbeatResponse());
  }
  expect(a.role).toBe("leader");
  for (let passed = 0; passed < 3 * ELECTION_MS && a.role === "leader"; passed += 10) {
    a.advance(10);
    a.receive(from("b", 1).heartbeatResponse());
  }
  expect(a.role).not.toBe("leader");
});
