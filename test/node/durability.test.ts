/** What a node says before its disk has it: nothing. What it does when the disk is stuck, fails, or forgets. */

import { expect, test } from "vitest";
import type { RaftError } from "../../src/errors.ts";
import { Cluster } from "../support/cluster.ts";
import { bytes, failureOf, watch, Wire } from "./support/outcome.ts";
import { diskFull, withMethods } from "./support/storage.ts";

const ELECTION_TIMEOUT_MS = 500;

test("rule 2: where no disk ever syncs, nobody asks for a vote and nobody gives one", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  for (const { store } of cluster.servers.values()) store.holdSyncs();

  await cluster.clock.advance(20 * ELECTION_TIMEOUT_MS);

  expect(wire.count("PreVote")).toBeGreaterThan(0);
  expect(wire.count("RequestVote")).toBe(0);
  expect(wire.count("RequestVoteResponse")).toBe(0);
  for (const { store } of cluster.servers.values()) store.releaseSyncs();
  await cluster.leader();
  await cluster.stop();
});

test("rule 1: a voter answers when its vote is on disk, and not before", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  // Two followers that never met would be strangers, and a stranger has to be written down first.
  const first = await cluster.leader();
  await cluster.clock.settle(first.transferLeadership(cluster.followersOf(first)[0]?.id ?? ""));
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("before")));
  await cluster.agreement();
  const [candidate, voter] = cluster.followersOf(leader).map(({ id }) => cluster.server(id));
  if (candidate === undefined || voter === undefined) throw new Error("two others");
  voter.store.holdSyncs();
  wire.sent.length = 0;
  cluster.crash(leader.id);

  await cluster.clock.until(() => wire.count("RequestVote", candidate.id) > 0);
  await cluster.clock.advance(ELECTION_TIMEOUT_MS / 4);
  expect(wire.count("RequestVoteResponse", voter.id)).toBe(0);

  voter.store.releaseSyncs();
  expect((await cluster.leader(leader)).id).not.toBe(leader.id);
  expect(wire.count("RequestVoteResponse", voter.id)).toBeGreaterThan(0);
  await cluster.stop();
});

test("rule 5: while followers cannot sync they acknowledge nothing, and a client hears nothing; they follow on (rule 65)", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("before")));
  await cluster.agreement();
  for (const { id } of cluster.followersOf(leader)) cluster.server(id).store.holdSyncs();
  wire.sent.length = 0;

  const proposal = watch(leader.propose(bytes("held")));
  await cluster.clock.advance(3 * ELECTION_TIMEOUT_MS);

  expect(proposal.state).toBe("pending");
  const acknowledged = wire
    .of("AppendEntriesResponse")
    .map((each) => "matchIndex" in each && each.matchIndex);
  expect(acknowledged.filter((index) => Number(index) > leader.status().commitIndex)).toEqual([]);
  expect(leader.status().role).toBe("leader");
  for (const { id } of cluster.followersOf(leader)) {
    expect(wire.count("HeartbeatResponse", id)).toBeGreaterThan(10);
    cluster.server(id).store.releaseSyncs();
  }
  await cluster.clock.until(() => proposal.state === "done");
  await cluster.stop();
});

test("rule 5: a leader does not count itself before its own disk has the command", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("before")));
  cluster.crash(cluster.followersOf(leader)[0]?.id ?? "");
  cluster.server(leader.id).store.holdSyncs();
  const { commitIndex } = leader.status();

  const proposal = watch(leader.propose(bytes("held")));
  await cluster.clock.advance(0.8 * ELECTION_TIMEOUT_MS);
  expect(leader.status()).toMatchObject({ role: "leader", commitIndex });
  cluster.server(leader.id).store.releaseSyncs();
  await cluster.clock.until(() => proposal.state === "done");
  await cluster.stop();
});

test("rules 5 and 7: a group of one answers when its own disk has the command", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("before")));
  cluster.server("n1").store.holdSyncs();

  const { commitIndex } = leader.status();
  const proposal = watch(leader.propose(bytes("held")));
  await cluster.clock.advance(0.8 * ELECTION_TIMEOUT_MS);
  expect(proposal.state).toBe("pending");
  expect(leader.status().commitIndex).toBe(commitIndex);
  expect(cluster.server("n1").machine.commands).toHaveLength(1);

  cluster.server("n1").store.releaseSyncs();
  await cluster.clock.until(() => proposal.state === "done");
  await cluster.stop();
});

test("rule 65: a leader with a stuck disk goes on to send heartbeats, then steps down, and another takes over", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const stuck = await cluster.leader();
  await cluster.agreement();
  cluster.server(stuck.id).store.holdSyncs();
  wire.sent.length = 0;
  const proposal = watch(stuck.propose(bytes("while it was stuck")));

  await cluster.clock.advance(ELECTION_TIMEOUT_MS / 2);
  expect(wire.count("Heartbeat", stuck.id)).toBeGreaterThan(5);
  const next = await cluster.leader(stuck);
  expect(stuck.status().role).toBe("follower");

  await cluster.clock.settle(next.propose(bytes("afterwards")));
  cluster.server(stuck.id).store.releaseSyncs();
  await cluster.clock.until(() => proposal.state !== "pending");
  expect((await cluster.agreement()).at(-1)).toContain("afterwards");
  await cluster.stop();
});

test("rule 6: whatever the moment at which all members lose power, what was acknowledged is there afterwards", async () => {
  for (let seed = 1; seed <= 15; seed += 1) {
    const cluster = await Cluster.start({
      seed,
      diskMs: (random) => Math.floor(random() * 12),
      node: { maxWritesInFlight: seed % 2 === 0 ? 1 : 3, snapshot: { everyEntries: 7 } },
    });
    const acknowledged: string[] = [];
    for (let life = 0; life < 3; life += 1) {
      const leader = await cluster.leader();
      for (let count = 0; count < 20; count += 1) {
        const command = `${life}.${count}`;
        void leader.propose(bytes(command)).then(
          ({ index }) => acknowledged.push(`${index}:${command}`),
          () => undefined,
        );
        await cluster.clock.advance(Math.floor(cluster.random() * 8));
      }
      for (const id of cluster.ids) cluster.crash(id);
      for (const id of cluster.ids) await cluster.boot(id);
    }

    await cluster.clock.settle((await cluster.leader()).propose(bytes("end")));
    const journal = new Set(await cluster.agreement());
    expect(acknowledged.length).toBeGreaterThan(5);
    const lost = acknowledged.filter((line) => !journal.has(line));
    expect({ seed, lost }).toEqual({ seed, lost: [] });
    await cluster.stop();
  }
});

for (const code of ["EIO", "ENOSPC"] as const) {
  for (const isApplied of [false, true]) {
    const kept = isApplied ? "which has the data nevertheless" : "which has lost the data";
    test(`rules 3 and 72: ${code} from a leader's disk, ${kept}, stops it and nothing acknowledged is missing after a restart`, async () => {
      const cluster = await Cluster.start();
      const leader = await cluster.leader();
      await cluster.clock.settle(leader.propose(bytes("acknowledged")));
      const stops: (RaftError | undefined)[] = [];
      leader.on("stopped", (failure) => stops.push(failure));
      const { store } = cluster.server(leader.id);

      const { batches } = store;
      store.failNextSync({ code, isApplied });
      const proposal = failureOf(leader.propose(bytes("in flight")));
      const read = failureOf(leader.read(undefined));
      const wait = failureOf(leader.waitForApplied(1_000_000));
      const [proposed, asked, waited] = await cluster.clock.settle(
        Promise.all([proposal, read, wait]),
      );

      expect(proposed).toMatchObject({ code: "RAFT_STORAGE_FAILED", outcome: "unknown" });
      expect([asked.code, waited.code]).toEqual(["RAFT_STORAGE_FAILED", "RAFT_STORAGE_FAILED"]);
      expect(leader.failure?.code).toBe("RAFT_STORAGE_FAILED");
      expect(leader.failure?.cause).toMatchObject({ code });
      await cluster.clock.settle(leader.stop());
      await cluster.clock.until(() => stops.length > 0);
      expect(stops).toEqual([leader.failure]);
      // It is not tried again.
      expect(store.batches).toBe(batches + 1);

      await cluster.leader(leader);
      await cluster.boot(leader.id);
      expect((await cluster.agreement())[0]).toContain("acknowledged");
      await cluster.stop();
    });
  }
}

test("rule 3: a disk that is full in the middle of a snapshot is a failure of the storage, not of the state machine", async () => {
  const cluster = await Cluster.start({
    size: 1,
    node: { snapshot: { everyEntries: 5 } },
    storage: (storage) => withMethods(storage, { stageChunk: () => Promise.reject(diskFull()) }),
  });
  const leader = await cluster.leader();
  const outcomes = Array.from({ length: 10 }, (_, n) => leader.propose(bytes(`${n}`)));
  await Promise.allSettled(outcomes.map((outcome) => cluster.clock.settle(outcome)));
  await cluster.clock.until(() => leader.failure !== undefined);

  expect(leader.failure).toMatchObject({ code: "RAFT_STORAGE_FAILED", cause: { code: "ENOSPC" } });
});

test("rule 3: so it is when a snapshot comes in from a leader, and when one cannot be read", async () => {
  for (const broken of ["stageChunk", "readChunk"] as const) {
    const fails = { [broken]: () => Promise.reject(diskFull()) };
    const cluster = Cluster.prepare({
      node: { snapshot: { everyEntries: 5, keepEntries: 1 } },
      storage: (storage, id) => (id === "n3" ? withMethods(storage, fails) : storage),
    });
    for (const id of ["n1", "n2"]) await cluster.boot(id);
    const leader = await cluster.leader();
    for (let count = 0; count < 12; count += 1)
      await cluster.clock.settle(leader.propose(bytes(`${count}`)));
    const { node } = await cluster.boot("n3");
    await cluster.clock.until(() => node.failure !== undefined);

    expect(node.failure).toMatchObject({ code: "RAFT_STORAGE_FAILED", cause: { code: "ENOSPC" } });
  }
});

test("rule 43: a node that cannot remember a peer stops, and harms nobody else", async () => {
  const cluster = Cluster.prepare({
    storage: (storage, id) =>
      id === "n1"
        ? withMethods(storage, { recordPeer: () => Promise.reject(diskFull()) })
        : storage,
  });
  for (const id of cluster.ids) await cluster.boot(id);
  const { node } = cluster.server("n1");
  await cluster.clock.until(() => node.failure !== undefined);

  expect(node.failure).toMatchObject({ code: "RAFT_STORAGE_FAILED", cause: { code: "ENOSPC" } });
  await cluster.clock.settle((await cluster.leader(node)).propose(bytes("on we go")));
  cluster.server("n1").isUp = false;
  await cluster.stop();
});
