/** Sentences of the extended Raft paper as tests: sections 5.1 (basics) and 5.2 (leader election). */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import { ELECTION_MS, HEARTBEAT_MS, Server } from "./support/server.ts";
import { candidate, follower, leader, leaderInAgreement } from "./support/story.ts";

test("5.1: current terms are exchanged whenever servers communicate; the smaller takes the larger", () => {
  for (const message of [
    from("b", 7).heartbeat(),
    from("b", 7).append(),
    from("b", 7).requestVote([0, 0]),
    from("b", 7).vote(false),
    from("b", 7).agrees(0),
    from("b", 7).heartbeatResponse(),
    from("b", 7).installed(0),
    from("b", 7).preVoteResponse(false),
  ]) {
    expect(new Server({ term: 2 }).receive(message).state.currentTerm).toBe(7);
  }
});

test("5.1: if a candidate or leader discovers that its term is out of date, it reverts to follower", () => {
  expect(candidate().receive(from("b", 7).heartbeatResponse()).role).toBe("follower");
  expect(leader().receive(from("b", 7).heartbeatResponse()).role).toBe("follower");
});

test("5.1: if a server receives a request with a stale term number, it rejects the request", () => {
  const a = new Server({ term: 5, log: [1] });
  a.receive(from("b", 4).append({ prev: [1, 1], terms: [4] }));
  expect(a.sent()).toMatchObject([{ type: "AppendEntriesResponse", success: false, term: 5 }]);
  expect(a.lastIndex).toBe(1);
  expect(a.state.leader).toBeUndefined();
});

test("5.1: servers start up as followers", () => {
  expect(new Server().role).toBe("follower");
  expect(leader().restart().role).toBe("follower");
});

test("5.2: leaders send periodic heartbeats to all followers in order to maintain their authority", () => {
  const a = leaderInAgreement();
  for (let count = 0; count < 5; count += 1) {
    a.advance(HEARTBEAT_MS);
    for (const id of ["b", "c"]) a.receive(from(id, 1).heartbeatResponse());
    expect(a.sentOf("Heartbeat").map(({ to }) => to)).toEqual(["b", "c"]);
  }
});

test("5.2: a new leader announces itself to everybody at once", () => {
  const a = candidate().receive(from("b", 1).vote());
  expect(a.raft.deadline).toBe(a.now);
  a.step({ type: "tick" });
  const sent = a.sent();
  for (const to of ["b", "c"]) {
    expect(sent).toContainEqual(expect.objectContaining({ type: "AppendEntries", to }));
    expect(sent).toContainEqual(expect.objectContaining({ type: "Heartbeat", to }));
  }
});

test("5.2: a follower that receives no communication over the election timeout begins an election", () => {
  const a = follower({ leader: "b", term: 1, options: { preVote: false } });
  a.now = a.raft.deadline - 1;
  expect(a.step({ type: "tick" }).role).toBe("follower");
  expect(a.timeOut().role).toBe("candidate");
});

test("5.2: to begin an election, a follower increments its current term, votes for itself and asks all others", () => {
  const a = new Server({ term: 3, log: [2, 3], options: { preVote: false } }).timeOut();
  expect(a.state).toMatchObject({ role: "candidate", currentTerm: 4, votedFor: "a" });
  const lastLog = { term: 3, index: 2 };
  expect(a.sent()).toMatchObject([
    { type: "RequestVote", to: "b", term: 4, lastLog },
    { type: "RequestVote", to: "c", term: 4, lastLog },
  ]);
});

test.each([
  ["a", 1],
  ["abc", 2],
  ["abcd", 3],
  ["abcde", 3],
])(
  "5.2: of %s a candidate wins with %d votes from the full cluster for the same term",
  (voters, needed) => {
    const a = voters === "a" ? leader({ voters }) : candidate({ voters });
    const others = voters.slice(1).split("");
    for (const id of others.slice(0, needed - 2)) a.receive(from(id, 1).vote());
    expect(a.role).toBe(needed === 1 ? "leader" : "candidate");
    const last = others[needed - 2];
    if (last !== undefined) a.receive(from(last, 1).vote());
    expect(a.role).toBe("leader");
  },
);

test("5.2: each server will vote for at most one candidate in a given term, first come first served", () => {
  const a = new Server();
  a.receive(from("b", 1).requestVote([0, 0])).receive(from("c", 1).requestVote([9, 9]));
  expect(a.sentOf("RequestVoteResponse").map(({ to, voteGranted }) => [to, voteGranted])).toEqual([
    ["b", true],
    ["c", false],
  ]);
});

test("5.2: a candidate that hears from a leader whose term is at least as large returns to follower state", () => {
  for (const term of [1, 2]) {
    const a = candidate().receive(from("b", term).append());
    expect(a.state).toMatchObject({ role: "follower", leader: "b", currentTerm: term });
  }
});

test("5.2: if the term is smaller than its own, the candidate rejects the RPC and continues", () => {
  const a = candidate({ term: 4 }).receive(from("b", 3).append());
  expect(a.role).toBe("candidate");
  expect(a.sent()).toMatchObject([{ success: false, term: 5 }]);
});

test("5.2: with votes split no candidate wins; each times out and starts a new election in a higher term", () => {
  const network = new Network({ voters: "abcd", options: { preVote: false, checkQuorum: false } });
  const [a, b] = [network.server("a"), network.server("b")];
  a.timeOut();
  b.timeOut();
  network.collect();
  // c hears a first, and d hears b.
  network.inFlight = network.inFlight.filter(({ from: sender, to }) =>
    ["ac", "bd"].includes(sender + to),
  );
  network.settle();
  expect(network.all().filter(({ role }) => role === "leader")).toEqual([]);
  expect([a.state.currentTerm, b.state.currentTerm]).toEqual([1, 1]);
  a.timeOut();
  network.settle();
  expect(a.state).toMatchObject({ role: "leader", currentTerm: 2 });
});

test("5.2: randomized election timeouts resolve split votes quickly", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const voters = "abcde";
    const servers = Object.fromEntries(
      voters.split("").map((id, at) => [id, { options: { seed: 10 * seed + at } }]),
    );
    const network = new Network({ voters, options: { preVote: false }, servers });
    network.advance(5 * ELECTION_MS);
    expect(network.all().filter(({ role }) => role === "leader")).toHaveLength(1);
  }
});

test("5.2: Election Safety: at most one leader can be elected in a given term", () => {
  const network = new Network({ options: { preVote: false, checkQuorum: false } });
  const leaders = new Map<number, string>();
  for (let round = 0; round < 30; round += 1) {
    for (const server of network.all()) server.timeOut();
    network.settle();
    for (const { id, role, state } of network.all()) {
      if (role !== "leader") continue;
      expect(leaders.get(state.currentTerm) ?? id).toBe(id);
      leaders.set(state.currentTerm, id);
    }
  }
});

test("5.2: a follower redirects: it knows who leads", () => {
  expect(follower({ leader: "b", term: 3 }).raft.status()).toMatchObject({ leader: "b" });
  expect(leader().raft.status()).toMatchObject({ leader: "a" });
});
