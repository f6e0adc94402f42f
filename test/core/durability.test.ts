/** What is said when: nothing that a crash could take back. */

import { expect, test } from "vitest";
import { from, snapshotAt } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { candidate, follower, leader, leaderInAgreement } from "./support/story.ts";

function types(server: Server): string[] {
  return server.sent().map(({ type }) => type);
}

test("rule 1: a vote is granted when term and vote are durable, in one write", () => {
  const a = new Server().hold("writes");
  a.receive(from("b", 3).requestVote([0, 0]));

  expect(a.sent()).toEqual([]);
  expect(a.writes).toMatchObject([{ hardState: { currentTerm: 3, votedFor: "b" } }]);
  a.finishWrite();
  expect(a.sent()).toMatchObject([{ type: "RequestVoteResponse", term: 3, voteGranted: true }]);
});

test("rule 1: a refusal that shows a new term waits for that term", () => {
  const a = new Server({ log: [1, 1], term: 1 }).hold("writes");
  a.receive(from("b", 2).requestVote([1, 1]));

  expect(a.sent()).toEqual([]);
  a.finishWrite();
  expect(a.sent()).toMatchObject([{ type: "RequestVoteResponse", term: 2, voteGranted: false }]);
});

test("rule 1: a heartbeat of a new term is answered when that term is durable", () => {
  const a = new Server({ term: 1 }).hold("writes");
  a.receive(from("b", 2).heartbeat(0, 7));

  expect(a.sent()).toEqual([]);
  a.finishWrite();
  expect(a.sent()).toMatchObject([{ type: "HeartbeatResponse", term: 2, round: 7 }]);
});

test("rule 2: a candidate asks for votes when its own is durable", () => {
  const a = new Server({ options: { preVote: false } }).hold("writes").timeOut();

  expect(a.role).toBe("candidate");
  expect(a.sent()).toEqual([]);
  a.finishWrite();
  expect(types(a)).toEqual(["RequestVote", "RequestVote"]);
});

test("rule 2: votes of a quorum do not make a leader before its own vote is durable", () => {
  const a = new Server({ options: { preVote: false } }).hold("writes").timeOut();
  // They granted it to this candidate before it crashed, in the same term.
  a.receive(from("b", 1).vote()).receive(from("c", 1).vote());

  expect(a.role).toBe("candidate");
  a.finishWrite();
  expect(a.role).toBe("leader");
});

test("rule 2: requests for votes of a term that has passed are never sent", () => {
  const a = new Server({ options: { preVote: false } }).hold("writes").timeOut();
  a.receive(from("b", 5).heartbeat());
  a.finishWrite().finishWrite();

  expect(types(a)).toEqual(["HeartbeatResponse"]);
});

test("rule 2: a pre-candidate asks at once, since nothing has changed", () => {
  const a = new Server().hold("writes").timeOut();

  expect(types(a)).toEqual(["PreVote", "PreVote"]);
  expect(a.writes).toEqual([]);
});

test("rule 4: term, vote, truncation and entries go down one stream in the order in which they came", () => {
  const a = new Server({ log: [1, 1, 1], options: { maxWritesInFlight: 4 } }).hold("writes");
  a.receive(from("b", 2).requestVote([1, 3]));
  a.receive(from("b", 2).append({ prev: [1, 1], terms: [2] }));
  a.receive(from("b", 2).append({ prev: [2, 2], terms: [2] }));

  expect(a.writes).toMatchObject([
    { sequence: 1, hardState: { currentTerm: 2, votedFor: "b" }, entries: [] },
    { sequence: 2, truncateFrom: 2, entries: [{ term: 2, index: 2 }] },
    { sequence: 3, truncateFrom: undefined, entries: [{ term: 2, index: 3 }] },
  ]);
});

test("what gathers while a write is under way becomes one write", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  for (let index = 0; index < 4; index += 1) {
    a.receive(from("b", 1).append({ prev: [index === 0 ? 0 : 1, index], terms: [1] }));
  }

  expect(a.writes).toHaveLength(1);
  a.finishWrite();
  expect(a.writes).toMatchObject([{ entries: [{ index: 2 }, { index: 3 }, { index: 4 }] }]);
});

test("rule 5: a leader counts itself only when its own write is done", () => {
  const a = leaderInAgreement().hold("writes");
  const before = a.state.commitIndex;
  a.propose("x");
  // One of three has it, and we have not: no majority.
  a.receive(from("b", 1).agrees(before + 1));

  expect(a.state.commitIndex).toBe(before);
  a.finishWrite();
  expect(a.state.commitIndex).toBe(before + 1);
});

test("rule 5: the others commit without the leader's own disk", () => {
  const a = leaderInAgreement().hold("writes");
  const before = a.state.commitIndex;
  a.propose("x");
  a.receive(from("b", 1).agrees(before + 1)).receive(from("c", 1).agrees(before + 1));

  expect(a.state.commitIndex).toBe(before + 1);
  // But it applies nothing that is not on its own disk.
  expect(a.state.lastApplied).toBe(before);
  a.finishWrite();
  expect(a.state.lastApplied).toBe(before + 1);
});

test("rules 5 and 7: a single voter waits for its disk like everybody, for its vote and for its blank entry", () => {
  const a = new Server({ voters: "a", options: { preVote: false } }).hold("writes").timeOut();

  expect(a.role).toBe("candidate");
  a.finishWrite();
  expect(a.role).toBe("leader");
  expect(a.state.commitIndex).toBe(0);
  a.finishWrite();
  expect(a.state.commitIndex).toBe(1);
});

test("rule 6: entries that came back with the same index and term are not durable by their first write", () => {
  const a = new Server({ term: 1 }).hold("writes");
  // Write 1: term 2 and the entry (1, 2).
  a.receive(from("b", 2).append({ terms: [2] }));
  // The leader of term 3 removes it, that of term 4 brings it back, before write 1 is done.
  a.receive(from("c", 3).append({ terms: [3] }));
  a.receive(from("b", 4).append({ terms: [2, 4] }));
  a.finishWrite();

  expect(a.state.log.durableIndex).toBe(0);
  expect(a.sentOf("AppendEntriesResponse")).toEqual([]);
  a.finishWrite();
  expect(a.state.log.durableIndex).toBe(2);
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ term: 4, matchIndex: 2 }]);
});

test("rule 6: with several writes under way, each vouches only for what was not cut since", () => {
  const a = new Server({ term: 1, options: { maxWritesInFlight: 4 } }).hold("writes");
  a.receive(from("b", 2).append({ terms: [2, 2, 2] }));
  a.receive(from("c", 3).append({ prev: [2, 1], terms: [3] }));
  a.receive(from("c", 3).append({ prev: [3, 2], terms: [3, 3] }));

  a.finishWrite();
  expect(a.state.log.durableIndex).toBe(1);
  a.finishWrite();
  expect(a.state.log.durableIndex).toBe(2);
  a.finishWrite();
  expect(a.state.log.durableIndex).toBe(4);
});

test("rule 6: a duplicate of entries that are still being written is not acknowledged early", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  const append = from("b", 1).append({ terms: [1, 1] });
  a.receive(append).receive(append);

  expect(a.sent()).toEqual([]);
  a.finishWrite();
  expect(a.sentOf("AppendEntriesResponse").map((each) => each.success)).toContain(true);
});

test("rule 6: a duplicate in a later turn waits for the write of the earlier one", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1, 1] }));
  // Nothing of this one is new, and its own turn writes nothing.
  a.receive(from("b", 1).append({ terms: [1] }));

  expect(a.writes).toHaveLength(1);
  expect(a.sent()).toEqual([]);
});

test("rule 6: a write that is done makes all earlier ones durable", () => {
  const a = follower({ leader: "b", term: 1, options: { maxWritesInFlight: 4 } }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1] }));
  a.receive(from("b", 1).append({ prev: [1, 1], terms: [1] }));
  const sequence = a.state.durability.issued;
  a.step({ type: "persisted", sequence });

  expect(a.state.log.durableIndex).toBe(2);
  expect(() => a.step({ type: "persisted", sequence })).toThrow("completes once");
});

test("an acknowledgement of a term that has passed is never sent", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1] }));
  a.receive(from("c", 2).heartbeat());
  a.finishWrite();

  expect(a.sent()).toEqual([]);
});

test("a heartbeat does not wait behind entries that are being written", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1] }));
  a.receive(from("b", 1).heartbeat(0, 3));

  expect(a.sent()).toMatchObject([{ type: "HeartbeatResponse", round: 3 }]);
});

test("a leader's appends do not wait for its own disk (thesis 10.2.1)", () => {
  const a = leaderInAgreement().hold("writes");
  a.propose("x");

  expect(types(a)).toEqual(["AppendEntries", "AppendEntries"]);
});

test("what waits for a stuck disk stays bounded, however long it takes", () => {
  const a = new Server({ term: 1 }).hold("writes");
  a.receive(from("b", 2).append({ terms: [2, 2, 2] }));
  for (let round = 1; round <= 500; round += 1) {
    a.receive(from("b", 2).heartbeat(0, round));
    a.receive(from("b", 2).append({ prev: [2, 1 + (round % 3)] }));
    a.receive(from("b", 2).append({ prev: [2, 9 + (round % 3)] }));
    a.receive(from("c", 2).requestVote([2, 9]));
    a.receive(from("c", 2).preVote([2, 9]));
    a.receive(from("c", 1).requestVote([1, 1]));
  }

  expect(a.state.durability.held.length).toBeLessThan(20);
  a.finishWrite().finishWrite();
  const sent = a.sent();
  // Of each kind the latest is what counts: the newest round, and the most that was shown to agree.
  expect(sent).toContainEqual(expect.objectContaining({ type: "HeartbeatResponse", round: 500 }));
  expect(sent).toContainEqual(
    expect.objectContaining({ type: "AppendEntriesResponse", success: true, matchIndex: 3 }),
  );
});

test("the commit index that is written is never beyond the entries on disk", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1, 1], commit: 2 }));

  expect(a.writes).toMatchObject([{ hardState: { commitIndex: 2 }, entries: [{}, {}] }]);
  a.restart(1);
  expect(a.state.commitIndex).toBe(2);
});

test("rule 65: a server whose disk is stuck does not stand for election", () => {
  const a = follower({ leader: "b", term: 1 }).hold("writes");
  a.receive(from("b", 1).append({ terms: [1] }));
  a.advance(1000);

  expect(a.role).toBe("follower");
  expect(types(a)).toEqual([]);
  a.finishWrite().timeOut();
  expect(a.role).toBe("pre-candidate");
});

test("rule 65: a leader whose disk is stuck steps down, however well it hears its followers", () => {
  const a = leaderInAgreement().hold("writes");
  a.propose("x");
  for (let passed = 0; passed < 250; passed += 5) {
    a.advance(5);
    for (const id of ["b", "c"]) a.receive(from(id, 1).heartbeatResponse());
  }

  expect(a.role).toBe("follower");
});

test("rule 65: also without CheckQuorum", () => {
  const a = leaderInAgreement({ options: { checkQuorum: false } }).hold("writes");
  a.propose("x").advance(250);

  expect(a.role).toBe("follower");
});

test("rule 65: ticks do not wait for the disk: heartbeats go on while a write is under way", () => {
  const a = leaderInAgreement().hold("writes");
  a.propose("x");
  a.sent();
  a.advance(10);

  expect(types(a)).toContain("Heartbeat");
});

test("a snapshot is acknowledged when the switch to it is durable", () => {
  const a = follower({ leader: "b", term: 2 }).hold("writes");
  a.receive(from("b", 2).install(snapshotAt([1, 5])));

  expect(a.sent()).toEqual([]);
  a.finishWrite();
  expect(a.sent()).toMatchObject([{ type: "InstallSnapshotResponse", matchIndex: 5 }]);
});

test("rule 67: a term that a number cannot hold exactly is refused", () => {
  const a = new Server({ term: Number.MAX_SAFE_INTEGER, options: { preVote: false } });

  expect(() => a.timeOut()).toThrow("2^53");
});

test("rule 2: a candidate that crashes before its vote is durable has not voted", () => {
  const a = new Server({ options: { preVote: false } }).hold("writes").timeOut();
  a.restart(0);
  expect(a.state).toMatchObject({ currentTerm: 0, votedFor: undefined });

  const b = candidate();
  b.restart(0);
  expect(b.state).toMatchObject({ currentTerm: 1, votedFor: "a", role: "follower" });
  expect(leader().state.durability.durable).toBeGreaterThan(0);
});
