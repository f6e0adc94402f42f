/** Leadership transfer (thesis 3.10). */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import { ELECTION_MS, Server } from "./support/server.ts";
import { follower, leaderInAgreement } from "./support/story.ts";
import { configuration, configurationEntry } from "./support/world.ts";

function transfer(server: Server, target: string): Server {
  return server.step({ type: "transfer", target });
}

function asked(server: Server): string[] {
  return server.sentOf("TimeoutNow").map(({ to }) => to);
}

test("rule 50: the target is told to start at once where it has everything", () => {
  expect(asked(transfer(leaderInAgreement(), "b"))).toEqual(["b"]);
});

test("rule 50: the target is told only when it has everything", () => {
  const a = leaderInAgreement().propose("x", "y");
  expect(asked(transfer(a, "b"))).toEqual([]);
  expect(asked(a.receive(from("b", 1).agrees(2)))).toEqual([]);
  expect(asked(a.receive(from("b", 1).agrees(3)))).toEqual(["b"]);
});

test("rule 50: new commands are refused meanwhile, so that it can catch up", () => {
  const a = transfer(leaderInAgreement().propose("x"), "b").propose("y");
  expect(a.proposed.at(-1)).toMatchObject({ accepted: 0, refusal: "transferring" });
});

test("rule 50: a learner, a stranger and the leader itself are no targets", () => {
  const a = leaderInAgreement({ learners: "x" });
  for (const target of ["x", "z", "a"]) expect(asked(transfer(a, target))).toEqual([]);
  expect(a.propose("x").proposed.at(-1)).toMatchObject({ accepted: 1 });
});

test("rule 50: it is given up after an election time-out, and commands are taken again", () => {
  const a = transfer(leaderInAgreement(), "b");
  a.receive(from("c", 1).heartbeatResponse()).advance(ELECTION_MS - 1);
  expect(a.propose("x").proposed.at(-1)).toMatchObject({ refusal: "transferring" });
  a.receive(from("c", 1).heartbeatResponse()).advance(1);
  expect(a.role).toBe("leader");
  expect(a.propose("y").proposed.at(-1)).toMatchObject({ accepted: 1 });
});

test("rule 50: who is told to start and is no voter by its own log does not", () => {
  const a = new Server({ voters: "bc", learners: "a", term: 1 });
  a.receive(from("b", 1).timeoutNow());
  expect(a.role).toBe("follower");
});

test("rule 50: nor does one that its newest configuration names no more, committed or not", () => {
  const removal = configurationEntry({ term: 1, index: 1 }, configuration("bc"));
  const a = new Server({ log: [removal], term: 1 }).receive(from("b", 1).timeoutNow());
  expect(a.role).toBe("follower");
});

test("who is told to start while its disk is stuck, or as the leader, does not", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1] }));
  a.now += ELECTION_MS;
  expect(a.receive(from("b", 1).timeoutNow()).role).toBe("follower");
  expect(leaderInAgreement().receive(from("b", 1).timeoutNow()).role).toBe("leader");
});

test("rule 51: the same transfer again changes nothing", () => {
  const a = transfer(leaderInAgreement(), "b");
  const before = a.state.leadership?.transfer;
  a.now += 50;
  transfer(a, "b");
  expect(a.state.leadership?.transfer).toEqual(before);
  expect(asked(a)).toEqual(["b"]);
});

test("rule 51: a transfer to another target takes the place of the first", () => {
  const a = leaderInAgreement().propose("x");
  transfer(transfer(a, "b"), "c");
  expect(asked(a.receive(from("b", 1).agrees(2)))).toEqual([]);
  expect(asked(a.receive(from("c", 1).agrees(2)))).toEqual(["c"]);
});

test("a transfer to a follower that is behind brings it up to date first, and it takes over at once", () => {
  const network = new Network().elect("a").isolate("b");
  network.server("a").propose("x", "y");
  network.settle().heal().beat("a").beat("a");
  transfer(network.server("a"), "b");
  network.settle();
  expect(network.all().map(({ role }) => role)).toEqual(["follower", "leader", "follower"]);
  expect(network.server("b").state.currentTerm).toBe(2);
});

test("nobody but the leader starts a transfer", () => {
  expect(asked(transfer(new Server(), "b"))).toEqual([]);
});
