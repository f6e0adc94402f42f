/** Snapshots (section 7): taken, received, sent. */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from, snapshotAt } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { follower, leader, leaderInAgreement } from "./support/story.ts";
import { configuration, configurationEntry, run } from "./support/world.ts";

function peer(server: Server, id = "b"): unknown {
  return server.raft.status().peers.find((each) => each.id === id);
}

/** A leader that sends its snapshot at 9 to `b`, which has nothing. */
function sending(): Server {
  const a = leader({ snapshot: { term: 1, index: 9 }, log: [1] });
  a.receive(from("c", 2).agrees(11));
  a.receive(from("b", 2).refuses(10, [0, 0]));
  a.sent();
  return a;
}

test("rule 52: the switch to a snapshot and the cut of the log are one write, after it is staged", () => {
  const a = new Server({ log: run(1, 5), commit: 5, term: 1 }).hold("writes").snapshot(3);
  expect(a.writes).toMatchObject([
    { snapshot: { lastIncluded: { term: 1, index: 5 } }, compactTo: { term: 1, index: 3 } },
  ]);
  a.finishWrite();
  expect(a.disk.compacted).toEqual({ term: 1, index: 3 });
  expect(a.restart().applied).toHaveLength(5);
});

test("rule 52: a snapshot holds only what was applied", () => {
  const a = new Server({ log: run(1, 5), commit: 3, term: 1 });
  const taken = { type: "snapshotTaken", id: "s", index: 4, time: 0, compactTo: 4 } as const;
  expect(() => a.step(taken)).toThrow("only what was applied");
});

test("rule 59: a tail is kept for followers that are a little behind", () => {
  const a = leaderInAgreement({ log: run(1, 5), term: 1 }).snapshot(2);
  expect(a.state.log.compacted.index).toBe(2);
  a.receive(from("b", 2).refuses(6, [1, 2]));
  expect(a.sendSnapshots).toEqual([]);
});

test("rule 59: compaction goes no further than the snapshot", () => {
  const a = new Server({ log: run(1, 5), commit: 3, term: 1 }).snapshot(99);
  expect(a.state.log.compacted.index).toBe(3);
});

test("a snapshot that is older than the one at hand changes nothing", () => {
  const a = new Server({ log: run(1, 5), commit: 5, term: 1 }).snapshot(5);
  const { snapshot } = a.state;
  a.step({ type: "snapshotTaken", id: "late", index: 4, time: 0, compactTo: 4 });
  expect(a.state.snapshot).toBe(snapshot);
});

test("rule 53: a snapshot beyond the log replaces all of it, in one write", () => {
  const a = follower({ leader: "b", term: 3, log: run(1, 4) }).hold("writes");
  a.receive(from("b", 3).install(snapshotAt([2, 9])));
  expect(a.writes).toMatchObject([
    { snapshot: { lastIncluded: { term: 2, index: 9 } }, truncateFrom: undefined, entries: [] },
  ]);
  a.finishWrite();
  expect(a.state).toMatchObject({ commitIndex: 9, lastApplied: 9 });
  expect(a.disk).toMatchObject({ compacted: { term: 2, index: 9 }, entries: [] });
});

test("rule 53: a suffix that contradicts the snapshot goes in the same write", () => {
  const a = follower({ leader: "b", term: 3, log: run(1, 9) }).hold("writes");
  a.receive(from("b", 3).install(snapshotAt([2, 5])));
  expect(a.writes).toMatchObject([{ truncateFrom: 6, snapshot: { lastIncluded: { index: 5 } } }]);
  a.finishWrite();
  expect(a.disk).toMatchObject({ compacted: { term: 2, index: 5 }, entries: [] });
  expect(a.lastIndex).toBe(5);
});

test("rule 53: a suffix that follows the snapshot's last entry is kept", () => {
  const a = follower({ leader: "b", term: 3, log: [1, 2, 2, 2] });
  a.receive(from("b", 3).install(snapshotAt([2, 2])));
  expect(a.lastIndex).toBe(4);
  expect(a.state.commitIndex).toBe(2);
  expect(a.sentOf("InstallSnapshotResponse")).toMatchObject([{ matchIndex: 2 }]);
});

test("rule 53: a snapshot at or below the commit index is acknowledged and ignored", () => {
  const a = follower({ leader: "b", term: 3, log: [1, 2, 2, 2], commit: 4 });
  a.receive(from("b", 3).install(snapshotAt([2, 3])));
  expect(a.state.snapshot.lastIncluded.index).toBe(0);
  expect(a.sentOf("InstallSnapshotResponse")).toMatchObject([{ matchIndex: 4 }]);
});

test("rule 53: a snapshot from before the own one is acknowledged and ignored", () => {
  const a = follower({ leader: "b", term: 3, snapshot: { term: 2, index: 7 } });
  a.receive(from("b", 3).install(snapshotAt([2, 5])));
  expect(a.state.snapshot.lastIncluded.index).toBe(7);
  expect(a.sentOf("InstallSnapshotResponse")).toMatchObject([{ matchIndex: 7 }]);
});

test("rule 53: a snapshot that contradicts what is committed is a reason to stop", () => {
  const a = follower({ leader: "b", term: 3, log: [1, 2, 2, 2], commit: 4 });
  expect(() => a.receive(from("b", 3).install(snapshotAt([1, 3])))).toThrow("agrees with what is");
});

test("rule 53: entries that come in behind a snapshot which is being switched in follow it", () => {
  const a = follower({ leader: "b", term: 3, log: run(1, 9) }).hold("writes");
  a.receive(from("c", 3).preVote([9, 9]));
  a.receive(from("b", 3).install(snapshotAt([2, 5])));
  a.receive(from("b", 3).append({ prev: [2, 5], terms: [3, 3] }));
  a.finishWrite().finishWrite();
  expect(a.disk.entries.map(({ term, index }) => [term, index])).toEqual([
    [3, 6],
    [3, 7],
  ]);
});

test("rules 6 and 53: a write from before a snapshot does not vouch for what came after it", () => {
  const a = follower({ leader: "b", term: 3 }).hold("writes");
  a.receive(from("b", 3).append({ terms: [1, 1, 1, 1] }));
  a.receive(from("b", 3).install(snapshotAt([2, 3])));
  a.receive(from("b", 3).append({ prev: [2, 3], terms: [3] }));
  a.finishWrite();
  expect(a.state.log.durableIndex).toBe(0);
  expect(a.state.lastApplied).toBe(0);
  a.finishWrite();
  expect(a.state.log.durableIndex).toBe(4);
});

test("rule 55: a crash before the switch is durable leaves the old log, and nothing of the snapshot", () => {
  const a = follower({ leader: "b", term: 3, log: run(1, 4) }).hold("writes");
  a.receive(from("b", 3).install(snapshotAt([2, 9])));
  a.restart(0);
  expect(a.state).toMatchObject({ commitIndex: 0, snapshot: { lastIncluded: { index: 0 } } });
  expect(a.lastIndex).toBe(4);
});

test("rule 56: a snapshot carries the configuration at its index, a joint one included", () => {
  const log = [
    configurationEntry({ term: 1, index: 1 }, configuration("abcd", "abc")),
    configurationEntry({ term: 1, index: 2 }, configuration("abcd")),
  ];
  const a = new Server({ log, commit: 1, term: 1 }).snapshot();
  expect(a.state.snapshot.configuration).toEqual({
    index: 1,
    configuration: configuration("abcd", "abc"),
  });
  // The later one stays in force.
  expect(a.raft.status().configuration).toEqual(configuration("abcd"));
  expect(a.restart().raft.status().configuration).toEqual(configuration("abcd"));
});

test("rule 57: a snapshot that comes in waits for the apply that is under way", () => {
  const a = follower({ leader: "b", term: 3, log: run(1, 4) }).hold("applies");
  a.receive(from("b", 3).heartbeat(4));
  expect(a.applyTask).toMatchObject({ type: "entries", from: 1, to: 4 });
  a.receive(from("b", 3).install(snapshotAt([2, 9])));
  expect(a.applyTask).toMatchObject({ type: "entries", from: 1, to: 4 });
  a.step({ type: "applied", index: 2 });
  a.applyTask = undefined;
  a.turn();
  expect(a.state.applying).toBe(9);
});

test("rule 57: the state machine is never set back", () => {
  const a = follower({ leader: "b", term: 1, log: run(1, 4) }).hold("applies");
  a.receive(from("b", 1).heartbeat(4));
  expect(() => a.step({ type: "applied", index: 5 })).toThrow("goes on from where it was");
  const b = follower({ leader: "b", term: 1, log: run(1, 4), commit: 2 }).hold("applies");
  b.receive(from("b", 1).append({ prev: [1, 4], commit: 4 }));
  expect(b.applyTask).toMatchObject({ from: 3, to: 4 });
  expect(() => b.step({ type: "applied", index: 1 })).toThrow("goes on from where it was");
});

test("after a restart the snapshot is restored, then what follows it is applied", () => {
  const a = new Server({ log: run(1, 5), commit: 5, term: 1 }).snapshot(2);
  a.hold("applies").restart();
  expect(a.applyTask).toMatchObject({ type: "restore" });
});

test("rule 58: an acknowledgement that connects ends the sending of a snapshot", () => {
  const a = sending();
  expect(peer(a)).toMatchObject({ mode: "snapshot" });
  a.receive(from("b", 2).agrees(9));
  expect(peer(a)).toMatchObject({ mode: "replicate", matchIndex: 9 });
});

test("rule 37: that a snapshot of a former term was refused tells this term's leader nothing of the log", () => {
  const a = leader({ snapshot: { term: 1, index: 9 }, log: [1] });
  const before = peer(a);
  a.receive(from("b", 2).installed(0));
  expect(peer(a)).toEqual(before);
  expect(a.sendSnapshots).toEqual([]);
});

test("rule 58: one that does not connect does not", () => {
  const a = sending();
  a.receive(from("b", 2).agrees(8));
  expect(peer(a)).toMatchObject({ mode: "snapshot", matchIndex: 8 });
  // And the snapshot is not begun anew.
  expect(a.sendSnapshots).toHaveLength(1);
});

test("rule 58: a follower that has all of it gets the next at once, where the log has been cut further meanwhile", () => {
  const a = sending();
  a.propose("x").receive(from("c", 2).agrees(12));
  a.snapshot();
  expect(a.sendSnapshots).toHaveLength(1);
  // As the answer to its last chunk was lost, the sender has not ended.
  a.receive(from("b", 2).installed(9));
  expect(a.sendSnapshots[1]).toMatchObject({
    peer: "b",
    snapshot: { lastIncluded: { index: 12 } },
  });
});

test("rule 58: nothing else is sent to a follower that gets a snapshot", () => {
  const a = sending();
  a.propose("x").receive(from("b", 2).heartbeatResponse());
  expect(a.sentOf("AppendEntries").filter(({ to }) => to === "b")).toEqual([]);
});

test("rule 58: once it is delivered the follower goes on behind it", () => {
  const a = sending();
  const id = a.state.snapshot.id;
  a.step({ type: "snapshotSent", peer: "b", id, delivered: true });
  expect(peer(a)).toMatchObject({ mode: "probe", nextIndex: 10 });
  a.receive(from("b", 2).installed(9));
  expect(peer(a)).toMatchObject({ mode: "replicate", nextIndex: 12 });
  expect(a.sentOf("AppendEntries")[0]).toMatchObject({ to: "b", prevLog: { index: 9 } });
});

test("rule 33: a snapshot that was lost is sent again after a heartbeat's answer", () => {
  const a = sending();
  a.sendSnapshots = [];
  a.step({ type: "snapshotSent", peer: "b", id: a.state.snapshot.id, delivered: false });
  expect(a.sendSnapshots).toEqual([]);
  a.advance(10).receive(from("b", 2).heartbeatResponse());
  expect(a.sendSnapshots).toMatchObject([{ peer: "b" }]);
});

test("rule 33: a snapshot that arrived and was not answered for is found out by a probe", () => {
  const a = sending();
  a.step({ type: "snapshotSent", peer: "b", id: a.state.snapshot.id, delivered: true });
  a.advance(10).receive(from("b", 2).heartbeatResponse());
  expect(a.sentOf("AppendEntries")).toMatchObject([{ to: "b", prevLog: { term: 1, index: 9 } }]);
});

test("rule 33: a follower with a full window gets the snapshot when what it needs next is compacted", () => {
  const a = leaderInAgreement({ options: { maxInflightAppends: 1 } });
  a.propose("x").propose("y").propose("z");
  a.receive(from("c", 1).agrees(2)).receive(from("c", 1).agrees(3)).receive(from("c", 1).agrees(4));
  expect(peer(a)).toMatchObject({ mode: "replicate", nextIndex: 3 });
  a.snapshot();
  expect(a.sendSnapshots).toEqual([]);
  a.advance(10).receive(from("b", 1).heartbeatResponse());
  expect(a.sendSnapshots).toMatchObject([{ peer: "b", snapshot: { lastIncluded: { index: 4 } } }]);
});

test("rule 54: the end of a snapshot that is no longer being sent changes nothing", () => {
  const a = sending();
  const before = peer(a);
  a.step({ type: "snapshotSent", peer: "b", id: "another", delivered: true });
  a.step({ type: "snapshotSent", peer: "c", id: a.state.snapshot.id, delivered: true });
  expect(peer(a)).toEqual(before);
});

test("rule 59: a follower that has fallen far behind gets the snapshot, then the rest", () => {
  const network = new Network().elect("a").isolate("c");
  const a = network.server("a");
  for (let count = 0; count < 20; count += 1) {
    a.propose(`${count}`);
    network.settle();
  }
  a.snapshot();
  a.propose("behind it");
  network.settle().heal().beat("a").beat("a").beat("a");
  const c = network.server("c");
  expect(c.state.snapshot.lastIncluded.index).toBe(21);
  expect(c.applied).toEqual(a.applied);
});

test("rule 53: a snapshot may come in more than once", () => {
  const a = follower({ leader: "b", term: 3 }).hold("writes");
  const install = from("b", 3).install(snapshotAt([2, 9]));
  a.receive(install).receive(install).finishWrite();
  expect(a.writes).toEqual([]);
  expect(a.sentOf("InstallSnapshotResponse")).toMatchObject([{ matchIndex: 9 }]);
});
