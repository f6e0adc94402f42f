/** The life of a node as its owner sees it: status, waiting, transfer, events, stop, and a start that fails. */

import { expect, test } from "vitest";
import { RaftNode } from "../../src/node/node.ts";
import type { NodeOptions } from "../../src/node/options.ts";
import { memoryStorage, MemoryDisk } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { MemoryTransport } from "../../src/transport/memory.ts";
import { Cluster } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import { bytes, failureOf, watch, Wire } from "./support/outcome.ts";
import { withMethods } from "./support/storage.ts";

const ELECTION_TIMEOUT_MS = 500;

test("the status tells who leads, where the log is, and how each follower does", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const { index } = await cluster.clock.settle(leader.propose(bytes("x")));
  await cluster.agreement();
  const [follower] = cluster.followersOf(leader);

  expect(leader.status()).toMatchObject({
    id: leader.id,
    role: "leader",
    clusterId: "quorate",
    address: `${leader.id}:1`,
    leaderHint: { id: leader.id, address: `${leader.id}:1` },
    commitIndex: index,
    lastApplied: index,
  });
  expect(leader.status().peers.map(({ matchIndex }) => matchIndex)).toEqual([index, index]);
  expect(follower?.status()).toMatchObject({ role: "follower", leader: leader.id, peers: [] });
  await cluster.stop();
});

test("a stopped leader does not say that it leads, and tells its listeners", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await cluster.clock.advance(1);
  const told: unknown[] = [];
  leader.on("role", ({ role }) => told.push(role));
  leader.on("leader", (hint) => told.push(hint));
  leader.on("stopped", (failure) => told.push(["stopped", failure]));
  await cluster.shutDown(leader.id);
  await cluster.clock.advance(1);

  expect(leader.status()).toMatchObject({ role: "follower", peers: [] });
  expect(leader.status().leader).toBeUndefined();
  expect(leader.status().leaderHint).toBeUndefined();
  expect(told).toEqual(["follower", undefined, ["stopped", undefined]]);
  for (const target of cluster.ids) {
    expect(await failureOf(leader.transferLeadership(target))).toMatchObject({
      code: "RAFT_STOPPED",
    });
  }
  await cluster.stop();
});

test("waiting for a leader and for an index ends when it is so, when aborted, and at a stop", async () => {
  const cluster = Cluster.prepare();
  const { node } = await cluster.boot("n1");
  const controller = new AbortController();
  const aborted = failureOf(node.waitForLeader({ signal: controller.signal }));
  controller.abort();
  expect(await aborted).toMatchObject({ code: "RAFT_ABORTED" });
  expect(await failureOf(node.waitForLeader({ signal: controller.signal }))).toMatchObject({
    code: "RAFT_ABORTED",
  });

  const waiting = node.waitForLeader();
  await cluster.boot("n2");
  const hint = await cluster.clock.settle(waiting);
  const leader = await cluster.leader();
  expect(hint).toEqual({ id: leader.id, address: `${leader.id}:1` });

  const applied = node.waitForApplied(3);
  await cluster.clock.settle(leader.propose(bytes("a")));
  await cluster.clock.settle(leader.propose(bytes("b")));
  expect(await cluster.clock.settle(applied)).toBeGreaterThanOrEqual(3);
  const never = failureOf(node.waitForApplied(1000));
  await cluster.shutDown("n1");
  expect(await never).toMatchObject({ code: "RAFT_STOPPED" });
  expect(await failureOf(node.waitForLeader())).toMatchObject({ code: "RAFT_STOPPED" });
  await cluster.stop();
});

test("rule 50: the leadership is handed over to a voter that is up to date, without waiting for an election timeout", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("x")));
  const [target] = cluster.followersOf(leader);
  if (target === undefined) throw new Error("there is a follower");
  const before = cluster.clock.now();
  await cluster.clock.settle(leader.transferLeadership(target.id));

  expect(cluster.clock.now() - before).toBeLessThan(ELECTION_TIMEOUT_MS / 2);
  expect(leader.status().leader).toBe(target.id);
  await cluster.clock.until(() => target.status().role === "leader");
  await cluster.clock.settle(target.transferLeadership(target.id));
  await cluster.stop();
});

test("rule 50: a target that cannot be reached is given up, and the leader goes on", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const [target] = cluster.followersOf(leader);
  cluster.cutOff(target?.id ?? "");
  const transfer = failureOf(leader.transferLeadership(target?.id ?? ""));
  await cluster.clock.advance(50);
  const meanwhile = await cluster.clock.settle(failureOf(leader.propose(bytes("x"))));

  expect(meanwhile).toMatchObject({ code: "RAFT_NOT_LEADER", outcome: "rejected" });
  expect(await cluster.clock.settle(transfer)).toMatchObject({ code: "RAFT_TRANSFER_FAILED" });
  expect(leader.status().role).toBe("leader");
  await cluster.clock.settle(leader.propose(bytes("y")));
  await cluster.stop();
});

test("a transfer is refused by who does not lead, to who is no voter, and when it is aborted already", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const [follower] = cluster.followersOf(leader);
  if (follower === undefined) throw new Error("there is a follower");

  expect(await failureOf(follower.transferLeadership(leader.id))).toMatchObject({
    code: "RAFT_NOT_LEADER",
  });
  expect(await failureOf(leader.transferLeadership("nobody"))).toMatchObject({
    code: "RAFT_INVALID_OPTION",
  });
  const signal = AbortSignal.abort();
  expect(await failureOf(leader.transferLeadership(follower.id, { signal }))).toMatchObject({
    code: "RAFT_ABORTED",
  });
  await cluster.clock.advance(200);
  expect(leader.status().role).toBe("leader");
  await cluster.stop();
});

test("a transfer that is asked for in the middle of a turn begins with the next", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await cluster.agreement();
  const [target] = cluster.followersOf(leader);
  let transfer: Promise<void> | undefined;
  leader.submit(
    bytes("x"),
    {
      done: () => {
        transfer = leader.transferLeadership(target?.id ?? "");
      },
      failed: () => undefined,
    },
    0,
  );
  await cluster.clock.until(() => transfer !== undefined);
  const outcome = watch(transfer ?? Promise.reject(new Error("it was asked for")));
  await cluster.clock.until(() => outcome.state !== "pending");

  expect(outcome).toMatchObject({ state: "done" });
  await cluster.stop();
});

test("rule 64: events come after the turn, and a listener that throws harms neither the node nor other events", async () => {
  const cluster = Cluster.prepare({ size: 1 });
  const { node } = await cluster.boot("n1");
  const told: unknown[] = [];
  node.on("role", ({ role }) => {
    // Outside of a turn the node may be asked, and its answer is of then.
    told.push(role, node.status().role);
    if (role === "leader") throw new Error("a listener's own");
  });
  node.on("leader", (hint) => told.push(hint?.id));

  await expect(cluster.clock.until(() => told.includes("n1"))).rejects.toThrow("a listener's own");
  await cluster.clock.settle(node.propose(bytes("x")));
  expect(told.slice(-3)).toEqual(["leader", "leader", "n1"]);
  await cluster.stop();
});

test("a stop is idempotent, waits for the disk, and leaves no timer behind", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  const { store } = cluster.server(leader.id);
  store.holdSyncs();
  const proposal = failureOf(leader.propose(bytes("x")));
  await cluster.clock.advance(10);
  const stops = [leader.stop(), leader.stop(), leader[Symbol.asyncDispose]()].map(watch);
  expect((await proposal).code).toBe("RAFT_STOPPED");
  await cluster.clock.advance(100);
  expect(stops.map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);

  store.releaseSyncs();
  await cluster.clock.until(() => stops.every(({ state }) => state === "done"));
  cluster.server(leader.id).isUp = false;
  await cluster.stop();
  expect(cluster.clock.timers).toBe(0);
  // Its disk and its address are free again.
  await cluster.boot(leader.id);
  await cluster.stop();
});

/** A transport and a storage that count how often they are closed, and what a start with them says. */
async function failedStart(
  cluster: Cluster,
  storage: Storage,
  transport: MemoryTransport,
  more: Partial<NodeOptions<number, undefined, readonly string[]>> = {},
): Promise<{ readonly code: string; readonly closed: string[] }> {
  const closed: string[] = [];
  const closing = transport.close.bind(transport);
  transport.close = async () => {
    closed.push("transport");
    await closing();
  };
  const starting = RaftNode.start({
    id: "n1",
    members: ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:1` })),
    machine: new Journal(),
    storage: withMethods(storage, {
      close: async () => {
        closed.push("storage");
        await storage.close();
      },
    }),
    transport,
    clock: cluster.clock,
    ...more,
  });
  const { code } = await cluster.clock.settle(failureOf(starting));
  return { code, closed };
}

test("a start that fails closes what it has opened, and nothing else", async () => {
  const cluster = await Cluster.start();
  await cluster.leader();
  const { disk } = cluster.server("n1");
  const at = (address: string): MemoryTransport => cluster.network.transport(address);

  const busy = await failedStart(cluster, memoryStorage(), at("n1:1"));
  expect(busy).toEqual({ code: "RAFT_ADDRESS_IN_USE", closed: ["storage"] });
  const locked = await failedStart(cluster, memoryStorage(disk), at("x:1"));
  expect(locked).toEqual({ code: "RAFT_LOCKED", closed: [] });
  await cluster.shutDown("n1");
  const alien = await failedStart(cluster, memoryStorage(disk), at("n1:1"), { clusterId: "other" });
  expect(alien).toEqual({ code: "RAFT_WRONG_CLUSTER", closed: [] });
  const other = await failedStart(cluster, memoryStorage(disk), at("n1:1"), { id: "n2" });
  expect(other).toEqual({ code: "RAFT_WRONG_NODE", closed: [] });
  const members = ["n1", "n4", "n5"].map((id) => ({ id, address: `${id}:1` }));
  const strangers = await failedStart(cluster, memoryStorage(disk), at("n1:1"), { members });
  expect(strangers).toEqual({ code: "RAFT_WRONG_MEMBERS", closed: ["storage"] });

  await cluster.boot("n1");
  await cluster.agreement();
  await cluster.stop();
  expect(cluster.clock.timers).toBe(0);
});

test("a start with the transport of another node fails, and that node goes on", async () => {
  const cluster = Cluster.prepare({ size: 1 });
  const transport = cluster.network.transport("n1:1");
  const { node } = await cluster.boot("n1", new MemoryDisk(), { transport });
  await cluster.leader();

  const second = await failedStart(cluster, memoryStorage(), transport);
  expect(second).toEqual({ code: "RAFT_ADDRESS_IN_USE", closed: ["storage"] });
  expect(cluster.network.isAttached(transport)).toBe(true);
  await cluster.clock.settle(node.propose(bytes("x")));
  await cluster.stop();
});

test("rule 43: a member that comes back with an empty disk is refused, and stops", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();
  await cluster.clock.settle(leader.propose(bytes("x")));
  const [wiped] = cluster.followersOf(leader);
  if (wiped === undefined) throw new Error("there is a follower");
  cluster.crash(wiped.id);
  // The others have been restarted since: they know it from their disks.
  for (const id of cluster.ids) if (id !== wiped.id) cluster.crash(id);
  for (const id of cluster.ids) if (id !== wiped.id) await cluster.boot(id);

  const { node } = await cluster.boot(wiped.id, new MemoryDisk());
  await cluster.clock.until(() => node.failure !== undefined);
  expect(node.failure).toMatchObject({ code: "RAFT_WIPED_MEMBER" });
  cluster.server(wiped.id).isUp = false;
  await cluster.clock.settle((await cluster.leader()).propose(bytes("y")));
  await cluster.stop();
});

test("members may have moved to other addresses while all was stopped", async () => {
  const cluster = await Cluster.start();
  await cluster.clock.settle((await cluster.leader()).propose(bytes("x")));
  await cluster.agreement();
  await cluster.stop();
  const members = cluster.ids.map((id) => ({ id, address: `${id}.new:1` }));
  for (const id of cluster.ids)
    await cluster.boot(id, cluster.server(id).disk, {
      members,
      transport: cluster.network.transport(`${id}.new:1`),
    });

  const leader = await cluster.leader();
  expect(leader.status().leaderHint?.address).toBe(`${leader.id}.new:1`);
  await cluster.clock.settle(leader.propose(bytes("y")));
  expect(await cluster.agreement()).toHaveLength(2);
  await cluster.stop();
});

test("rule 66: a pause of an hour harms nothing", async () => {
  const cluster = await Cluster.start();
  for (let pause = 0; pause < 5; pause += 1) {
    const leader = await cluster.leader();
    const proposal = watch(leader.propose(bytes(`${pause}`)));
    cluster.clock.leap(3_600_000);
    await cluster.clock.until(() => proposal.state !== "pending");
  }
  await cluster.clock.settle((await cluster.leader()).propose(bytes("end")));
  expect((await cluster.agreement()).at(-1)).toContain("end");
  await cluster.stop();
});

test("rules 65 and 69: heartbeats and votes do not wait for a large command's write", async () => {
  const wire = new Wire();
  const cluster = await Cluster.start({ policy: wire.policy });
  const leader = await cluster.leader();
  await cluster.agreement();
  for (const { store } of cluster.servers.values()) store.holdSyncs();
  const proposal = watch(leader.propose(Buffer.alloc(1_000_000)));
  wire.sent.length = 0;
  await cluster.clock.advance(ELECTION_TIMEOUT_MS * 0.8);

  expect(proposal.state).toBe("pending");
  expect(wire.count("Heartbeat")).toBeGreaterThanOrEqual(2 * 7);
  expect(wire.count("HeartbeatResponse")).toBeGreaterThanOrEqual(2 * 6);
  for (const { store } of cluster.servers.values()) store.releaseSyncs();
  await cluster.clock.until(() => proposal.state === "done");
  await cluster.stop();
});
