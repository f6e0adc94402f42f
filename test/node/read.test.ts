/** Reads: what a linearizable one may answer and when (thesis 6.4), local ones, and queries that fail. */

import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { RaftNode } from "../../src/node/node.ts";
import type { StateMachine } from "../../src/node/state-machine.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { silentLogger } from "../../src/node/logger.ts";
import { Cluster } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { bytes, failureOf, watch, Wire } from "./support/outcome.ts";

/** A group of one, around any state machine. */
async function alone<Query, Answer>(
  clock: VirtualClock,
  machine: StateMachine<unknown, Query, Answer>,
  inbox = {},
): Promise<RaftNode<unknown, Query, Answer>> {
  const network = new MemoryNetwork({ clock, logger: silentLogger });
  const starting = RaftNode.start<unknown, Query, Answer>({
    id: "n1",
    members: [{ id: "n1", address: "n1:1" }],
    machine,
    storage: memoryStorage(),
    transport: network.transport("n1:1"),
    clock,
    inbox,
  });
  const node = await clock.settle(starting);
  await clock.settle(node.waitForLeader());
  return node;
}

/** What every state machine below has in common. */
const INERT = {
  apply: (commands: readonly unknown[]) => commands,
  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield* [];
  },
  restore: () => Promise.resolve(),
};

test("rule 46: a read reflects every command that was applied anywhere before it began", async () => {
  const cluster = await Cluster.start({
    machine: (_, clock) => new Journal({ clock, applyMs: 20 }),
    node: { maxApplyBytes: 1 },
  });
  const leader = await cluster.leader();
  // Committed, and far from applied.
  const proposals = Array.from({ length: 10 }, (_, n) => leader.propose(bytes(`${n}`)));
  await cluster.clock.until(() => leader.status().commitIndex === leader.status().lastIndex);
  expect(leader.status().lastApplied).toBeLessThan(leader.status().commitIndex);

  const { index, answer } = await cluster.clock.settle(leader.read(undefined));

  expect(answer).toHaveLength(10);
  expect(index).toBeGreaterThanOrEqual((await Promise.all(proposals)).at(-1)?.index ?? 0);
  await cluster.stop();
});

test("rule 46: nothing is answered before a majority has confirmed the leader, by an answer to what was sent after the read", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy, node: { checkQuorum: false } });
  const leader = await cluster.leader();
  await cluster.agreement();
  wire.fate = (message) => (message.type === "HeartbeatResponse" ? [] : [0]);

  const read = watch(leader.read(undefined));
  await cluster.clock.advance(2000);
  expect(read.state).toBe("pending");

  wire.fate = () => [0];
  await cluster.clock.until(() => read.state === "done");
  await cluster.stop();
});

test("rule 45: a new leader answers no read before it has committed an entry of its own term", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const old = await cluster.leader();
  // The others have it in their logs, and only the old leader knows that it is committed.
  wire.fate = (message) =>
    message.type === "Heartbeat" ||
    (message.type === "AppendEntries" && message.entries.length === 0)
      ? []
      : [0];
  const { index } = await cluster.clock.settle(old.propose(bytes("acknowledged")));
  for (const { status } of cluster.followersOf(old).map((node) => ({ status: node.status() })))
    expect(status.commitIndex).toBeLessThan(index);

  cluster.crash(old.id);
  wire.fate = (message) => (message.type === "AppendEntriesResponse" ? [] : [0]);
  const next = await cluster.leader(old);
  const read = watch(next.read(undefined));
  await cluster.clock.advance(200);
  expect(read.state).toBe("pending");

  wire.fate = () => [0];
  await cluster.clock.until(() => read.state === "done");
  expect(read.value).toMatchObject({ answer: [`${index}:acknowledged`] });
  await cluster.stop();
});

for (const checkQuorum of [true, false]) {
  test(`a leader that is cut off answers no read from its old state (${checkQuorum ? "it steps down" : "also without CheckQuorum"})`, async () => {
    const cluster = await Cluster.start({ node: { checkQuorum } });
    const old = await cluster.leader();
    cluster.cutOff(old.id);
    const next = await cluster.leader(old);
    await cluster.clock.settle(next.propose(bytes("new")));

    const read = watch(old.read(undefined));
    await cluster.clock.advance(2000);
    expect(read.state).toBe(checkQuorum ? "failed" : "pending");

    cluster.network.healAll();
    await cluster.clock.until(() => read.state !== "pending");
    expect(read.value).toMatchObject({ code: "RAFT_NOT_LEADER" });
    await cluster.stop();
  });
}

test("a follower refuses a linearizable read and names the leader; a local one it answers", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("x")));
  await cluster.agreement();
  const [follower] = cluster.followersOf(leader);
  if (follower === undefined) throw new Error("there is a follower");

  const refused = await cluster.clock.settle(failureOf(follower.read(undefined)));
  expect(refused).toMatchObject({ code: "RAFT_NOT_LEADER", leader: { id: leader.id } });
  for (const { id } of cluster.followersOf(follower)) cluster.crash(id);
  await cluster.clock.advance(2000);
  const local = await cluster.clock.settle(follower.read(undefined, { consistency: "local" }));
  expect(local).toMatchObject({
    index: follower.status().lastApplied,
    answer: [expect.stringContaining(":x")],
  });
  await cluster.stop();
});

test("a thousand reads in one turn share one round of heartbeats", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const leader = await cluster.leader();
  await cluster.agreement();
  wire.sent.length = 0;

  const reads = Array.from({ length: 1000 }, () => leader.read(undefined));
  const answers = await cluster.clock.settle(Promise.all(reads));

  expect(answers).toHaveLength(1000);
  expect(wire.count("Heartbeat", leader.id)).toBeLessThanOrEqual(4);
  await cluster.stop();
});

test("a read that is aborted rejects at once, and the others are answered", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const controller = new AbortController();
  const aborted = failureOf(leader.read(undefined, { signal: controller.signal }));
  const other = leader.read(undefined);
  controller.abort();

  expect(await aborted).toMatchObject({ code: "RAFT_ABORTED", outcome: "rejected" });
  expect(await failureOf(leader.read(undefined, { signal: controller.signal }))).toMatchObject({
    code: "RAFT_ABORTED",
  });
  await cluster.clock.settle(other);
  await cluster.stop();
});

test("an exception of a query is an error of that read only, thrown or rejected", async () => {
  const clock = new VirtualClock();
  const node = await alone<string, string>(clock, {
    ...INERT,
    query(query) {
      if (query === "throw") throw new Error("thrown");
      if (query === "reject") return Promise.reject(new Error("rejected"));
      return query === "later" ? Promise.resolve("later") : "now";
    },
  });
  const [thrown, rejected, later, now] = await clock.settle(
    Promise.all([
      failureOf(node.read("throw")),
      failureOf(node.read("reject", { consistency: "local" })),
      node.read("later"),
      node.read("now"),
    ]),
  );

  expect(thrown).toMatchObject({ code: "RAFT_QUERY_FAILED", cause: { message: "thrown" } });
  expect(rejected).toMatchObject({ code: "RAFT_QUERY_FAILED", cause: { message: "rejected" } });
  expect([later.answer, now.answer]).toEqual(["later", "now"]);
  expect(node.failure).toBeUndefined();
  await clock.settle(node.stop());
});

test("a promise of another make is awaited, in a query and in an apply", async () => {
  const clock = new VirtualClock();
  // Of another realm: no instance of our `Promise`.
  const Foreign = runInNewContext("Promise") as PromiseConstructor;
  const node = await alone<string, string>(clock, {
    ...INERT,
    apply: (commands) => Foreign.resolve(commands.map(() => "applied")),
    query: (query) => Foreign.resolve(`answer to ${query}`),
  });
  const proposed = await clock.settle(node.propose(Uint8Array.of(1)));
  const read = await clock.settle(node.read("it"));
  expect([proposed.result, read.answer]).toEqual(["applied", "answer to it"]);
  await clock.settle(node.stop());
});

test("a stop does not wait for a query that never answers, and tells who asked", async () => {
  const clock = new VirtualClock();
  const node = await alone<undefined, string>(clock, {
    ...INERT,
    query: () => new Promise<string>(() => undefined),
  });
  const reads = [node.read(undefined), node.read(undefined, { consistency: "local" })].map(
    failureOf,
  );
  await clock.advance(100);
  const stopped = node.stop();

  const errors = await clock.settle(Promise.all(reads));
  expect(errors.map(({ code }) => code)).toEqual(["RAFT_STOPPED", "RAFT_STOPPED"]);
  await clock.settle(stopped);
});

test("under a steady load of commands an asynchronous state machine still answers reads", async () => {
  const cluster = await Cluster.start({
    size: 1,
    machine: (_, clock) => new Journal({ clock, applyMs: 5 }),
  });
  const leader = await cluster.leader();
  let calls = 0;
  const reads = [
    watch(leader.read(undefined)),
    watch(leader.read(undefined, { consistency: "local" })),
  ];
  while (reads.some(({ state }) => state === "pending") && calls < 200) {
    watch(leader.propose(bytes(`${(calls += 1)}`)));
    await cluster.clock.advance(1);
  }

  expect(reads.map(({ state }) => state)).toEqual(["done", "done"]);
  expect(calls).toBeLessThan(50);
  await cluster.stop();
});

test("after a restart a local read is answered once the snapshot is restored, not from nothing", async () => {
  const cluster = await Cluster.start({ size: 1, node: { snapshot: { everyEntries: 5 } } });
  const leader = await cluster.leader();
  for (let count = 0; count < 12; count += 1)
    await cluster.clock.settle(leader.propose(bytes(`${count}`)));
  await cluster.clock.until(() => leader.status().snapshotIndex > 5);
  await cluster.shutDown("n1");

  const { node } = await cluster.boot("n1");
  const { answer } = await cluster.clock.settle(node.read(undefined, { consistency: "local" }));

  expect(answer.length).toBeGreaterThanOrEqual(5);
  await cluster.stop();
});

test("rule 70: reads beyond the bound are refused, wherever the others wait", async () => {
  const clock = new VirtualClock();
  const answers: ((answer: string) => void)[] = [];
  const node = await alone<undefined, string>(
    clock,
    { ...INERT, query: () => new Promise<string>((resolve) => void answers.push(resolve)) },
    { maxReads: 3 },
  );
  const reads = [1, 2, 3].map(() => node.read(undefined));
  await clock.until(() => answers.length === 3);

  for (const consistency of ["linearizable", "local"] as const) {
    const refused = await failureOf(node.read(undefined, { consistency }));
    expect(refused).toMatchObject({ code: "RAFT_OVERLOADED", outcome: "rejected" });
  }
  for (const answer of answers) answer("done");
  await clock.settle(Promise.all(reads));
  const next = node.read(undefined);
  await clock.until(() => answers.length === 4);
  answers[3]?.("done");
  await clock.settle(next);
  await clock.settle(node.stop());
});
