/** What a node gives its state machine, and what it makes of what the machine does. */

import { expect, test } from "vitest";
import type { AppliedCommand } from "../../src/node/state-machine.ts";
import { Cluster } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import { bytes, failureOf, watch } from "./support/outcome.ts";
import { withMethods } from "./support/storage.ts";

type Apply = (commands: readonly AppliedCommand[]) => unknown;

/** A journal whose `apply` one can get in front of. */
function journalWith(
  apply: (take: Apply, commands: readonly AppliedCommand[]) => unknown,
): Journal {
  const journal = new Journal();
  const take = journal.apply.bind(journal);
  journal.apply = (commands) => apply(take, commands) as readonly number[];
  return journal;
}

test("commands are applied once each, in order, with rising indexes and a time that never falls", async () => {
  const seen: AppliedCommand[] = [];
  const cluster = await Cluster.start({
    machine: (id) =>
      journalWith((take, commands) => {
        if (id === "n1") seen.push(...commands);
        return take(commands);
      }),
  });
  const old = await cluster.leader();
  for (let count = 0; count < 5; count += 1) {
    await cluster.clock.settle(old.propose(bytes(`a${count}`)));
    await cluster.clock.advance(count);
  }
  cluster.cutOff(old.id);
  const next = await cluster.leader(old);
  await cluster.clock.settle(next.propose(bytes("b")));
  cluster.network.healAll();
  await cluster.agreement();

  expect(seen.map(({ payload }) => Buffer.from(payload).toString())).toEqual([
    "a0",
    "a1",
    "a2",
    "a3",
    "a4",
    "b",
  ]);
  for (const [at, { index, time, term }] of seen.entries()) {
    const before = seen[at - 1];
    if (before === undefined) continue;
    expect(index).toBeGreaterThan(before.index);
    expect(time).toBeGreaterThanOrEqual(before.time);
    expect(term).toBeGreaterThanOrEqual(before.term);
  }
  await cluster.stop();
});

for (const how of [
  "throws",
  "rejects",
  "gives too few results",
  "gives too many results",
] as const) {
  test(`rule 63: a state machine that ${how} stops the node; the command is not skipped`, async () => {
    const broken = (take: Apply, commands: readonly AppliedCommand[]): unknown => {
      if (commands.every(({ payload }) => Buffer.from(payload).toString() !== "poison"))
        return take(commands);
      if (how === "throws") throw new Error("cannot");
      if (how === "rejects") return Promise.reject(new Error("cannot"));
      return how === "gives too few results" ? [] : [1, 2, 3];
    };
    let isBroken = true;
    const cluster = await Cluster.start({
      size: 1,
      machine: () => (isBroken ? journalWith(broken) : new Journal()),
    });
    const leader = await cluster.leader();
    await cluster.clock.settle(leader.propose(bytes("good")));

    const error = await cluster.clock.settle(failureOf(leader.propose(bytes("poison"))));

    // It is in the log, and will be applied by whoever can.
    expect(error).toMatchObject({ code: "RAFT_APPLY_FAILED", outcome: "unknown" });
    expect(leader.failure).toMatchObject({ code: "RAFT_APPLY_FAILED" });
    expect(leader.failure?.message).toContain(
      how.startsWith("gives") ? "for 1 commands" : "cannot",
    );
    const late = await failureOf(leader.propose(bytes("late")));
    expect(late).toMatchObject({ code: "RAFT_STOPPED", outcome: "rejected" });
    expect(late.message).toContain(`this node has stopped: RAFT_APPLY_FAILED: `);
    await cluster.clock.settle(leader.stop());
    const again = await cluster.boot("n1");
    await cluster.clock.until(() => again.node.failure !== undefined);
    expect(again.node.failure).toMatchObject({ code: "RAFT_APPLY_FAILED" });
    expect(again.machine.commands).toHaveLength(1);

    await cluster.clock.settle(again.node.stop());
    isBroken = false;
    await cluster.boot("n1");
    await cluster.clock.settle((await cluster.leader()).propose(bytes("next")));
    const journal = await cluster.agreement();
    expect(journal.map((line) => line.split(":")[1])).toEqual(["good", "poison", "next"]);
    await cluster.stop();
  });
}

test("queries are never asked in the middle of an asynchronous apply", async () => {
  const cluster = await Cluster.start({
    machine: (_, clock) => new Journal({ clock, applyMs: 7 }),
  });
  const leader = await cluster.leader();
  const reads: Promise<unknown>[] = [];
  for (let count = 0; count < 100; count += 1) {
    watch(leader.propose(bytes(`${count}`)));
    // The journal throws where it is asked while it applies.
    reads.push(leader.read(undefined), leader.read(undefined, { consistency: "local" }));
    await cluster.clock.advance(1);
  }
  expect(await cluster.clock.settle(Promise.all(reads))).toHaveLength(200);
  await cluster.stop();
});

test("what is no longer in memory is applied from the storage, to the last entry", async () => {
  let reads = 0;
  const cluster = await Cluster.start({
    size: 1,
    node: { maxTailBytes: 1, maxApplyBytes: 200 },
    machine: (_, clock) => new Journal({ clock, applyMs: 1 }),
    storage: (storage) => {
      const readEntries = storage.readEntries.bind(storage);
      storage.readEntries = (range) => {
        reads += 1;
        return readEntries(range);
      };
      return storage;
    },
  });
  const leader = await cluster.leader();
  const outcomes = Array.from({ length: 100 }, (_, n) => leader.propose(bytes(`${n}`)));
  const applied = await cluster.clock.settle(Promise.all(outcomes));

  expect(applied.map(({ result }) => result)).toEqual(applied.map((_, n) => n + 1));
  expect(reads).toBeGreaterThan(10);
  await cluster.stop();
});

test("a node that stops while the state machine is busy waits for it, and applies nothing more", async () => {
  const cluster = await Cluster.start({
    size: 1,
    machine: (_, clock) => new Journal({ clock, applyMs: 1000 }),
    node: { maxApplyBytes: 1 },
  });
  const leader = await cluster.leader();
  const { machine } = cluster.server("n1");
  const outcomes = ["a", "b"].map((each) => failureOf(leader.propose(bytes(each))));
  await cluster.clock.until(() => machine.isApplying);
  const before = cluster.clock.now();
  await cluster.clock.settle(leader.stop());

  expect(cluster.clock.now() - before).toBeGreaterThan(500);
  expect(machine.isApplying).toBe(false);
  expect(machine.commands).toHaveLength(1);
  await cluster.clock.advance(10_000);
  expect(machine.commands).toHaveLength(1);
  for (const error of await Promise.all(outcomes))
    expect(error).toMatchObject({ code: "RAFT_STOPPED", outcome: "unknown" });
});

test("a node that stops while it reads what is to be applied applies nothing more", async () => {
  const reading: (() => void)[] = [];
  let isHeld = false;
  const cluster = await Cluster.start({
    size: 1,
    node: { maxTailBytes: 1, maxApplyBytes: 1 },
    machine: (_, clock) => new Journal({ clock, applyMs: 5 }),
    storage: (storage) =>
      withMethods(storage, {
        readEntries: async (range) => {
          if (isHeld) await new Promise<void>((resolve) => void reading.push(resolve));
          return storage.readEntries(range);
        },
      }),
  });
  const leader = await cluster.leader();
  const { machine } = cluster.server("n1");
  for (const each of ["a", "b", "c"]) watch(leader.propose(bytes(each)));
  await cluster.clock.until(() => machine.isApplying);
  isHeld = true;
  await cluster.clock.until(() => reading.length > 0);
  const stopped = leader.stop();
  for (const release of reading) release();
  await cluster.clock.settle(stopped);

  expect(machine.commands.map((line) => line.split(":")[1])).toEqual(["a"]);
});

test("what a turn writes is on its way to the disk before the turn's entries are applied", async () => {
  const seen: string[] = [];
  let second: Promise<unknown> | undefined;
  const cluster = await Cluster.start({
    size: 1,
    machine: () =>
      journalWith((take, commands) => {
        seen.push(`apply ${commands.length}`);
        return take(commands);
      }),
    storage: (storage) => {
      const write = storage.write.bind(storage);
      // The next proposal is there when the turn comes that learns of this write.
      storage.write = async (work) => {
        await write(work);
        if (seen.length === 1) second = leader.propose(bytes("b"));
      };
      return storage;
    },
  });
  const leader = await cluster.leader();
  await cluster.clock.advance(10);
  const { store } = cluster.server("n1");
  const batch = store.batch.bind(store);
  store.batch = (...work) => {
    seen.push("batch");
    return batch(...work);
  };
  await cluster.clock.settle(leader.propose(bytes("a")));
  await cluster.clock.settle(second ?? Promise.reject(new Error("there was no second proposal")));

  expect(seen).toEqual(["batch", "batch", "apply 1", "apply 1"]);
  await cluster.stop();
});
