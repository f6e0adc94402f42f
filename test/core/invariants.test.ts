/** Each invariant can fail: a state or a step that breaks it, and only it, is refused. */

import { expect, test } from "vitest";
import { checkState, checkStep, summarize } from "../../src/core/invariants.ts";
import type { Progress } from "../../src/core/progress.ts";
import type { Leadership, RaftState } from "../../src/core/state.ts";
import { snapshotAt, from } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { leaderInAgreement } from "./support/story.ts";
import { entry, run } from "./support/world.ts";

type Mutation = (state: RaftState) => void;

/** A state that may be spoilt: a copy, so that nothing else is. */
function copyOf(server: Server): RaftState {
  return server.raft.clone().state;
}

function follower(): RaftState {
  const setup = { snapshot: { term: 1, index: 4 }, compacted: { term: 1, index: 2 }, term: 3 };
  const a = new Server({ ...setup, log: [1, 1, 1, 2, 2] });
  return copyOf(a.receive(from("b", 3).append({ prev: [2, 7], terms: [3, 3], commit: 8 })));
}

function leader(): RaftState {
  return copyOf(leaderInAgreement({ log: run(1, 5), term: 1 }).propose("x"));
}

function leadershipOf(state: RaftState): Leadership {
  if (state.leadership === undefined) throw new Error("it leads");
  return state.leadership;
}

function progressOf(state: RaftState): Progress {
  const progress = leadershipOf(state).progress.get("b");
  if (progress === undefined) throw new Error("b is a member");
  return progress;
}

test("what this file spoils is in order before", () => {
  checkState(follower());
  checkState(leader());
  checkStep(summarize(leader()), leader());
  expect(follower().log.lastIndex).toBe(9);
});

test.each<[string, Mutation]>([
  ["what is compacted is in the snapshot", (state) => (state.snapshot = snapshotAt([1, 1]))],
  ["a snapshot holds only committed entries", (state) => (state.commitIndex = 3)],
  ["what is committed is in the log", (state) => (state.commitIndex = 10)],
  ["what is applied is committed", (state) => (state.lastApplied = 9)],
  ["what is applied is on the own disk", (state) => (state.log.durableIndex = 7)],
  ["what is durable is in the log", (state) => (state.log.durableIndex = 10)],
  ["the tail reaches to the last entry", (state) => void state.log.tail.pop()],
  [
    "the tail holds nothing that is compacted",
    ({ log }) => {
      log.tailFirst = 2;
      log.tail = Array.from({ length: 8 }, (_, at) => entry({ term: 1, index: 2 + at }));
    },
  ],
  ["no entry is of a term to come", (state) => (state.currentTerm = 2)],
  ["every entry has a term", ({ log }) => void log.runs.shift()],
  ["the snapshot agrees with the log", (state) => (state.snapshot = snapshotAt([2, 4]))],
  ["the snapshot's configuration is known", (state) => (state.configurations = [])],
  [
    "a configuration is in the log",
    (state) =>
      (state.configurations = state.configurations.flatMap((each) => [
        each,
        { ...each, index: 10 },
      ])),
  ],
  ["a write is issued before it is durable", ({ durability }) => (durability.durable += 1)],
  ["writes complete in order", ({ durability }) => (durability.issued += 1)],
  [
    "writes in flight are bounded",
    ({ durability }) => {
      for (const sequence of [1, 2]) {
        durability.issued += 1;
        durability.inFlight.push({ sequence, issuedAt: 0, lastIndex: 9 });
      }
    },
  ],
  ["what is written was in the log", ({ durability }) => (durability.unissuedFrom = 11)],
  ["what is durable was written", ({ durability }) => (durability.unissuedFrom = 9)],
  [
    "what is not written is in memory",
    ({ log, durability }) => {
      log.durableIndex = 8;
      durability.unissuedFrom = 9;
      log.tail = [];
      log.tailFirst = 10;
    },
  ],
  [
    "the vote is written with the next write at the latest",
    ({ durability }) => (durability.voteWrite = durability.issued + 2),
  ],
  [
    "what is durable is not held back",
    ({ durability }) => {
      const message = from("a", 3, "b").heartbeatResponse();
      durability.held.push({ message, after: durability.issued + 1, term: 3 });
      durability.held.push({ message, after: durability.durable, term: 3 });
    },
  ],
  ["a leader, and only a leader, has a leadership", (state) => (state.role = "leader")],
  ["a candidate has voted for itself", (state) => (state.role = "candidate")],
  ["nobody else thinks so of itself", (state) => (state.leader = "a")],
])("a follower's state: %s", (rule, spoil) => {
  const state = follower();
  spoil(state);
  expect(() => checkState(state)).toThrow(rule);
});

test.each<[string, Mutation]>([
  ["has a leadership", (state) => (state.leadership = undefined)],
  ["a candidate has voted for itself", (state) => (state.votedFor = "b")],
  ["a leader knows that it leads", (state) => (state.leader = "b")],
  [
    "a leader's term and vote are durable",
    ({ durability }) => (durability.voteWrite = durability.durable + 1),
  ],
  [
    "its first entry is there",
    (state) => (state.leadership = { ...leadershipOf(state), firstIndex: 99 }),
  ],
  ["only what was counted is refunded", (state) => (leadershipOf(state).uncommittedBytes = -1)],
  [
    "waiting reads are bounded",
    (state) => {
      const read = { batch: 1, index: undefined, round: 0 };
      leadershipOf(state).reads = Array.from({ length: 4097 }, () => read);
    },
  ],
  [
    "nextIndex is above matchIndex",
    (state) => (progressOf(state).matchIndex = progressOf(state).nextIndex),
  ],
  ["only what is in the log is sent", (state) => (progressOf(state).nextIndex = 99)],
  [
    "the window is bounded",
    (state) =>
      (progressOf(state).inflight = Array.from({ length: 129 }, () => ({
        lastIndex: 1,
        bytes: 1,
      }))),
  ],
  ["a snapshot is on its way or not", (state) => (progressOf(state).mode = "snapshot")],
])("a leader's state: %s", (rule, spoil) => {
  const state = leader();
  spoil(state);
  expect(() => checkState(state)).toThrow(rule);
});

test.each<[string, Mutation]>([
  ["currentTerm never falls", (state) => (state.currentTerm -= 1)],
  ["a vote is given once a term", (state) => (state.votedFor = "c")],
  ["a vote is given once a term", (state) => (state.votedFor = undefined)],
  ["commitIndex never falls", (state) => (state.commitIndex -= 1)],
  ["lastApplied never falls", (state) => (state.lastApplied -= 1)],
  ["the snapshot never goes back", (state) => (state.snapshot = snapshotAt([0, -1]))],
  ["compaction never goes back", ({ log }) => (log.compacted = { term: 0, index: -1 })],
  ["cluster time never falls", (state) => (state.clusterTime -= 1)],
  ["what is durable stays durable", ({ durability }) => (durability.durable -= 1)],
  ["a committed entry is never cut off", ({ log }) => (log.lastIndex = 1)],
  ["a leader only steps down", (state) => (state.role = "candidate")],
  ["a leader never cuts its log", ({ log }) => (log.lastIndex -= 1)],
  ["matchIndex only grows", (state) => (progressOf(state).matchIndex -= 1)],
])("a leader's step: %s", (rule, spoil) => {
  const before = summarize(leader());
  const state = leader();
  spoil(state);
  expect(() => checkStep(before, state)).toThrow(rule);
});

test("a step: nobody leads who was not a candidate of the term", () => {
  const after = leader();
  const before = summarize(after);
  expect(() => checkStep({ ...before, role: "follower" }, after)).toThrow("was a candidate");
  const earlier = { ...before, role: "candidate", currentTerm: 1, votedFor: "a" } as const;
  expect(() => checkStep(earlier, after)).toThrow("was a candidate");
});

test("a step: whoever is followed in a term is its leader", () => {
  const after = follower();
  const before = { ...summarize(after), leader: "c" };
  expect(() => checkStep(before, after)).toThrow("one leader a term");
});

test("a server that is opened on an impossible state does not come up", () => {
  expect(() => new Server({ log: [1, 5], term: 4 })).toThrow(
    "a term that this server does not know",
  );
});
