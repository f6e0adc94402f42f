/** Snapshots of a node: when they are taken, how they travel, and what is left of them on the disk. */

import { describe, expect, test } from "vitest";
import { MAX_CHUNK_BYTES } from "../../src/storage/storage.ts";
import type { PeerMessage, SnapshotChunk } from "../../src/transport/transport.ts";
import { Cluster } from "../support/cluster.ts";
import type { ClusterOptions, JournalNode, JournalOptions } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import { live } from "./support/chaos.ts";
import { snapshotsOn } from "./support/disk.ts";
import { bytes, Wire } from "./support/outcome.ts";
import { withMethods } from "./support/storage.ts";

/** Three chunks and a bit. */
const BALLAST = 400_000;
const SMALL: JournalOptions = { snapshot: { everyEntries: 10, keepEntries: 2 } };

async function fill(cluster: Cluster, leader: JournalNode, count: number, size = 1): Promise<void> {
  const outcomes = [];
  for (let at = 0; at < count; at += 1) {
    outcomes.push(leader.propose(Buffer.alloc(size, "x")));
    await cluster.clock.advance(1);
  }
  await cluster.clock.settle(Promise.all(outcomes));
}

/** A cluster whose third member has not been started, so far behind that it needs a snapshot of several chunks. */
async function withLatecomer(
  options: ClusterOptions = {},
): Promise<{ cluster: Cluster; leader: JournalNode; wire: Wire }> {
  const wire = new Wire();
  const cluster = Cluster.prepare({
    node: SMALL,
    machine: () => new Journal({ ballastBytes: BALLAST }),
    policy: wire.policy,
    ...options,
  });
  for (const id of ["n1", "n2"]) await cluster.boot(id);
  const leader = await cluster.leader();
  await fill(cluster, leader, 25);
  await cluster.clock.until(() => leader.status().firstIndex > 10);
  wire.sent.length = 0;
  return { cluster, leader, wire };
}

/** On every disk there is the one current snapshot, and nothing of any other. */
/** The state machine of a member on its own, restored from the snapshot that one like it has given. */
async function restoredFromItsOwn(machineOf: () => Journal): Promise<Journal> {
  const cluster = await Cluster.start({ size: 1, node: SMALL, machine: machineOf });
  await fill(cluster, await cluster.leader(), 12);
  await cluster.clock.until(() => cluster.server("n1").node.status().snapshotIndex > 0);
  cluster.crash("n1");
  const { machine } = await cluster.boot("n1");
  await cluster.clock.until(() => machine.restored === 1);
  await cluster.stop();
  return machine;
}

async function expectNoLeftovers(cluster: Cluster): Promise<void> {
  await cluster.clock.advance(1000);
  await cluster.stop();
  for (const { id, disk } of cluster.servers.values()) {
    const { staged, current } = await snapshotsOn(disk);
    expect(staged, `chunks on ${id}`).toEqual(current);
    expect(current.length, `snapshots on ${id}`).toBeLessThanOrEqual(1);
  }
}

function isOfSnapshot(message: PeerMessage): boolean {
  return message.type.startsWith("SnapshotChunk");
}

function chunksOf(sent: readonly PeerMessage[]): SnapshotChunk[] {
  return sent.filter((message) => message.type === "SnapshotChunk");
}

describe("by policy", () => {
  test("a snapshot is taken every so many entries, and the tail that the policy wants stays", async () => {
    const cluster = await Cluster.start({
      size: 1,
      node: { snapshot: { everyEntries: 10, keepEntries: 4 } },
    });
    const leader = await cluster.leader();
    await fill(cluster, leader, 9);
    await cluster.clock.advance(50);

    const { snapshotIndex, firstIndex } = leader.status();
    expect(snapshotIndex).toBe(10);
    expect(firstIndex).toBe(snapshotIndex - 4 + 1);
    await fill(cluster, leader, 30);
    await cluster.clock.advance(50);
    expect(leader.status()).toMatchObject({ snapshotIndex: 40, firstIndex: 37 });
    expect(cluster.server("n1").machine.captured).toBe(4);
    await expectNoLeftovers(cluster);
  });

  test("or after so many bytes, and of the tail no more bytes than wanted", async () => {
    const cluster = await Cluster.start({
      size: 1,
      node: { snapshot: { everyBytes: 10_000, keepBytes: 4000 } },
    });
    const leader = await cluster.leader();
    await fill(cluster, leader, 200, 500);
    await cluster.clock.advance(50);

    const { snapshotIndex, firstIndex } = leader.status();
    expect(cluster.server("n1").machine.captured).toBe(10);
    const kept = snapshotIndex - firstIndex + 1;
    expect(kept).toBeLessThanOrEqual(4000 / 500);
    expect(kept).toBeGreaterThanOrEqual(4000 / 500 / 2);
    await cluster.stop();
  });

  test("thesis 5.1.2: a large one is taken anew only once the log has grown four times as much", async () => {
    const ballastBytes = 1.5 * 2 ** 20;
    const cluster = await Cluster.start({
      size: 1,
      node: SMALL,
      machine: () => new Journal({ ballastBytes }),
    });
    const leader = await cluster.leader();
    const takenAt = (): number => leader.state.snapshot.lastIncluded.index;
    await fill(cluster, leader, 15);
    await cluster.clock.until(() => takenAt() > 0);
    const first = takenAt();

    await fill(cluster, leader, 58, 100_000);
    await cluster.clock.advance(1000);
    expect(takenAt()).toBe(first);

    await fill(cluster, leader, 6, 100_000);
    await cluster.clock.until(() => takenAt() > first);
    await cluster.stop();
  });

  test("thesis 5.1.2: a log of commands without a byte outgrows a large one, too", async () => {
    const ballastBytes = 1.1 * 2 ** 20;
    const cluster = await Cluster.start({
      size: 1,
      node: SMALL,
      machine: () => new Journal({ ballastBytes }),
    });
    const leader = await cluster.leader();
    const takenAt = (): number => leader.state.snapshot.lastIncluded.index;
    await fill(cluster, leader, 15);
    await cluster.clock.until(() => takenAt() > 0);
    const first = takenAt();

    const ignored = { done: () => undefined, failed: () => undefined };
    for (let round = 1; round <= 4; round += 1) {
      for (let n = 0; n < 40_000; n += 1) leader.submit(Buffer.alloc(0), ignored, n);
      await cluster.clock.until(() => leader.status().lastApplied > round * 40_000);
    }
    await cluster.clock.advance(1000);
    expect(takenAt()).toBeGreaterThan(first);
    await cluster.stop();
  });

  test("it is streamed beside applying, and reflects the state as it was when it was taken", async () => {
    const staging: (() => void)[] = [];
    const cluster = await Cluster.start({
      size: 1,
      node: SMALL,
      storage: (storage) =>
        withMethods(storage, {
          stageChunk: async (id, chunk, data) => {
            await new Promise<void>((resolve) => void staging.push(resolve));
            await storage.stageChunk(id, chunk, data);
          },
        }),
    });
    const leader = await cluster.leader();
    await fill(cluster, leader, 30);
    expect(leader.status()).toMatchObject({ lastApplied: 31, snapshotIndex: 0 });
    expect(staging).toHaveLength(1);

    staging.shift()?.();
    await cluster.clock.until(() => leader.status().snapshotIndex > 0);
    const { snapshotIndex } = leader.status();
    expect(snapshotIndex).toBeLessThan(15);
    cluster.crash("n1");
    const again = await cluster.boot("n1");
    await cluster.clock.until(() => again.node.status().lastApplied === 31);
    expect(again.machine.restored).toBe(1);
    expect(again.machine.commands.map((line) => Number(line.split(":")[0]))).toEqual(
      Array.from({ length: 30 }, (_, n) => n + 2),
    );
    for (const release of staging) release();
    await cluster.clock.settle(again.node.stop());
  });

  test.each([100_000, 10])(
    "a stop leaves a snapshot unfinished that would take for ever, in pieces of %i bytes",
    async (size) => {
      const cluster = await Cluster.start({
        size: 1,
        node: SMALL,
        machine: (_, clock) => {
          const journal = new Journal();
          journal.snapshot = async function* forEver(): AsyncGenerator<Uint8Array> {
            for (;;) {
              await new Promise<void>((resolve) => clock.setTimer(10, resolve));
              yield Buffer.alloc(size);
            }
          };
          return journal;
        },
      });
      const leader = await cluster.leader();
      await fill(cluster, leader, 12);
      const before = cluster.clock.now();
      await cluster.clock.settle(leader.stop());
      expect(cluster.clock.now() - before).toBeLessThan(1000);
    },
  );

  test.each<[unknown, string]>([
    ["text", "not String"],
    [5, "not Number"],
    [new ArrayBuffer(5), "not ArrayBuffer"],
    [undefined, "not Undefined"],
  ])("a state machine that yields %s in place of bytes stops the node", async (piece, kind) => {
    const broken = new Journal();
    broken.snapshot = async function* (): AsyncGenerator<Uint8Array> {
      yield piece as Uint8Array;
    };
    const cluster = await Cluster.start({ size: 1, node: SMALL, machine: () => broken });
    const leader = await cluster.leader();
    const outcomes = Array.from({ length: 12 }, () => leader.propose(bytes("x")));
    await cluster.clock.settle(Promise.allSettled(outcomes));
    await cluster.clock.until(() => leader.failure !== undefined);

    expect(leader.failure).toMatchObject({ code: "RAFT_APPLY_FAILED" });
    expect(leader.failure?.message).toContain(kind);
    expect(leader.status().firstIndex).toBe(1);
  });

  test("a state machine may fill the same buffer again for every piece", async () => {
    const text = `${Array.from({ length: 9 }, (_, n) => `${n}`).join("\n")}\0`;
    const machine = await restoredFromItsOwn(() => {
      const journal = new Journal();
      journal.snapshot = async function* (): AsyncGenerator<Uint8Array> {
        const buffer = Buffer.alloc(2);
        for (let at = 0; at < text.length; at += buffer.length)
          yield buffer.subarray(0, buffer.write(text.slice(at, at + buffer.length)));
      };
      return journal;
    });

    expect(machine.commands.slice(0, 9)).toEqual(text.slice(0, -1).split("\n"));
  });

  test("pieces of any size come back as the same bytes, in chunks as large as they may be", async () => {
    const sizes = [1, 4095, 1, 1, 3000, 9000, 60_000, 200_000, 0, 1, 131_072, 7];
    const written = Buffer.concat(sizes.map((size, at) => Buffer.alloc(size, at + 1)));
    const restored: Buffer[] = [];
    await restoredFromItsOwn(() => {
      const journal = new Journal();
      journal.snapshot = async function* (): AsyncGenerator<Uint8Array> {
        for (const [at, size] of sizes.entries()) yield Buffer.alloc(size, at + 1);
      };
      journal.restore = async (chunks) => {
        for await (const chunk of chunks) restored.push(Buffer.from(chunk));
        journal.restored += 1;
      };
      return journal;
    });

    expect(Buffer.concat(restored).equals(written)).toBe(true);
    expect(restored).toHaveLength(Math.ceil(written.length / MAX_CHUNK_BYTES));
  });

  test("a state machine that yields nothing is given nothing when it is restored", async () => {
    const pieces: number[] = [];
    await restoredFromItsOwn(() => {
      const journal = new Journal();
      journal.snapshot = async function* (): AsyncGenerator<Uint8Array> {};
      journal.restore = async (chunks) => {
        for await (const { length } of chunks) pieces.push(length);
        journal.restored += 1;
      };
      return journal;
    });

    expect(pieces).toEqual([]);
  });

  test("rule 63: a state machine that cannot be captured, or restored, stops the node", async () => {
    const broken = new Journal();
    broken.snapshot = () => {
      throw new Error("cannot");
    };
    const cluster = await Cluster.start({ size: 1, node: SMALL, machine: () => broken });
    const leader = await cluster.leader();
    const outcomes = Array.from({ length: 12 }, () => leader.propose(bytes("x")));
    await cluster.clock.settle(Promise.allSettled(outcomes));
    await cluster.clock.until(() => leader.failure !== undefined);
    expect(leader.failure).toMatchObject({
      code: "RAFT_APPLY_FAILED",
      cause: { message: "cannot" },
    });

    const { cluster: other } = await withLatecomer({
      machine: (id) => {
        const journal = new Journal();
        if (id === "n3") journal.restore = () => Promise.reject(new Error("cannot"));
        return journal;
      },
    });
    const { node } = await other.boot("n3");
    await other.clock.until(() => node.failure !== undefined);
    expect(node.failure).toMatchObject({ code: "RAFT_APPLY_FAILED", cause: { message: "cannot" } });
  });
});

describe("a follower that is far behind", () => {
  test("rule 59: gets what is still in the log from the leader's disk, beyond what is in memory", async () => {
    const wire = new Wire();
    let reads = 0;
    const cluster = Cluster.prepare({
      policy: wire.policy,
      node: { maxTailBytes: 1, maxAppendBytes: 500, maxInflightAppends: 2 },
      storage: (storage) =>
        withMethods(storage, {
          readEntries: (range) => {
            reads += 1;
            return storage.readEntries(range);
          },
        }),
    });
    for (const id of ["n1", "n2"]) await cluster.boot(id);
    await fill(cluster, await cluster.leader(), 200, 20);
    reads = 0;

    await cluster.boot("n3");
    expect(await cluster.agreement()).toHaveLength(200);
    expect(reads).toBeGreaterThan(10);
    expect(chunksOf(wire.sent)).toEqual([]);
    await cluster.stop();
  });

  test("and what is not by a snapshot in several chunks, while the leader stays (rule 58)", async () => {
    const { cluster, leader, wire } = await withLatecomer();
    wire.fate = (message) => [message.type === "SnapshotChunk" ? 300 : 1];
    const { currentTerm } = leader.status();
    const { machine, node } = await cluster.boot("n3");
    await cluster.agreement();

    expect(machine.restored).toBe(1);
    expect(chunksOf(wire.sent).map(({ chunk }) => chunk)).toEqual([0, 1, 2, 3]);
    expect(leader.status()).toMatchObject({ role: "leader", currentTerm });
    expect(node.status().currentTerm).toBe(currentTerm);
    expect(wire.count("Heartbeat", leader.id)).toBeGreaterThan(20);
    await fill(cluster, leader, 30);
    await cluster.agreement();
    await expectNoLeftovers(cluster);
  });

  test("rule 33: through a network that loses, repeats and reorders chunks and answers", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { cluster, leader, wire } = await withLatecomer({ seed });
      wire.fate = (message) => {
        const dice = cluster.random();
        if (!isOfSnapshot(message)) return [0];
        if (dice < 0.2) return [];
        return dice < 0.6 ? [cluster.random() * 50] : [0, cluster.random() * 400, 1500];
      };
      const { machine } = await cluster.boot("n3");
      await cluster.clock.until(() => machine.restored === 1, 30_000);
      await fill(cluster, leader, 3);
      expect(await cluster.agreement()).toHaveLength(28);
      await expectNoLeftovers(cluster);
    }
  });

  test("a late answer costs the sender a detour of a chunk, and no more", async () => {
    const { cluster, wire } = await withLatecomer();
    let isLate = false;
    wire.fate = (message) => {
      if (message.type !== "SnapshotChunkResponse" || message.next !== 1 || isLate) return [0];
      isLate = true;
      // The copy comes when the third chunk is under way.
      return [0, 15];
    };
    const slow = wire.fate;
    wire.fate = (message, from, to) =>
      message.type === "SnapshotChunk" ? [10] : slow(message, from, to);
    const { machine } = await cluster.boot("n3");

    await cluster.clock.until(() => machine.restored === 1, 400);
    expect(chunksOf(wire.sent).length).toBeLessThanOrEqual(6);
    await cluster.stop();
  });

  test("over a line on which a chunk takes longer than an answer may, in twice the time that the line needs", async () => {
    const { cluster, wire } = await withLatecomer({
      machine: () => new Journal({ ballastBytes: 1_000_000 }),
    });
    let isFreeAt = 0;
    // A hundred bytes in a millisecond, one chunk after the other; what is short overtakes them.
    wire.fate = (message) => {
      if (message.type !== "SnapshotChunk") return [0];
      const now = cluster.clock.now();
      isFreeAt = Math.max(isFreeAt, now) + message.data.length / 100;
      return [isFreeAt - now];
    };
    const { machine } = await cluster.boot("n3");
    await cluster.clock.until(() => machine.restored === 1, 25_000);

    expect(chunksOf(wire.sent).length).toBeLessThan(20);
    await cluster.stop();
  });

  test("rule 54: a receiver that lost its chunks in a crash says so, and the sender rewinds", async () => {
    const { cluster, wire } = await withLatecomer();
    wire.fate = (message) => [message.type === "SnapshotChunk" ? 100 : 0];
    await cluster.boot("n3");
    await cluster.clock.until(() => chunksOf(wire.sent).some(({ chunk }) => chunk === 2));
    cluster.crash("n3");
    const { machine } = await cluster.boot("n3");
    await cluster.clock.until(() => machine.restored === 1, 5000);

    expect(chunksOf(wire.sent).map(({ chunk }) => chunk)).toEqual([0, 1, 2, 0, 1, 2, 3]);
    await cluster.agreement();
    await expectNoLeftovers(cluster);
  });

  test("a transfer that was given up goes on where the follower is", async () => {
    const { cluster, leader, wire } = await withLatecomer();
    const { machine } = await cluster.boot("n3");
    // The rest of the first attempt is lost: chunks 2 and 3 do not come through until the sender has given up.
    let isOpen = false;
    wire.fate = (message) =>
      message.type === "SnapshotChunk" && message.chunk >= 2 && !isOpen ? [] : [0];
    await cluster.clock.until(() =>
      leader.status().peers.some(({ id, mode }) => id === "n3" && mode === "snapshot"),
    );
    await cluster.clock.advance(12_000);
    expect(machine.restored).toBe(0);
    wire.sent.length = 0;
    isOpen = true;
    await cluster.clock.until(() => machine.restored === 1, 3000);

    const resent = chunksOf(wire.sent).map(({ chunk }) => chunk);
    expect(resent.filter((chunk) => chunk === 1)).toEqual([]);
    await cluster.agreement();
    await expectNoLeftovers(cluster);
  });

  test("is sent a snapshot to its end while newer ones are taken, and the log goes on from there", async () => {
    const { cluster, leader, wire } = await withLatecomer();
    wire.fate = (message) => [message.type === "SnapshotChunk" ? 50 : 0];
    const { machine } = await cluster.boot("n3");
    await cluster.clock.until(() => chunksOf(wire.sent).length > 0);
    const before = leader.status().snapshotIndex;
    await fill(cluster, leader, 35);
    expect(leader.status().snapshotIndex).toBeGreaterThan(before);
    await cluster.agreement();

    expect(new Set(chunksOf(wire.sent).map(({ snapshot }) => snapshot.id)).size).toBe(1);
    expect(machine.restored).toBe(1);
    await expectNoLeftovers(cluster);
  });

  test("that got half a snapshot of a leader which died does not keep the half", async () => {
    const { cluster, leader, wire } = await withLatecomer();
    wire.fate = (message) => [message.type === "SnapshotChunk" ? 100 : 0];
    await cluster.boot("n3");
    await cluster.clock.until(() => chunksOf(wire.sent).some(({ chunk }) => chunk === 2));
    cluster.crash(leader.id);
    wire.fate = () => [0];
    await cluster.leader(leader);
    await cluster.clock.until(() => cluster.server("n3").machine.restored === 1);
    await cluster.boot(leader.id);
    expect(await cluster.agreement()).toHaveLength(25);
    await expectNoLeftovers(cluster);
  });

  test("leaves its own snapshot unfinished when it restores the leader's, and nothing of it stays", async () => {
    const cluster = await Cluster.start({
      node: SMALL,
      machine: (id, clock) => {
        const journal = new Journal();
        if (id !== "n3") return journal;
        // As one does whose snapshot reads from what a restore closes.
        journal.snapshot = async function* (): AsyncGenerator<Uint8Array> {
          yield Buffer.alloc(200_000);
          while (journal.restored === 0)
            await new Promise<void>((resolve) => clock.setTimer(5, resolve));
          throw new Error("closed");
        };
        return journal;
      },
    });
    const leader = await cluster.leader();
    const { machine, node } = cluster.server("n3");
    if (leader === node) {
      await cluster.clock.settle(node.transferLeadership("n1"));
    }
    await fill(cluster, await cluster.leader(), 12);
    await cluster.clock.until(() => node.status().lastApplied > 10);
    cluster.cutOff("n3");
    await fill(cluster, await cluster.leader(node), 40);
    cluster.network.healAll();
    await cluster.clock.until(() => machine.restored === 1);
    await cluster.clock.advance(100);

    expect(node.failure).toBeUndefined();
    await expectNoLeftovers(cluster);
  });

  test("restores what it has begun to read, although the next snapshot is in already", async () => {
    let isHeld = true;
    const reading: (() => void)[] = [];
    const { cluster, leader } = await withLatecomer({
      storage: (storage, id) =>
        withMethods(storage, {
          readChunk: async (snapshot, chunk) => {
            if (id === "n3" && chunk === 1 && isHeld)
              await new Promise<void>((resolve) => void reading.push(resolve));
            return storage.readChunk(snapshot, chunk);
          },
        }),
    });
    const { machine, node } = await cluster.boot("n3");
    await cluster.clock.until(() => reading.length > 0);
    const first = node.status().snapshotIndex;
    cluster.cutOff("n3");
    await fill(cluster, leader, 40);
    await cluster.clock.advance(100);
    cluster.network.healAll();
    await cluster.clock.until(() => node.status().snapshotIndex > first);
    await cluster.clock.advance(200);
    isHeld = false;
    for (const release of reading) release();

    await fill(cluster, await cluster.leader(), 1);
    await cluster.agreement();
    expect(machine.restored).toBe(2);
    await expectNoLeftovers(cluster);
  });
});

describe("after a crash", () => {
  test("rule 55: a snapshot that was staged and not switched in is gone, and the log serves", async () => {
    const cluster = await Cluster.start({ size: 1, node: SMALL });
    const leader = await cluster.leader();
    const { store } = cluster.server("n1");
    await fill(cluster, leader, 8);
    // The last entry before the snapshot, then its one chunk, and then the switch, which does not get through.
    const outcome = leader.propose(bytes("last"));
    await cluster.clock.settle(outcome);
    store.holdSyncs();
    await cluster.clock.until(() => leader.status().lastApplied === 10);
    await cluster.clock.advance(20);
    cluster.crash("n1");

    const again = await cluster.boot("n1");
    await cluster.clock.until(() => again.node.status().lastApplied >= 10);
    expect(again.machine.commands).toHaveLength(9);
    await expectNoLeftovers(cluster);
  });

  test("a member comes back from its snapshot and the log behind it", async () => {
    const cluster = await Cluster.start({ node: SMALL });
    await fill(cluster, await cluster.leader(), 37);
    const before = await cluster.agreement();
    for (const id of cluster.ids) cluster.crash(id);
    for (const id of cluster.ids) await cluster.boot(id);
    await fill(cluster, await cluster.leader(), 1);

    expect((await cluster.agreement()).slice(0, -1)).toEqual(before);
    for (const { machine } of cluster.servers.values()) expect(machine.restored).toBe(1);
    await expectNoLeftovers(cluster);
  });
});

test("snapshots every few entries on slow disks with several writes under way are kept as long as they are needed", async () => {
  const { applied } = await live(18, {
    size: 5,
    node: {
      electionTimeoutMs: 150,
      heartbeatIntervalMs: 30,
      preVote: false,
      checkQuorum: false,
      maxAppendBytes: 150,
      maxInflightAppends: 2,
      maxApplyBytes: 200,
      maxWritesInFlight: 3,
      snapshot: { everyEntries: 3, keepEntries: 1 },
    },
    applyMs: 0,
    ballastBytes: 0,
    diskMs: 40,
    steps: 160,
    blackouts: false,
  });
  expect(applied).toBeGreaterThan(20);
});
