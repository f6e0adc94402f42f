/** Replication and commitment, both sides (sections 5.3 and 5.4.2). */

import { expect, test } from "vitest";
import type { AppendEntries } from "../../src/core/message.ts";
import { sizeOf } from "../../src/core/log.ts";
import { seededRandom } from "../support/random.ts";
import { Network } from "./support/network.ts";
import { from, snapshotAt } from "./support/say.ts";
import { HEARTBEAT_MS, Server } from "./support/server.ts";
import { follower, leader, leaderInAgreement } from "./support/story.ts";
import { entry, run } from "./support/world.ts";

function termsOf(server: Server): (number | undefined)[] {
  return Array.from({ length: server.lastIndex }, (_, at) => server.disk.termAt(at + 1));
}

function appends(server: Server, to = "b"): AppendEntries[] {
  return server.sentOf("AppendEntries").filter((message) => message.to === to);
}

function peer(server: Server, id = "b"): unknown {
  return server.raft.status().peers.find((each) => each.id === id);
}

const ENTRY = sizeOf(entry({ term: 1, index: 1 }));

test("rule 24: an entry of an earlier term is not committed by counting (5.4.2)", () => {
  const a = leader({ log: [1, 1], term: 1 });
  a.receive(from("b", 2).agrees(2)).receive(from("c", 2).agrees(2));
  expect(a.state.commitIndex).toBe(0);
  // It is, with the first of the own term.
  a.receive(from("b", 2).agrees(3));
  expect(a.state.commitIndex).toBe(3);
});

test("rule 25: a follower commits no more than this message has shown to agree", () => {
  const a = new Server({ log: [1, 1, 1, 1], term: 1 });
  a.receive(from("b", 2).append({ prev: [1, 1], terms: [1], commit: 4 }));
  expect(a.state.commitIndex).toBe(2);
});

test("rule 25: a follower commits no more than the leader has committed", () => {
  const a = new Server({ term: 1 });
  a.receive(from("b", 1).append({ terms: [1, 1, 1], commit: 2 }));
  expect(a.state.commitIndex).toBe(2);
});

test("rule 25: the commit index never falls, whatever a late message says", () => {
  const a = new Server({ term: 1 });
  a.receive(from("b", 1).append({ terms: [1, 1, 1], commit: 3 }));
  a.receive(from("b", 1).append({ prev: [1, 3], commit: 1 })).receive(from("b", 1).heartbeat(1));
  expect(a.state.commitIndex).toBe(3);
});

test("rule 26: an acknowledgement says what the message has shown, not where the log ends", () => {
  // Entries 3 and 4 are a stranger's.
  const a = new Server({ log: [1, 1, 1, 1], term: 1 });
  a.receive(from("b", 2).append({ prev: [1, 1], terms: [1] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ success: true, matchIndex: 2 }]);
  a.receive(from("b", 2).append({ prev: [1, 2] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ success: true, matchIndex: 2 }]);
});

test("rule 27: a short or late message cuts nothing off", () => {
  const a = new Server({ term: 1 });
  a.receive(from("b", 1).append({ terms: [1, 1, 1] }));
  a.receive(from("b", 1).append({ terms: [1] })).receive(from("b", 1).append());
  expect(termsOf(a)).toEqual([1, 1, 1]);
  expect(a.state.log.durableIndex).toBe(3);
});

test("rule 27: the log is cut where a term really differs, and only from there on", () => {
  const a = new Server({ log: [1, 1, 2, 2], term: 2 }).hold("writes");
  a.receive(from("b", 3).append({ prev: [1, 1], terms: [1, 3] }));
  a.finishWrite();
  expect(a.disk.entries.map(({ term }) => term)).toEqual([1, 1, 3]);
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ matchIndex: 3 }]);
});

test("rule 27: an entry that is committed is never cut off: the server stops instead", () => {
  const a = new Server({ log: [1, 1], commit: 2, term: 1 });
  const conflict = from("b", 3).append({ prev: [1, 2], terms: [3] });
  a.receive(conflict);
  const b = new Server({ log: [1, 1], commit: 1, term: 1 });
  b.receive(from("b", 2).heartbeat(2));
  expect(() => b.receive(from("b", 2).append({ prev: [2, 2] }))).toThrow("Leader Completeness");
});

test("rule 28: an append from before the commit index is answered with the commit index", () => {
  const a = new Server({ log: run(1, 5), commit: 4, term: 1 });
  a.receive(from("b", 1).append({ prev: [1, 2], terms: [1] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ success: true, matchIndex: 4 }]);
});

test("rule 28: an append from before the snapshot is answered with the commit index", () => {
  const a = new Server({ snapshot: { term: 1, index: 7 }, log: [1] });
  a.receive(from("b", 1).append({ prev: [1, 2], terms: [1, 1] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ success: true, matchIndex: 7 }]);
});

test("an append at the snapshot's place connects", () => {
  const a = new Server({ snapshot: { term: 1, index: 7 } });
  a.receive(from("b", 2).append({ prev: [1, 7], terms: [2], commit: 8 }));
  expect(a.state).toMatchObject({ commitIndex: 8 });
});

test("rule 29: matchIndex only grows, whatever comes late", () => {
  const a = leaderInAgreement().propose("x", "y");
  a.receive(from("b", 1).agrees(3)).receive(from("b", 1).agrees(1));
  expect(peer(a)).toMatchObject({ matchIndex: 3, nextIndex: 4 });
});

test("rule 29: a late refusal of what has been acknowledged since is ignored", () => {
  const a = leaderInAgreement().propose("x", "y");
  a.receive(from("b", 1).agrees(3)).receive(from("b", 1).refuses(2, [0, 0]));
  expect(peer(a)).toMatchObject({ mode: "replicate", matchIndex: 3, nextIndex: 4 });
});

test("rule 29: while probing only the answer to the probe counts", () => {
  const a = leader({ log: run(1, 9), term: 1 });
  expect(peer(a)).toMatchObject({ mode: "probe", nextIndex: 10 });
  a.receive(from("b", 2).refuses(5, [0, 0]));
  expect(peer(a)).toMatchObject({ nextIndex: 10 });
  a.receive(from("b", 2).refuses(9, [1, 4]));
  expect(peer(a)).toMatchObject({ nextIndex: 5 });
  // The same once more, late.
  a.receive(from("b", 2).refuses(9, [1, 1]));
  expect(peer(a)).toMatchObject({ nextIndex: 5 });
});

test("rule 29: however low the hint, nothing below matchIndex is sent again", () => {
  const a = leaderInAgreement().propose("x", "y", "z");
  a.receive(from("b", 1).agrees(2)).receive(from("b", 1).refuses(4, [0, 0]));
  expect(peer(a)).toMatchObject({ mode: "probe", matchIndex: 2, nextIndex: 3 });
});

test("rule 30: a heartbeat commits no more than its receiver is known to hold", () => {
  const a = leader();
  a.receive(from("b", 1).agrees(1));
  expect(a.state.commitIndex).toBe(1);
  a.advance(HEARTBEAT_MS);
  const beats = a.sentOf("Heartbeat");
  expect(beats.find(({ to }) => to === "b")).toMatchObject({ leaderCommit: 1 });
  expect(beats.find(({ to }) => to === "c")).toMatchObject({ leaderCommit: 0 });
});

test("rule 30: a heartbeat carries no more than is committed", () => {
  const a = leaderInAgreement({ voters: "abcde" }).propose("x");
  a.receive(from("b", 1).agrees(2)).advance(HEARTBEAT_MS);
  expect(a.sentOf("Heartbeat")[0]).toMatchObject({ to: "b", leaderCommit: 1 });
});

test("rule 30: a heartbeat that commits what is not there tells of a lost disk", () => {
  const a = new Server({ log: [1], term: 1 });
  expect(() => a.receive(from("b", 1).heartbeat(2))).toThrow("wiped");
});

test("a heartbeat commits what its receiver holds", () => {
  const a = new Server({ term: 1 });
  a.receive(from("b", 1).append({ terms: [1, 1] })).receive(from("b", 1).heartbeat(2));
  expect(a.state).toMatchObject({ commitIndex: 2, lastApplied: 2 });
});

test("rule 31: where the entry before is compacted the snapshot is sent, never an append with a made-up term", () => {
  const a = leader({ snapshot: { term: 1, index: 9 }, log: [1, 1] });
  a.receive(from("b", 2).refuses(11, [1, 4]));
  expect(appends(a)).toEqual([]);
  expect(a.sendSnapshots).toMatchObject([{ peer: "b", snapshot: { lastIncluded: { index: 9 } } }]);
});

test("rule 31: an entry that is compacted while it is read leads to the snapshot", () => {
  const a = leaderInAgreement({
    options: { maxTailBytes: 1, maxAppendBytes: 1 },
    log: run(1, 6),
    term: 1,
  }).hold("reads");
  a.receive(from("b", 2).refuses(8, [1, 1]));
  const b = leader({ options: { maxTailBytes: 1 }, log: run(1, 6), term: 1 }).hold("reads");
  b.receive(from("c", 2).agrees(7));
  b.receive(from("b", 2).refuses(6, [1, 1]));
  expect(b.readRequests).toMatchObject([{ peer: "b", from: 2 }]);
  b.snapshot();
  b.finishRead();
  expect(b.sendSnapshots).toMatchObject([{ peer: "b", snapshot: { lastIncluded: { index: 7 } } }]);
});

test("rule 32: a follower with a shorter log names its last entry that can agree", () => {
  const a = new Server({ log: [1, 1, 3], term: 3 });
  a.receive(from("b", 9).append({ prev: [8, 9] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([
    { success: false, prevLogIndex: 9, hint: { term: 3, index: 3 } },
  ]);
});

test("rule 32: a follower skips the terms that are above the leader's", () => {
  const a = new Server({ log: [1, 1, 4, 4, 5], term: 5 });
  a.receive(from("b", 9).append({ prev: [3, 5] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ hint: { term: 1, index: 2 } }]);
});

test("rule 32: a leader skips the terms that are above the follower's", () => {
  const a = leader({ log: [1, 1, 4, 4, 5], term: 5 });
  a.receive(from("b", 6).refuses(5, [3, 5]));
  expect(appends(a)).toMatchObject([{ prevLog: { term: 1, index: 2 } }]);
});

test("rule 33: a full window waits, and a heartbeat's answer makes an empty append", () => {
  const a = leaderInAgreement({ options: { maxInflightAppends: 2 } });
  a.propose("1").propose("2").propose("3");
  expect(appends(a)).toHaveLength(2);
  a.advance(10).receive(from("b", 1).heartbeatResponse());
  expect(appends(a)).toMatchObject([{ prevLog: { index: 3 }, entries: [] }]);
  a.receive(from("b", 1).agrees(2));
  expect(appends(a)).toMatchObject([{ prevLog: { index: 3 }, entries: [{ index: 4 }] }]);
});

test("rule 33: the window counts bytes, too", () => {
  const a = leaderInAgreement({ options: { maxInflightBytes: 1 } });
  a.propose("1").propose("2");
  expect(appends(a)).toHaveLength(1);
  a.receive(from("b", 1).agrees(2));
  expect(appends(a)).toMatchObject([{ entries: [{ index: 3 }] }]);
});

test("rule 33: a lost append is found out by the empty one, and sent again", () => {
  const a = leaderInAgreement().propose("x", "y");
  a.sent();
  a.advance(10).receive(from("b", 1).heartbeatResponse());
  expect(appends(a)).toMatchObject([{ prevLog: { index: 3 }, entries: [] }]);
  a.receive(from("b", 1).refuses(3, [1, 1]));
  expect(appends(a)).toMatchObject([{ prevLog: { index: 1 }, entries: [{}, {}] }]);
});

test("rule 33: a probe that was lost is made up for after a heartbeat's answer, not before, and costs little if it was not", () => {
  const a = leader({ log: [1, 1], term: 1 });
  a.propose("x");
  expect(appends(a)).toEqual([]);
  for (let n = 0; n < 2; n += 1) {
    a.advance(10).receive(from("b", 2).heartbeatResponse());
    expect(appends(a)).toMatchObject([{ prevLog: { index: 2 }, entries: [] }]);
  }
  a.receive(from("b", 2).agrees(2));
  expect(appends(a)).toMatchObject([{ prevLog: { index: 2 }, entries: [{}, {}] }]);
});

test("heartbeats' answers that were held up and come at once bring one probe, not one each", () => {
  const a = leader({ log: [1, 1], term: 1 });
  a.sent();
  a.advance(10);
  for (let n = 0; n < 40; n += 1) a.receive(from("b", 2).heartbeatResponse());
  expect(appends(a)).toHaveLength(1);
});

test("while appends flow a heartbeat's answer makes no empty one, which could overtake them", () => {
  const a = leaderInAgreement().propose("x");
  a.sent();
  a.receive(from("b", 1).heartbeatResponse());
  expect(appends(a)).toEqual([]);
});

test("a network that reorders does not multiply what is sent", () => {
  const network = new Network({ voters: "ab", options: { maxAppendBytes: 1 } }).elect("a");
  const a = network.server("a");
  const b = network.server("b").hold("writes");
  const random = seededRandom(1);
  const commands = Array.from({ length: 300 }, (_, n) => String(n));
  a.propose(...commands);
  let delivered = 0;
  for (network.collect(); b.disk.lastIndex < a.lastIndex; network.collect()) {
    const [message] = network.inFlight.splice(Math.floor(random() * network.inFlight.length), 1);
    if (b.writes.length > 0 && (message === undefined || random() < 0.02)) b.finishWrite();
    if (message === undefined) continue;
    network.server(message.to).receive(message);
    delivered += 1;
  }
  // An append and its answer for each entry; a few of them are refused and sent again.
  expect(delivered).toBeLessThan(5 * commands.length);
});

test("a follower that has everything gets no appends for its heartbeats' answers", () => {
  const a = leaderInAgreement();
  a.receive(from("b", 1).heartbeatResponse());
  expect(a.sent()).toEqual([]);
});

test("rule 34: a new leader begins with a blank entry (section 8)", () => {
  const a = leader({ log: [1], term: 1 });
  expect(a.state.log.tail.at(-1)).toMatchObject({ kind: "blank", term: 2, index: 2 });
});

test("rule 35: one entry is always sent, however large", () => {
  const a = leaderInAgreement({ options: { maxAppendBytes: 1 } });
  a.propose("a long command", "another");
  expect(appends(a).map(({ entries }) => entries.length)).toEqual([1, 1]);
});

test("rule 35: an append carries no more than its limit", () => {
  const a = leaderInAgreement({ options: { maxAppendBytes: 3 * ENTRY } });
  a.propose("1:2", "1:3", "1:4", "1:5");
  expect(appends(a).map(({ entries }) => entries.length)).toEqual([3, 1]);
});

test("rule 35: one command is always taken, however large, and the next is refused", () => {
  const a = leaderInAgreement({ options: { maxUncommittedBytes: 1 } });
  a.propose("too large by far", "next");
  expect(a.proposed).toMatchObject([
    { accepted: 1, first: { term: 1, index: 2 }, refusal: "overloaded" },
  ]);
});

test("rule 35: the limit counts entries as everybody does, and never lets more in than it says", () => {
  const a = leaderInAgreement({ options: { maxUncommittedBytes: 3 * ENTRY - 1 } });
  a.propose("1:2", "1:3", "1:4", "1:5");
  expect(a.proposed).toMatchObject([{ accepted: 2, refusal: "overloaded" }]);
  expect(a.state.leadership?.uncommittedBytes).toBe(2 * ENTRY);
});

test("rule 35: what is committed makes room again", () => {
  const a = leaderInAgreement({ options: { maxUncommittedBytes: 2 * ENTRY } });
  a.propose("1:2", "1:3").propose("1:4");
  expect(a.proposed.at(-1)).toMatchObject({ accepted: 0, refusal: "overloaded" });
  a.receive(from("b", 1).agrees(3));
  expect(a.state.leadership?.uncommittedBytes).toBe(0);
  a.propose("1:4");
  expect(a.proposed.at(-1)).toMatchObject({ accepted: 1, refusal: undefined });
});

test("rule 35: a new leadership begins with nothing counted, and its blank entry is never refused", () => {
  const a = leaderInAgreement({ options: { maxUncommittedBytes: 1 } });
  a.propose("x").propose("y");
  a.receive(from("b", 5).heartbeat());
  a.now += 1000;
  a.timeOut();
  a.receive(from("b", 6).vote());
  expect(a.role).toBe("leader");
  expect(a.state.log.tail.at(-1)).toMatchObject({ kind: "blank", term: 6 });
  a.propose("z");
  expect(a.proposed.at(-1)).toMatchObject({ accepted: 1 });
  // What was taken in before commits with it, and is not refunded a second time.
  a.receive(from("b", 6).agrees(a.lastIndex));
  expect(a.state.leadership?.uncommittedBytes).toBe(0);
});

test("who is no leader takes no commands", () => {
  const a = new Server().propose("x");
  expect(a.proposed).toMatchObject([{ accepted: 0, refusal: "not leader" }]);
});

test("rule 37: an answer counts in the term in which it was asked", () => {
  const a = leader({ log: run(1, 5), term: 1 });
  a.receive(from("b", 1).agrees(5));
  expect(peer(a)).toMatchObject({ matchIndex: 0 });
});

test("rule 37: an answer from nobody that is known counts for nothing", () => {
  const a = leader();
  a.receive(from("z", 1).agrees(1)).receive(from("z", 1).heartbeatResponse());
  expect(a.state.commitIndex).toBe(0);
});

test("a follower that has acknowledged more than the leader ever had is a reason to stop", () => {
  const a = leader();
  expect(() => a.receive(from("b", 1).agrees(7))).toThrow("only with what this leader has");
});

test("a leader reads what is no longer in memory from the storage, one read at a time", () => {
  const a = leader({ log: run(1, 9), term: 1, options: { maxAppendBytes: 1 } }).hold("reads");
  a.receive(from("b", 2).refuses(9, [0, 0]));
  expect(a.readRequests).toMatchObject([{ peer: "b", from: 1, to: 9, term: 2 }]);
  a.receive(from("b", 2).heartbeatResponse()).receive(from("b", 2).heartbeatResponse());
  expect(a.readRequests).toHaveLength(1);
  a.sent();
  a.finishRead();
  expect(appends(a)).toMatchObject([{ prevLog: { index: 0 }, entries: [{ index: 1 }] }]);
});

test("one read a peer is under way, also when the follower turns out to be elsewhere", () => {
  const a = leader({ log: run(1, 9), term: 1, options: { maxAppendBytes: 1 } }).hold("reads");
  a.receive(from("b", 2).refuses(9, [1, 3]));
  // A late acknowledgement: it is further on than the read is.
  a.receive(from("b", 2).agrees(5));
  expect(a.readRequests).toMatchObject([{ from: 4 }]);
  a.sent();
  a.finishRead();
  // What was read is of no use, and the next read begins where the follower is.
  expect(appends(a)).toEqual([]);
  expect(a.readRequests).toMatchObject([{ from: 6 }]);
});

test("what was read for a leadership that is over is dropped", () => {
  const a = leader({ log: run(1, 9), term: 1 }).hold("reads");
  a.receive(from("b", 2).refuses(9, [0, 0])).receive(from("b", 5).heartbeat());
  a.sent();
  a.finishRead();
  expect(a.sent()).toEqual([]);
});

test("a storage that answers with other entries than were written is a reason to stop", () => {
  const a = leader({ log: run(1, 9), term: 1 }).hold("reads");
  a.receive(from("b", 2).refuses(9, [0, 0]));
  const [request] = a.readRequests;
  if (request === undefined) throw new Error("there is a read");
  const wrongTerm = {
    type: "entriesRead",
    request,
    entries: [entry({ term: 2, index: 1 })],
  } as const;
  expect(() => a.raft.clone().step(a.now, wrongTerm)).toThrow("what was written");
  const wrongPlace = {
    type: "entriesRead",
    request,
    entries: [entry({ term: 1, index: 2 })],
  } as const;
  expect(() => a.raft.clone().step(a.now, wrongPlace)).toThrow("what was written");
});

test("rule 58: heartbeats go on while a snapshot is sent", () => {
  const a = leader({ snapshot: { term: 1, index: 9 }, log: [1] });
  a.receive(from("b", 2).refuses(10, [0, 0]));
  a.advance(HEARTBEAT_MS);
  expect(a.sentOf("Heartbeat").map(({ to }) => to)).toContain("b");
});

test("cluster time is the leader's own time on top of the log's, and never falls", () => {
  const a = leader({ log: [1, 1, 1], term: 1 });
  a.advance(7).propose("x");
  const times = a.state.log.tail.map(({ time }) => time);
  expect(times).toEqual([3, 10]);
  const b = follower({ leader: "b", term: 1, log: [1, 1, 1], snapshots: new Map() });
  b.receive(from("b", 1).install(snapshotAt([1, 50])));
  expect(b.state.clusterTime).toBe(50);
});

test("cluster time stands still without a leader, and goes on from the log with the next", () => {
  const a = leader({ log: [1], term: 1 });
  a.advance(40).propose("x");
  const { clusterTime } = a.state;
  a.receive(from("b", 5).heartbeat());
  a.now += 100_000;
  a.timeOut().receive(from("b", 6).vote());
  expect(a.state.log.tail.at(-1)?.time).toBe(clusterTime);
});

test("commands that were in the tail only for others are let go when it is full", () => {
  const a = leaderInAgreement({ options: { maxTailBytes: 10 * ENTRY } });
  for (let count = 0; count < 100; count += 1) {
    a.propose("1:2");
    a.receive(from("b", 1).agrees(a.lastIndex));
  }
  expect(a.state.log.tailBytes).toBeLessThanOrEqual(10 * ENTRY);
});

test("payloads stay in memory while they are not on disk, not applied, or not on every follower", () => {
  const a = leaderInAgreement();
  const kept = (): number => a.state.log.lastIndex + 1 - a.state.log.tailFirst;
  a.hold("writes", "applies").propose("x", "y");
  const { lastIndex } = a;
  expect(kept()).toBe(2);
  a.receive(from("b", 1).agrees(lastIndex)).turn();
  expect(kept()).toBe(2);
  a.release("writes", "applies").turn();
  expect(a.state.lastApplied).toBe(lastIndex);
  expect(kept()).toBe(2);
  a.receive(from("c", 1).agrees(lastIndex)).turn();
  expect(kept()).toBe(0);
});

test("a follower keeps no payload that it has on disk and has applied", () => {
  const b = new Server({ term: 1 });
  b.receive(from("b", 1).append({ terms: [1, 1, 1], commit: 2 })).turn();
  expect(b.state.log.tailFirst).toBe(3);
});
