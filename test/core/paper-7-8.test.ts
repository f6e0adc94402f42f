/** Sentences of the extended Raft paper as tests: sections 7 (log compaction) and 8 (client interaction). */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from, snapshotAt } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { follower, leaderInAgreement } from "./support/story.ts";
import { run } from "./support/world.ts";

test("7: each server takes snapshots independently, covering just the committed entries in its log", () => {
  const a = new Server({ log: run(1, 5), commit: 3, term: 1 }).snapshot();
  expect(a.state.snapshot.lastIncluded).toEqual({ term: 1, index: 3 });
  expect(a.lastIndex).toBe(5);
});

test("7: the last included index and term are kept for the consistency check of the first entry that follows", () => {
  const a = new Server({ log: run(1, 3), commit: 3, term: 1 }).snapshot();
  expect(a.state.log.tail).toEqual([]);
  a.receive(from("b", 1).append({ prev: [1, 3], terms: [1] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ success: true, matchIndex: 4 }]);
  // And one that would not connect is still refused.
  a.receive(from("b", 2).append({ prev: [2, 4], terms: [2] }));
  expect(a.sentOf("AppendEntriesResponse")).toMatchObject([{ success: false }]);
});

test("7: a server may delete all log entries up through the last included index", () => {
  const a = new Server({ log: run(1, 5), commit: 3, term: 1 }).snapshot();
  expect(a.disk.entries.map(({ index }) => index)).toEqual([4, 5]);
});

test("7: the leader sends its snapshot when it has discarded the next entry that a follower needs", () => {
  const a = leaderInAgreement({ log: run(1, 5), term: 1 }).snapshot();
  a.receive(from("b", 2).refuses(7, [1, 2]));
  // An exotic follower: it has lost nothing, it has never had it.
  expect(a.sendSnapshots).toEqual([]);
  const network = new Network().isolate("c").elect("a");
  network.server("a").propose("x", "y").snapshot();
  network.settle();
  network.server("a").snapshot();
  network.heal().beat("a").beat("a");
  expect(network.server("c").applied).toEqual(network.server("a").applied);
  expect(network.server("c").state.snapshot.lastIncluded.index).toBeGreaterThan(0);
});

test("7: a snapshot with information that is not in the follower's log supersedes the whole log", () => {
  const a = follower({ leader: "b", term: 3, log: [1, 1] });
  a.receive(from("b", 3).install(snapshotAt([2, 5])));
  expect(a.raft.status()).toMatchObject({ firstIndex: 6, lastIndex: 5, commitIndex: 5 });
});

test("7: a snapshot of a prefix of the log leaves the entries that follow it valid", () => {
  const a = follower({ leader: "b", term: 3, log: [1, 2, 2, 2] });
  a.receive(from("b", 3).install(snapshotAt([2, 3])));
  expect(a.lastIndex).toBe(4);
});

test("figure 13: a snapshot of an old leader is refused with the newer term", () => {
  const a = new Server({ term: 5 }).receive(from("b", 4).install(snapshotAt([2, 5])));
  expect(a.sent()).toMatchObject([{ type: "InstallSnapshotResponse", term: 5, matchIndex: 0 }]);
  expect(a.state.snapshot.lastIncluded.index).toBe(0);
});

test("8: each leader commits a blank no-op entry at the start of its term", () => {
  const network = new Network().elect("a");
  expect(network.server("a").disk.entries).toMatchObject([{ kind: "blank", term: 1, index: 1 }]);
  expect(network.server("a").state.commitIndex).toBe(1);
});

test("8: before a read-only request the leader exchanges heartbeats with a majority", () => {
  const network = new Network().elect("a");
  network.isolate("b", "c").server("a").read();
  network.settle();
  expect(network.server("a").reads).toEqual([]);
  network.heal().beat("a");
  expect(network.server("a").reads).toMatchObject([{ refusal: undefined }]);
});

test("8: a leader that has been deposed without knowing answers no read", () => {
  const network = new Network().elect("a").isolate("a").elect("b");
  const a = network.server("a");
  expect(a.role).toBe("leader");
  network.server("b").propose("x");
  network.settle();
  a.read();
  network.heal().beat("a");
  expect(a.reads).toMatchObject([{ index: undefined, refusal: "not leader" }]);
});
