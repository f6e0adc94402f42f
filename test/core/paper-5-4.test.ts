/** Sentences of the extended Raft paper as tests: section 5.4 (safety), with figure 8. */

import { expect, test } from "vitest";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import type { Server } from "./support/server.ts";
import { leader } from "./support/story.ts";

function termAt(server: Server, index: number): number | undefined {
  return server.entryAt(index)?.term;
}

test("5.4.1: a candidate cannot win unless its log contains all committed entries", () => {
  const network = new Network().elect("a").isolate("c");
  network.server("a").propose("x");
  network.settle().heal();
  // c tries for a while; it has not seen x.
  network.isolate("a");
  for (let attempt = 0; attempt < 5; attempt += 1) {
    network.server("b").now += 1000;
    network.server("c").timeOut();
    network.settle();
    expect(network.server("c").role).not.toBe("leader");
  }
  network.elect("b");
  expect(network.server("c").applied.at(-2)?.command).toBe("x");
});

test("5.4.1: log entries flow only from leaders to followers", () => {
  const network = new Network({
    servers: { a: { log: [1] }, b: { log: [1, 1] }, c: { log: [1] } },
  });
  network.isolate("b").elect("a").heal().beat("a").beat("a");
  expect(termAt(network.server("b"), 2)).toBe(network.server("a").state.currentTerm);
});

/** Figure 8 (a) to (c): S1 leads in term 4, and its entry of term 2 is on a majority. */
function figure8c(): Network {
  return new Network({
    voters: "12345",
    options: { preVote: false, checkQuorum: false },
    servers: {
      1: { log: [1, 2], term: 3 },
      2: { log: [1, 2], term: 3 },
      3: { log: [1], term: 3 },
      4: { log: [1], term: 3 },
      5: { log: [1, 3], term: 3 },
    },
  });
}

test("figure 8 (c): an entry of term 2 on a majority is not committed by counting", () => {
  const network = figure8c();
  // What S1 appends in term 4 stays with it; what it has of term 2 reaches S3.
  network.isolate("5", "4");
  network.drops = (message) =>
    message.type === "AppendEntries" && message.entries.some(({ term }) => term === 4);
  network.elect("1");
  const s1 = network.server("1");
  expect(s1.state.currentTerm).toBe(4);
  // S3 refuses the probe; the leader sends it what it lacks, an entry of term 2 among it.
  s1.receive(from("2", 4, "1").agrees(2)).receive(from("3", 4, "1").agrees(2));
  expect(s1.state.commitIndex).toBe(0);
});

test("figure 8 (d): S5 can then be elected and overwrite the entry of term 2 with its own of term 3", () => {
  const network = figure8c().isolate("1");
  for (const id of ["2", "3", "4"]) {
    network.server(id).receive(from("1", 4, id).requestVote([2, 2]));
  }
  network.server("3").receive(from("1", 4, "3").append({ prev: [1, 1], terms: [2] }));
  network.elect("5");
  for (const id of ["2", "3", "4", "5"]) expect(termAt(network.server(id), 2)).toBe(3);
});

test("figure 8 (e): with an entry of its own term on a majority, the entry of term 2 is committed with it", () => {
  const network = figure8c().isolate("4", "5");
  network.elect("1");
  const s1 = network.server("1");
  expect(s1.state.commitIndex).toBe(3);
  expect(termAt(s1, 2)).toBe(2);
  // And S5 cannot win an election any more.
  network.heal().isolate("1");
  for (let attempt = 0; attempt < 5; attempt += 1) {
    network.server("5").timeOut();
    network.settle();
    expect(network.server("5").role).not.toBe("leader");
  }
});

test("5.4.2: only entries of the leader's current term are committed by counting replicas", () => {
  const a = leader({ voters: "abcde", log: [2, 2], term: 2 });
  for (const id of ["b", "c", "d", "e"]) a.receive(from(id, 3).agrees(2));
  expect(a.state.commitIndex).toBe(0);
});

test("5.4.3: what a leader has committed is in the logs of all leaders of higher terms", () => {
  const network = new Network({ voters: "abcde" });
  const committed: string[] = [];
  for (const [round, id] of ["a", "b", "c", "d", "e", "a", "c"].entries()) {
    network.elect(id);
    expect(
      network
        .server(id)
        .applied.map(({ command }) => command)
        .filter(Boolean),
    ).toEqual(committed);
    // One of the others misses this.
    const missing = "abcde".replace(id, "")[round % 4] ?? "";
    network.isolate(missing);
    network.server(id).propose(`${round}`);
    network.settle();
    committed.push(`${round}`);
    network.heal().beat(id).beat(id);
  }
});

test("5.4.3: state machines apply the same commands at the same indexes (State Machine Safety)", () => {
  const network = new Network({
    servers: { a: { log: [1, 1] }, b: { log: [1, 1, 2] }, c: { log: [1] } },
  });
  network.elect("b").server("b").propose("x");
  network.settle().beat("b");
  const [a, b, c] = network.all().map(({ applied }) => applied);
  expect(a).toEqual(b);
  expect(c).toEqual(b);
});

test("5.5: Raft's messages are idempotent: everything twice changes nothing", () => {
  const once = new Network().elect("a");
  const twice = new Network();
  const original = twice.collect.bind(twice);
  twice.collect = () => {
    const before = twice.inFlight.length;
    original();
    twice.inFlight.push(...twice.inFlight.slice(before));
    return twice;
  };
  twice.elect("a");
  for (const network of [once, twice]) {
    network.server("a").propose("x", "y");
    network.settle().beat("a");
  }
  expect(twice.all().map(({ applied }) => applied)).toEqual(
    once.all().map(({ applied }) => applied),
  );
});

test("5.5: a server that restarts has its term, its vote and its log", () => {
  const network = new Network().elect("a");
  network.server("a").propose("x");
  network.settle().beat("a");
  const b = network.server("b");
  const before = [b.state.currentTerm, b.state.votedFor, b.disk.entries];
  b.restart();
  expect([b.state.currentTerm, b.state.votedFor, b.disk.entries]).toEqual(before);
  network.beat("a");
  expect(b.applied).toEqual(network.server("a").applied);
});
