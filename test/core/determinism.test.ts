/** The same inputs give the same effects, and a copy goes its own way. */

import { expect, test } from "vitest";
import type { Input } from "../../src/core/ready.ts";
import { Raft } from "../../src/core/raft.ts";
import { Chaos } from "./support/chaos.ts";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import { Server } from "./support/server.ts";
import { leaderInAgreement } from "./support/story.ts";

interface Recorded {
  readonly now: number;
  readonly input: Input;
}

/** What a server took in during a run of a cluster. */
function record(): { server: Server; inputs: Recorded[] } {
  const network = new Network();
  const server = network.server("b");
  const inputs: Recorded[] = [];
  const step = server.step.bind(server);
  server.step = (input) => {
    inputs.push({ now: server.now, input: structuredClone(input) });
    return step(input);
  };
  network.elect("a").server("a").propose("x", "y");
  network.settle().elect("b").server("b").propose("z").read();
  network.settle().beat("b").server("b").snapshot();
  network.elect("c").advance(50);
  return { server, inputs };
}

/** Every ready of a core that is given these inputs, as bytes. */
function replay({ server, inputs }: ReturnType<typeof record>): string {
  const raft = Raft.open(server.options, new Server({ id: "b" }).disk.reopen(), 1000);
  const readies = [raft.takeReady()];
  for (const { now, input } of inputs) {
    raft.step(now, input);
    readies.push(raft.takeReady());
  }
  return JSON.stringify(readies);
}

test("the same inputs twice give byte for byte the same effects", () => {
  const recorded = record();
  expect(recorded.inputs.length).toBeGreaterThan(50);
  expect(replay(recorded)).toBe(replay(recorded));
});

test("the same seed twice gives the same random run", () => {
  const [once, twice] = [7, 7].map((seed) => new Chaos(seed, true).run(1000).story);
  expect(JSON.stringify(once)).toBe(JSON.stringify(twice));
});

test("a copy does what its original does", () => {
  const a = leaderInAgreement().propose("x");
  const copy = a.raft.clone();
  expect(copy.state).toEqual(a.state);
  for (const raft of [copy, a.raft]) {
    raft.step(a.now, { type: "message", message: from("b", 1).agrees(2) });
  }
  expect(copy.takeReady()).toEqual(a.raft.takeReady());
  expect(copy.state).toEqual(a.state);
});

test("what is done to a copy is not done to its original, and the other way round", () => {
  const a = leaderInAgreement().hold("writes").propose("x");
  a.read();
  const before = JSON.stringify(plain(a.raft));
  const copy = a.raft.clone();
  copy.step(a.now + 5000, { type: "tick" });
  copy.step(a.now + 5000, { type: "message", message: from("b", 9).requestVote([9, 9], true) });
  copy.step(a.now + 5000, { type: "message", message: from("b", 9).append({ terms: [9, 9, 9] }) });
  copy.takeReady();
  expect(JSON.stringify(plain(a.raft))).toBe(before);

  const frozen = JSON.stringify(plain(copy));
  a.receive(from("b", 1).agrees(2)).advance(500);
  expect(JSON.stringify(plain(copy))).toBe(frozen);
});

test("effects are given out once", () => {
  const a = leaderInAgreement().hold("turns");
  a.propose("x");
  a.raft.takeReady();
  const again = a.raft.takeReady();
  expect(again).toMatchObject({ messages: [], write: undefined, proposed: [], reads: [] });
});

test("time does not run backwards", () => {
  const a = new Server();
  expect(() => a.raft.step(a.now - 1, { type: "tick" })).toThrow("backwards");
});

test("a message that is not addressed to this server is a mistake of its driver", () => {
  expect(() => new Server().receive(from("b", 1, "c").heartbeat())).toThrow("addressed");
});

test("a tick that comes early does nothing", () => {
  const a = new Server();
  const before = JSON.stringify(plain(a.raft));
  a.step({ type: "tick" });
  expect(JSON.stringify(plain(a.raft))).toBe(before);
});

/** A state as plain data, maps and sets included. */
function plain(raft: Raft): unknown {
  return JSON.parse(JSON.stringify(raft.state, toPlain)) as unknown;
}

function toPlain(_: string, value: unknown): unknown {
  return value instanceof Map || value instanceof Set ? [...value] : value;
}
