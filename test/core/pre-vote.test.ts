/** PreVote, CheckQuorum and stickiness: a server that comes back disturbs nobody, and nobody is stuck (thesis 4.2.3, 6.2, 9.6). */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import { ELECTION_MS, Server } from "./support/server.ts";
import { follower, leader, leaderInAgreement } from "./support/story.ts";

test("rule 18: asking for pre-votes changes neither term nor vote, and writes nothing", () => {
  const a = new Server({ term: 4, vote: "b", log: [2] }).hold("writes").timeOut();

  expect(a.state).toMatchObject({ role: "pre-candidate", currentTerm: 4, votedFor: "b" });
  expect(a.writes).toEqual([]);
  expect(a.sentOf("PreVote")).toMatchObject([
    { to: "b", term: 5, lastLog: { term: 2, index: 1 } },
    { to: "c", term: 5 },
  ]);
});

test("rule 18: a grant carries the proposed term, which nobody adopts; a refusal the voter's own", () => {
  const a = new Server({ term: 4, log: [2] });
  a.receive(from("b", 9).preVote([2, 1])).receive(from("c", 9).preVote([1, 7]));

  expect(a.sentOf("PreVoteResponse")).toMatchObject([
    { to: "b", voteGranted: true, term: 9 },
    { to: "c", voteGranted: false, term: 4 },
  ]);
  expect(a.state).toMatchObject({ currentTerm: 4, votedFor: undefined });
});

test("rule 18: a server may grant pre-votes to many for one term", () => {
  const a = new Server();
  a.receive(from("b", 1).preVote([0, 0])).receive(from("c", 1).preVote([0, 0]));
  expect(a.sentOf("PreVoteResponse").map(({ voteGranted }) => voteGranted)).toEqual([true, true]);
});

test("rule 18: the asker adopts a higher term from a refusal, and none from a grant", () => {
  const a = new Server({ voters: "abcde" }).timeOut();
  a.receive(from("b", 1).preVoteResponse(true));
  expect(a.state).toMatchObject({ role: "pre-candidate", currentTerm: 0 });
  a.receive(from("c", 6).preVoteResponse(false));
  expect(a.state).toMatchObject({ role: "follower", currentTerm: 6 });
});

test("rule 18: only grants for the next term count", () => {
  const a = new Server({ term: 3 }).timeOut();
  a.receive(from("b", 3).preVoteResponse(true)).receive(from("c", 5).preVoteResponse(true));
  expect(a.role).toBe("pre-candidate");
  a.receive(from("c", 4).preVoteResponse(true));
  expect(a.state).toMatchObject({ role: "candidate", currentTerm: 4, votedFor: "a" });
});

test("rule 19: a pre-vote of a lower term is answered with ours", () => {
  const a = new Server({ term: 7 });
  a.receive(from("b", 3).preVote([9, 9]));
  expect(a.sentOf("PreVoteResponse")).toMatchObject([{ voteGranted: false, term: 7 }]);
});

test("rule 19: a cluster whose members are of different terms finds a leader", () => {
  const network = new Network({
    servers: { a: { term: 9, log: [1] }, b: { term: 3, log: [1, 1] }, c: { term: 1, log: [1, 1] } },
  });
  network.isolate("c").advance(6 * ELECTION_MS);
  expect(
    network
      .all()
      .filter(({ role }) => role === "leader")
      .map(({ id }) => id),
  ).toEqual(["b"]);
});

test("rule 20: TimeoutNow skips the pre-vote, and its requests say so", () => {
  const a = follower({ leader: "b", term: 1 });
  a.receive(from("b", 1).timeoutNow());
  expect(a.state).toMatchObject({ role: "candidate", currentTerm: 2 });
  expect(a.sentOf("RequestVote").map((each) => each.leadershipTransfer)).toEqual([true, true]);
});

test("rule 20: a transfer's request gets past stickiness, at followers and at the leader", () => {
  const follows = follower({ leader: "b", term: 1 });
  follows.receive(from("c", 2).requestVote([0, 0], true));
  expect(follows.sentOf("RequestVoteResponse")).toMatchObject([{ voteGranted: true, term: 2 }]);

  const leads = leaderInAgreement();
  leads.receive(from("c", 2).requestVote([1, 1], true));
  expect(leads.sentOf("RequestVoteResponse")).toMatchObject([{ voteGranted: true, term: 2 }]);
});

test("rule 21: a vote that stickiness refuses is dropped before its term is adopted", () => {
  const a = follower({ leader: "b", term: 1 });
  a.receive(from("c", 9).requestVote([9, 9]));
  expect(a.state).toMatchObject({ currentTerm: 1, leader: "b" });
  expect(a.sent()).toEqual([]);
});

test("rule 21: a leader with CheckQuorum is not disturbed by requests for votes", () => {
  const a = leaderInAgreement();
  a.receive(from("c", 9).requestVote([9, 9])).receive(from("c", 9).preVote([9, 9]));
  expect(a.state).toMatchObject({ role: "leader", currentTerm: 1 });
  expect(a.sentOf("PreVoteResponse")).toMatchObject([{ voteGranted: false, term: 1 }]);
});

test("rule 21: stickiness ends with the minimum election time-out", () => {
  const a = follower({ leader: "b", term: 1 });
  a.now += ELECTION_MS - 1;
  a.receive(from("c", 2).preVote([9, 9]));
  expect(a.sentOf("PreVoteResponse")).toMatchObject([{ voteGranted: false }]);
  a.now += 1;
  a.receive(from("c", 2).preVote([9, 9]));
  expect(a.sentOf("PreVoteResponse")).toMatchObject([{ voteGranted: true }]);
  a.receive(from("c", 2).requestVote([9, 9]));
  expect(a.sentOf("RequestVoteResponse")).toMatchObject([{ voteGranted: true, term: 2 }]);
});

test("rule 21: without CheckQuorum there is no stickiness either", () => {
  const a = follower({ leader: "b", term: 1, options: { checkQuorum: false } });
  a.receive(from("c", 2).requestVote([0, 0]));
  expect(a.sentOf("RequestVoteResponse")).toMatchObject([{ voteGranted: true }]);
});

test("rule 21: without CheckQuorum a leader stays, however lonely", () => {
  const a = leader({ options: { checkQuorum: false } });
  expect(a.advance(10 * ELECTION_MS).role).toBe("leader");
});

test("rule 21: the very leader that is followed may ask", () => {
  const a = follower({ leader: "b", term: 1 });
  a.receive(from("b", 2).preVote([0, 0]));
  expect(a.sentOf("PreVoteResponse")).toMatchObject([{ voteGranted: true }]);
  a.receive(from("b", 2).requestVote([0, 0]));
  expect(a.sentOf("RequestVoteResponse")).toMatchObject([{ voteGranted: true }]);
});

test("rule 21: in a partial partition one side does not depose the leader that a quorum hears", () => {
  // c hears from b and not from the leader a.
  const network = new Network().elect("a");
  network.drops = ({ from: sender, to }) => `${sender}${to}` === "ac" || `${sender}${to}` === "ca";
  network.advance(20 * ELECTION_MS);
  expect(network.server("a").role).toBe("leader");
  expect(network.server("b").state.currentTerm).toBe(1);
});

test("rule 21: a partial partition that cuts the leader off from a quorum is survived", () => {
  // Of five, a hears only b; c, d and e hear each other and b.
  const network = new Network({ voters: "abcde" }).elect("a");
  network.drops = ({ from: sender, to }) =>
    (sender === "a" && to !== "b") || (to === "a" && sender !== "b");
  network.advance(20 * ELECTION_MS);
  const leaders = network.all().filter(({ role }) => role === "leader");
  expect(leaders.map(({ id }) => id)).toHaveLength(1);
  expect(leaders[0]?.id).not.toBe("a");
});

test.each([
  ["AppendEntries", from("b", 2).append(), "AppendEntriesResponse"],
  ["Heartbeat", from("b", 2).heartbeat(), "HeartbeatResponse"],
  [
    "InstallSnapshot",
    from("b", 2).install({
      id: "s",
      lastIncluded: { term: 1, index: 1 },
      time: 0,
      configuration: { index: 0, configuration: { voters: [], votersOutgoing: [], learners: [] } },
    }),
    "InstallSnapshotResponse",
  ],
  ["RequestVote", from("b", 2).requestVote([9, 9]), "RequestVoteResponse"],
] as const)("rule 22: a %s of a lower term is answered with ours", (_, message, type) => {
  const a = new Server({ term: 5 });
  a.receive(message);
  expect(a.sent()).toMatchObject([{ type, to: "b", term: 5 }]);
});

test("rule 37: what is answered to a former term says nothing that a leader of ours would take for its own", () => {
  const a = new Server({ term: 5 });
  a.receive(from("b", 2).heartbeat(0, 7)).receive(from("b", 2).append({ prev: [2, 9] }));
  const answers = a.sent();
  expect(answers).toMatchObject([{ round: 0 }, { success: false, prevLogIndex: 0 }]);

  // It leads in that very term when it hears them.
  const b = leader({ id: "b", snapshot: { term: 2, index: 8 }, log: [2], term: 4 });
  expect(b.state.currentTerm).toBe(5);
  for (const answer of answers) b.receive(answer);
  expect(b.raft.status().peers).toMatchObject([{ mode: "probe", nextIndex: 10 }, {}]);
  expect(b.sendSnapshots).toEqual([]);
});

test.each([
  ["a vote", from("b", 2).vote()],
  ["an acknowledgement", from("b", 2).agrees(1)],
  ["a heartbeat's answer", from("b", 2).heartbeatResponse()],
  ["TimeoutNow", from("b", 2).timeoutNow()],
  ["a refused pre-vote", from("b", 2).preVoteResponse(false)],
] as const)("what is late is dropped: %s of a lower term", (_, message) => {
  const a = new Server({ term: 5 });
  expect(a.receive(message).sent()).toEqual([]);
});

test("rule 22: a server that is alone in a higher term is freed", () => {
  // c's term has gone up while it was cut off; it is behind, so it cannot win.
  const network = new Network({ servers: { c: { term: 8 } } });
  network.isolate("c").elect("a");
  network.server("a").propose("x");
  network.settle().heal();
  network.advance(10 * ELECTION_MS);

  expect(network.all().map(({ state }) => state.lastApplied > 1)).toEqual([true, true, true]);
  expect(network.server("c").role).not.toBe("leader");
});

test("a server that was cut off comes back without a new election (thesis 9.6)", () => {
  const network = new Network()
    .elect("a")
    .isolate("c")
    .advance(10 * ELECTION_MS);
  const { currentTerm } = network.server("a").state;
  network.heal().advance(5 * ELECTION_MS);
  expect(network.server("a").state).toMatchObject({ role: "leader", currentTerm });
});

test("rule 23: answers since the last check count, not those before it", () => {
  const a = leaderInAgreement();
  a.receive(from("b", 1).heartbeatResponse()).receive(from("c", 1).heartbeatResponse());
  // The first check finds both, and forgets them.
  a.advance(ELECTION_MS);
  expect(a.role).toBe("leader");
  a.advance(ELECTION_MS);
  expect(a.role).toBe("follower");
});

test("rule 23: every answer counts as a sign of life", () => {
  for (const answer of [
    from("b", 1).heartbeatResponse(),
    from("b", 1).agrees(0),
    from("b", 1).refuses(1, [0, 0]),
    from("b", 1).installed(0),
  ]) {
    const a = leader().advance(ELECTION_MS);
    expect(a.role).toBe("leader");
    a.receive(answer).advance(ELECTION_MS);
    expect(a.role).toBe("leader");
  }
});

test("rule 23: a new leader is not deposed by the first check, before anybody could answer", () => {
  expect(leader().advance(ELECTION_MS).role).toBe("leader");
});

test("rule 23: learners do not make a quorum", () => {
  const a = leaderInAgreement({ voters: "abc", learners: "xyz" }).advance(ELECTION_MS);
  for (const id of ["x", "y", "z"]) a.receive(from(id, 1).heartbeatResponse());
  expect(a.advance(ELECTION_MS).role).toBe("follower");
});

test("rules 23 and 39: in a joint configuration both majorities have to be heard", () => {
  const a = leaderInAgreement({ voters: "abc", outgoing: "ade" }).advance(ELECTION_MS);
  a.receive(from("b", 1).heartbeatResponse()).receive(from("c", 1).heartbeatResponse());
  expect(a.advance(ELECTION_MS).role).toBe("follower");
});
