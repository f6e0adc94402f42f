/** Configurations in the log (section 6): in force from the moment they are appended, gone when they are cut off. */

import { expect, test } from "vitest";
import { from, snapshotAt } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { candidate, leader } from "./support/story.ts";
import { configuration, configurationEntry, entry } from "./support/world.ts";

const bigger = configuration("abcde");
const joint = configuration("abd", "abc");

function inForce(server: Server): unknown {
  return server.raft.status().configuration;
}

test("a configuration is in force as soon as it is in the log, committed or not", () => {
  const a = new Server({ term: 1 });
  a.receive(from("b", 1).append({ entries: [configurationEntry({ term: 1, index: 1 }, bigger)] }));
  expect(a.state.commitIndex).toBe(0);
  expect(inForce(a)).toEqual(bigger);
});

test("rule 40: a configuration that is cut off gives way to the one before it", () => {
  const a = new Server({ term: 1 });
  const entries = [
    configurationEntry({ term: 1, index: 1 }, joint),
    configurationEntry({ term: 1, index: 2 }, bigger),
  ];
  a.receive(from("b", 1).append({ entries }));
  expect(inForce(a)).toEqual(bigger);
  a.receive(from("c", 2).append({ prev: [1, 1], terms: [2] }));
  expect(inForce(a)).toEqual(joint);
  a.receive(from("b", 3).append({ terms: [3] }));
  expect(inForce(a)).toEqual(configuration("abc"));
});

test("rule 40: a configuration is known again after a restart, a joint one too", () => {
  const a = new Server({ log: [configurationEntry({ term: 1, index: 1 }, joint)] });
  expect(inForce(a.restart())).toEqual(joint);
});

test("rule 40: a snapshot that is installed brings its configuration, and what was in the log is gone", () => {
  const a = new Server({ log: [configurationEntry({ term: 1, index: 1 }, bigger)], term: 2 });
  const snapshot = {
    ...snapshotAt([2, 8]),
    configuration: { index: 5, configuration: joint },
  };
  a.receive(from("b", 2).install(snapshot));
  expect(inForce(a)).toEqual(joint);
  expect(inForce(a.restart())).toEqual(joint);
});

test("rule 40: a configuration below the snapshot is kept with it when the log is compacted", () => {
  const log = [configurationEntry({ term: 1, index: 1 }, joint), entry({ term: 1, index: 2 })];
  const a = new Server({ log, commit: 2, term: 1 }).snapshot();
  expect(a.state.log.compacted.index).toBe(2);
  expect(inForce(a)).toEqual(joint);
  a.receive(
    from("b", 1).append({
      prev: [1, 2],
      entries: [configurationEntry({ term: 1, index: 3 }, bigger)],
    }),
  );
  a.receive(from("c", 2).append({ prev: [1, 2], terms: [2] }));
  expect(inForce(a)).toEqual(joint);
});

test("rule 39: a joint election takes both majorities", () => {
  const a = candidate({ voters: "abd", outgoing: "abc" });
  // a and d are a majority of the new voters, and a alone is none of the old.
  expect(a.receive(from("d", 1).vote()).role).toBe("candidate");
  expect(a.receive(from("c", 1).vote()).role).toBe("leader");
});

test("rule 39: a joint pre-vote takes both majorities", () => {
  const a = new Server({ voters: "abd", outgoing: "abc" }).timeOut();
  expect(a.receive(from("d", 1).preVoteResponse(true)).role).toBe("pre-candidate");
  expect(a.receive(from("c", 1).preVoteResponse(true)).role).toBe("candidate");
});

test("rule 39: a joint commit takes both majorities", () => {
  const a = leader({ voters: "abd", outgoing: "ace" });
  a.receive(from("d", 1).agrees(1)).receive(from("b", 1).agrees(1));
  expect(a.state.commitIndex).toBe(0);
  a.receive(from("e", 1).agrees(1));
  expect(a.state.commitIndex).toBe(1);
});

test("rule 39: everybody of both sets is asked for a vote, once", () => {
  const a = candidate({ voters: "abd", outgoing: "abc", learners: "x" });
  a.timeOut();
  expect(
    a
      .sentOf("RequestVote")
      .map(({ to }) => to)
      .toSorted(),
  ).toEqual(["b", "c", "d"]);
});

test("log entries go to learners and to both sets of voters (section 6)", () => {
  const a = leader({ voters: "abd", outgoing: "abc", learners: "x" });
  for (const id of ["b", "c", "d", "x"]) a.receive(from(id, 1).agrees(1));
  a.propose("y");
  expect(
    a
      .sentOf("AppendEntries")
      .map(({ to }) => to)
      .toSorted(),
  ).toEqual(["b", "c", "d", "x"]);
});

test("rule 36: learners do not count for commitment", () => {
  const a = leader({ voters: "abc", learners: "xyz" });
  for (const id of ["x", "y", "z"]) a.receive(from(id, 1).agrees(1));
  expect(a.state.commitIndex).toBe(0);
});
