/** The three outcomes of a command: applied, certainly rejected, unknown. Each proposal has exactly one. */

import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import type { RaftError } from "../../src/errors.ts";
import type { Sink } from "../../src/node/sink.ts";
import { Cluster } from "../support/cluster.ts";
import type { JournalNode } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import type { Watched } from "./support/outcome.ts";
import { bytes, failureOf, watch, Wire } from "./support/outcome.ts";

/** Without CheckQuorum a leader that is cut off goes on to lead, and takes commands that will never be committed. */
const STUBBORN = { checkQuorum: false } as const;

/** Counts what it is told of each token. */
class Ledger implements Sink<number> {
  readonly outcomes = new Map<number, string[]>();
  readonly onOutcome: (token: number) => void;

  constructor(onOutcome: (token: number) => void = () => undefined) {
    this.onOutcome = onOutcome;
  }

  done(token: number, index: number): void {
    this.#add(token, `applied ${index}`);
  }

  failed(token: number, error: RaftError): void {
    this.#add(token, `${error.outcome} ${error.code}`);
  }

  /** The only outcome of a token. */
  of(token: number): string {
    const outcomes = this.outcomes.get(token) ?? [];
    if (outcomes.length !== 1) throw new Error(`${token} has ${outcomes.length} outcomes`);
    return outcomes[0] ?? "";
  }

  #add(token: number, outcome: string): void {
    this.outcomes.set(token, [...(this.outcomes.get(token) ?? []), outcome]);
    this.onOutcome(token);
  }
}

async function commit(cluster: Cluster, node: JournalNode, text: string): Promise<number> {
  const { index } = await cluster.clock.settle(node.propose(bytes(text)));
  return index;
}

test("an applied command has the state machine's result and its place in the log", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();

  const outcomes = await cluster.clock.settle(
    Promise.all(["a", "b", "c"].map((each) => leader.propose(bytes(each)))),
  );

  expect(outcomes.map(({ result }) => result)).toEqual([1, 2, 3]);
  const [first] = outcomes.map(({ index }) => index);
  expect(outcomes.map(({ index }) => index - Number(first))).toEqual([0, 1, 2]);
  await cluster.stop();
});

test("rule 70: a follower rejects a command and says who leads", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const [follower] = cluster.followersOf(leader);
  await cluster.clock.until(() => follower?.status().leader !== undefined);

  const error = await cluster.clock.settle(
    failureOf(follower?.propose(bytes("x")) ?? commit(cluster, leader, "")),
  );

  expect(error).toMatchObject({
    code: "RAFT_NOT_LEADER",
    outcome: "rejected",
    leader: { id: leader.id, address: `${leader.id}:1` },
  });
  expect(await cluster.agreement()).toEqual([]);
  await cluster.stop();
});

test("rule 70: a command that is too large, or one too many, is rejected at once and with a code of its own", async () => {
  const cluster = await Cluster.start({
    node: { ...STUBBORN, maxUncommittedBytes: 1000, inbox: { maxCommandBytes: 600 } },
  });
  const leader = await cluster.leader();
  await commit(cluster, leader, "before");

  expect(await failureOf(leader.propose(Buffer.alloc(601)))).toMatchObject({
    code: "RAFT_TOO_LARGE",
    outcome: "rejected",
  });

  cluster.cutOff(leader.id);
  const [one, two, three] = [1, 2, 3].map((each) =>
    watch(leader.propose(Buffer.alloc(500, `${each}`))),
  );
  await cluster.clock.advance(10);
  expect([one?.state, two?.state, three?.state]).toEqual(["pending", "failed", "failed"]);
  expect(two?.value).toMatchObject({ code: "RAFT_OVERLOADED", outcome: "rejected" });

  // What was refused is not counted; what was taken is, until it is committed (rule 35).
  cluster.network.healAll();
  await cluster.clock.until(() => one?.state !== "pending");
  await commit(cluster, await cluster.leader(), "after");
  await cluster.stop();
});

test("rule 68: what the caller does to the bytes afterwards changes nothing", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const command = Buffer.from("original");
  const proposal = leader.propose(command);
  command.fill("x");
  await cluster.clock.settle(proposal);

  expect((await cluster.agreement())[0]).toContain(":original");
  await cluster.stop();
});

test("rule 60: a command whose leader is cut off ends as unknown, and either outcome may come true", async () => {
  const cluster = await Cluster.start();
  const old = await cluster.leader();
  await commit(cluster, old, "before");
  cluster.cutOff(old.id);

  const error = await cluster.clock.settle(failureOf(old.propose(bytes("lost?"))));

  expect(error).toMatchObject({ code: "RAFT_LEADERSHIP_LOST", outcome: "unknown" });
  cluster.network.healAll();
  await commit(cluster, await cluster.leader(old), "after");
  expect((await cluster.agreement()).join()).not.toContain("lost?");
  await cluster.stop();
});

test("rule 60: a deposed leader's command that its successor commits is applied, and says so", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const old = await cluster.leader();
  await commit(cluster, old, "before");
  // The followers get it, and their answers are lost.
  wire.fate = (message) => (message.type === "AppendEntriesResponse" ? [] : [0]);
  const proposal = watch(old.propose(bytes("inherited")));
  await cluster.clock.advance(20);
  expect(proposal.state).toBe("pending");

  wire.fate = () => [0];
  const [heir] = cluster.followersOf(old);
  cluster.network.cut(heir?.id ?? "", old.id);
  await cluster.clock.until(() => old.status().role === "follower" || proposal.state !== "pending");
  cluster.network.healAll();
  await cluster.clock.until(() => proposal.state !== "pending");

  expect(proposal.state).toBe("done");
  await cluster.stop();
});

test("a waiting command at whose index another leader's was committed is rejected for certain", async () => {
  const cluster = await Cluster.start({ node: STUBBORN });
  const old = await cluster.leader();
  await commit(cluster, old, "before");
  cluster.cutOff(old.id);
  const proposal = failureOf(old.propose(bytes("replaced")));
  const next = await cluster.leader(old);
  await commit(cluster, next, "instead");

  cluster.network.healAll();
  const error = await cluster.clock.settle(proposal);

  expect(error).toMatchObject({ code: "RAFT_REPLACED", outcome: "rejected" });
  expect((await cluster.agreement()).join()).not.toContain("replaced");
  await cluster.stop();
});

test("a leader that is deposed and elected again tells its old commands from its new ones at the same indexes", async () => {
  const cluster = await Cluster.start({ node: STUBBORN });
  const old = await cluster.leader();
  await commit(cluster, old, "before");
  cluster.cutOff(old.id);
  const lost = ["old 1", "old 2", "old 3", "old 4"].map((each) =>
    failureOf(old.propose(bytes(each))),
  );
  const next = await cluster.leader(old);
  const { lastIndex } = old.status();
  await commit(cluster, next, "instead");

  cluster.network.healAll();
  await cluster.clock.until(() => old.status().leader === next.id);
  const transfer = cluster.clock.settle(next.transferLeadership(old.id));
  await transfer;
  const kept = ["new 1", "new 2"].map((each) => old.propose(bytes(each)));

  const applied = await cluster.clock.settle(Promise.all(kept));
  const errors = await cluster.clock.settle(Promise.all(lost));
  // The new ones stand where old ones stood.
  expect(applied[0]?.index).toBeLessThanOrEqual(lastIndex);
  expect(errors.map(({ code }) => code)).toEqual(Array(4).fill("RAFT_REPLACED"));
  const journal = (await cluster.agreement()).join();
  expect(journal).toContain("new 2");
  expect(journal).not.toContain("old");
  await cluster.stop();
});

test("a command that is aborted before it reached the log is rejected, and its neighbours are not concerned", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const controller = new AbortController();

  const first = leader.propose(bytes("first"));
  const aborted = failureOf(leader.propose(bytes("aborted"), { signal: controller.signal }));
  const last = leader.propose(bytes("last"));
  controller.abort(new Error("never mind"));

  expect(await aborted).toMatchObject({
    code: "RAFT_ABORTED",
    outcome: "rejected",
    cause: { message: "never mind" },
  });
  const late = failureOf(leader.propose(bytes("late"), { signal: controller.signal }));
  expect(await late).toMatchObject({ code: "RAFT_ABORTED", outcome: "rejected" });
  const outcomes = await cluster.clock.settle(Promise.all([first, last]));
  expect(outcomes.map(({ result }) => result)).toEqual([1, 2]);
  expect(await cluster.agreement()).toHaveLength(2);
  await cluster.stop();
});

test("a command that is aborted in the log is unknown, and may be applied", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const leader = await cluster.leader();
  wire.fate = (message) => (message.type === "AppendEntriesResponse" ? [100] : [0]);
  const controller = new AbortController();
  const aborted = failureOf(leader.propose(bytes("aborted"), { signal: controller.signal }));
  await cluster.clock.advance(10);
  controller.abort();

  expect(await aborted).toMatchObject({ code: "RAFT_ABORTED", outcome: "unknown" });
  await commit(cluster, leader, "next");
  expect((await cluster.agreement())[0]).toContain("aborted");
  await cluster.stop();
});

test("rule 60: a stop rejects what has not reached the log, and leaves unknown what has", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await commit(cluster, leader, "before");
  cluster.cutOff(leader.id);
  const inLog = failureOf(leader.propose(bytes("in the log")));
  await cluster.clock.advance(10);
  const queued = failureOf(leader.propose(bytes("queued")));
  const stopped = leader.stop();

  expect(await inLog).toMatchObject({ code: "RAFT_STOPPED", outcome: "unknown" });
  expect(await queued).toMatchObject({ code: "RAFT_STOPPED", outcome: "rejected" });
  expect(await failureOf(leader.propose(bytes("late")))).toMatchObject({
    code: "RAFT_STOPPED",
    outcome: "rejected",
  });
  await cluster.clock.settle(stopped);
  cluster.server(leader.id).isUp = false;
  await cluster.stop();
});

test("one sink hears of each of its tokens once, whatever happens", async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const cluster = await Cluster.start({ seed, node: { maxUncommittedBytes: 4000 } });
    const ledger = new Ledger();
    const accepted = new Map<number, string>();
    for (let token = 0; token < 300; token += 1) {
      const node = cluster.running[token % 3]?.node;
      accepted.set(token, `t${token}`);
      node?.submit(bytes(`t${token}`), ledger, token);
      if (token % 4 === 0) await cluster.clock.advance(cluster.random() * 30);
      if (token === 100) cluster.cutOff((await cluster.leader()).id);
      if (token === 200) cluster.network.healAll();
    }
    await cluster.clock.until(() => ledger.outcomes.size === 300);
    await cluster.clock.advance(5000);
    const journal = new Set(await cluster.agreement());

    const contradicted = [...accepted].filter(([token, command]) => {
      const [outcome, detail] = ledger.of(token).split(" ");
      if (outcome === "applied") return !journal.has(`${detail}:${command}`);
      return outcome === "rejected" && [...journal].some((line) => line.endsWith(`:${command}`));
    });
    expect({ seed, contradicted }).toEqual({ seed, contradicted: [] });
    await cluster.stop();
  }
});

test("a sink may stop the node from within an outcome: everybody is answered, once", async () => {
  for (const [applyMs, stopAt] of [
    [0, 1],
    [5, 1],
    [0, 9],
  ] as const) {
    const cluster = await Cluster.start({
      machine: (_, clock) => new Journal({ clock, applyMs }),
      node: { maxUncommittedBytes: 500 },
    });
    const leader = await cluster.leader();
    const ledger = new Ledger((token) => {
      if (token === stopAt) void leader.stop();
    });
    for (let token = 0; token < 10; token += 1) leader.submit(bytes(`t${token}`), ledger, token);
    const read = watch(leader.read(undefined));
    await cluster.clock.until(() => ledger.outcomes.size === 10 && read.state !== "pending");

    const outcomes = Array.from({ length: 10 }, (_, token) => ledger.of(token));
    expect(outcomes[0]).toMatch(stopAt === 1 ? /^applied/ : /^unknown RAFT_STOPPED/);
    expect(outcomes[9]).toMatch(/^rejected RAFT_OVERLOADED/);
    cluster.server(leader.id).isUp = false;
    await cluster.clock.settle(leader.stop());
    await cluster.stop();
  }
});

test("a rule of the algorithm that breaks in the middle of a turn stops the node, and who waits is told", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const leader = await cluster.leader();
  await cluster.clock.advance(20);
  // Time that runs backwards is noticed by the first step of the turn, which is the proposal.
  cluster.clock.leap(-100);
  const error = await cluster.clock.settle(failureOf(leader.propose(bytes("x"))));

  expect(error).toMatchObject({ code: "RAFT_INTERNAL", outcome: "unknown" });
  expect(leader.failure?.code).toBe("RAFT_INTERNAL");
});

test("rule 70: commands that wait for a slow state machine count as waiting", async () => {
  const cluster = await Cluster.start({
    size: 1,
    machine: (_, clock) => new Journal({ clock, applyMs: 10_000 }),
    node: { inbox: { maxProposals: 5 }, maxApplyBytes: 1 },
  });
  const leader = await cluster.leader();
  const calls: Watched[] = [];
  for (let count = 0; count < 8; count += 1) {
    calls.push(watch(leader.propose(bytes(`${count}`))));
    await cluster.clock.advance(10);
  }

  expect(calls.map(({ state }) => state)).toEqual([
    ...Array<string>(5).fill("pending"),
    ...Array<string>(3).fill("failed"),
  ]);
  expect(calls[7]?.value).toMatchObject({ code: "RAFT_OVERLOADED", outcome: "rejected" });
  await cluster.clock.until(() => calls[0]?.state === "done");
  const next = watch(leader.propose(bytes("next")));
  await cluster.clock.until(() => next.state === "done", 100_000);
  await cluster.stop();
});

test("a command that is no bytes is refused, with a promise and without", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const leader = await cluster.leader();
  const ledger = new Ledger();
  const text = "text" as unknown as Uint8Array;
  leader.submit(text, ledger, 1);

  expect(ledger.of(1)).toBe("rejected RAFT_INVALID_COMMAND");
  expect(await failureOf(leader.propose(text))).toMatchObject({
    code: "RAFT_INVALID_COMMAND",
    message: "a command is a Uint8Array, not string: encode it first",
  });
  await cluster.stop();
});

test("any number of calls may share a signal: they leave one listener on it, and none in the end", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const leader = await cluster.leader();
  const { signal } = new AbortController();
  const calls = Array.from({ length: 20 }, () => [
    leader.propose(bytes("x"), { signal }),
    leader.read(undefined, { signal }),
    leader.waitForApplied(20, { signal }),
  ]).flat();

  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  await cluster.clock.settle(Promise.all(calls));
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  await cluster.stop();
});
