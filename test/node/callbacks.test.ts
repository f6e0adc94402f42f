/** Whoever is called by a node may call it back, at once: it is answered as everybody else is, once. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RaftError } from "../../src/errors.ts";
import { RaftNode } from "../../src/node/node.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { Cluster } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import { bytes, Wire } from "./support/outcome.ts";
import { withMethods } from "./support/storage.ts";
import { Talkative, UnhurriedClock } from "./support/talkative.ts";
import type { ApplyMs, Kind, Question, Reply } from "./support/talkative.ts";

test("a sink that stops the node when it hears of its stop ends it no second time", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const leader = await cluster.leader();
  const told: string[] = [];
  leader.on("stopped", () => told.push("stopped"));
  const failed = (token: number): void => {
    told.push(`${token} as ${leader.status().role}`);
    void leader.stop();
  };
  for (const token of [0, 1]) leader.submit(bytes("x"), { done: () => undefined, failed }, token);
  await cluster.clock.settle(leader.stop());
  await cluster.clock.advance(10);

  expect(told).toEqual(["0 as follower", "1 as follower", "stopped"]);
});

test("a node that is stopped in the middle of a turn sets no timer any more", async () => {
  const cluster = Cluster.prepare();
  const { node } = await cluster.boot("n1");
  let stopped: Promise<void> | undefined;
  const failed = (): void => void (stopped = node.stop());
  // Refused in the first turn, which would set the timer for the election.
  node.submit(bytes("x"), { done: () => undefined, failed }, 0);
  await cluster.clock.until(() => stopped !== undefined);
  await cluster.clock.settle(node.stop());

  expect(cluster.clock.timers).toBe(0);
});

test("a leader that is stopped in the middle of a turn sends no snapshot that this turn would begin with", async () => {
  const wire = new Wire();
  const cluster = Cluster.prepare({
    node: { snapshot: { everyEntries: 10, keepEntries: 2 }, maxUncommittedBytes: 100 },
    machine: () => new Journal(),
    policy: wire.policy,
  });
  for (const id of ["n1", "n2"]) await cluster.boot(id);
  const leader = await cluster.leader();
  for (let count = 0; count < 25; count += 1)
    await cluster.clock.settle(leader.propose(bytes("x")));
  await cluster.clock.until(() => leader.status().firstIndex > 10);
  let stopped: Promise<void> | undefined;
  const sink = { done: () => undefined, failed: () => void (stopped ??= leader.stop()) };
  const overload = (): void => {
    for (const token of [0, 1]) leader.submit(Buffer.alloc(90), sink, token);
  };
  wire.fate = ({ from }) => {
    // The turn that learns how far behind it is refuses the second command.
    if (from === "n3" && stopped === undefined) cluster.clock.defer(overload);
    return [0];
  };
  await cluster.boot("n3");
  await cluster.clock.until(() => stopped !== undefined);
  cluster.server(leader.id).isUp = false;
  await cluster.clock.settle(leader.stop());
  await cluster.stop();

  expect(cluster.clock.timers).toBe(0);
  expect(wire.count("SnapshotChunk")).toBe(0);
});

test("a node that fails in the middle of a turn tells everybody before it hangs up", async () => {
  const told: string[] = [];
  const network = new MemoryNetwork({ clock: new UnhurriedClock(0) });
  const transport = network.transport("n1:1");
  const close = transport.close.bind(transport);
  transport.close = () => {
    told.push("closed");
    return close();
  };
  const broken = new Journal();
  broken.apply = () => {
    throw new Error("cannot");
  };
  const cluster = Cluster.prepare({ size: 1, node: { transport }, machine: () => broken });
  const { node } = await cluster.boot("n1");
  await cluster.leader();
  const failed = (_: number, { code }: RaftError): void => void told.push(code);
  node.submit(bytes("x"), { done: () => undefined, failed }, 0);
  await cluster.clock.until(() => node.failure !== undefined);
  await cluster.clock.settle(node.stop());

  expect(told).toEqual(["RAFT_APPLY_FAILED", "closed"]);
});

const replies = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Reply>("nothing") },
  { weight: 3, arbitrary: fc.constantFrom<Reply>("command", "read", "local", "wait") },
  { weight: 1, arbitrary: fc.constant<Reply>("stop") },
);

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record<Question>({
        kind: fc.constantFrom<Kind>("command", "read", "local"),
        onDone: replies,
        onFailed: replies,
        within: replies,
      }),
    },
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 9 }) },
    { weight: 1, arbitrary: fc.constant("stop" as const) },
  ),
  { minLength: 1, maxLength: 25 },
);

interface Conditions {
  /** After how many turns, at most, "soon" comes. */
  readonly rounds: number;
  /** Of calls one after the other, again and again. */
  readonly applyMs: readonly ApplyMs[];
  readonly diskMs: readonly number[];
  readonly maxTailBytes: number;
}

const conditions = fc.record<Conditions>({
  rounds: fc.constantFrom(0, 1, 3),
  applyMs: fc.array(fc.constantFrom<ApplyMs>("none", "none", "none", 0, 3), {
    minLength: 1,
    maxLength: 5,
  }),
  diskMs: fc.array(fc.constantFrom(0, 0, 2), { minLength: 1, maxLength: 5 }),
  maxTailBytes: fc.constantFrom(1, 1_000_000),
});

/** A group of one, around a state machine that calls it. */
async function alone(clock: UnhurriedClock, how: Conditions): Promise<Talkative> {
  const machine = new Talkative(clock, how.applyMs);
  const storage = memoryStorage();
  let calls = 0;
  const wait = async (): Promise<void> => {
    const ms = how.diskMs[calls % how.diskMs.length] ?? 0;
    calls += 1;
    if (ms > 0) await new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  };
  const starting = RaftNode.start<number, number, number>({
    id: "n1",
    members: [{ id: "n1", address: "n1:1" }],
    machine,
    storage: withMethods(storage, {
      write: async (write) => void (await Promise.all([storage.write(write), wait()])),
      readEntries: (range) => wait().then(() => storage.readEntries(range)),
    }),
    transport: new MemoryNetwork({ clock }).transport("n1:1"),
    clock,
    invariants: "all",
    // So seldom that no turn which was forgotten comes with a heartbeat.
    electionTimeoutMs: 100_000,
    heartbeatIntervalMs: 30_000,
    maxTailBytes: how.maxTailBytes,
    maxApplyBytes: 60,
    snapshot: { everyEntries: 5, keepEntries: 1 },
  });
  machine.node = await clock.settle(starting);
  await clock.settle(machine.node.waitForLeader(), 1_000_000);
  return machine;
}

async function live(how: Conditions, life: readonly (Question | number | "stop")[]): Promise<void> {
  const clock = new UnhurriedClock(how.rounds);
  const machine = await alone(clock, how);
  let stopped = 0;
  machine.node.on("stopped", () => (stopped += 1));
  for (const step of life) {
    if (typeof step === "number") await clock.advance(step);
    else if (step === "stop") void machine.stop();
    else machine.ask(step);
  }
  await clock.advance(10_000);
  if (!machine.wasToldToStop) expect(machine.overdue).toEqual([]);
  await clock.settle(machine.stop());
  machine.settleUp();

  expect(machine.problems).toEqual([]);
  expect(machine.node.failure).toBeUndefined();
  expect(clock.timers).toBe(0);
  await clock.advance(1);
  expect(stopped).toBe(1);
}

test("state machines, queries and sinks that propose, read, wait and stop: everybody is answered once, and rightly", async () => {
  await fc.assert(fc.asyncProperty(conditions, steps, live), { numRuns: 300 });
});
