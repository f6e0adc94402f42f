/**
 * A schedule from a seed: a swarm, in which each seed draws the size, which faults there are and how strong, the limits
 * and the habits of the clients. The same seed and profile give the same schedule, on any engine and for ever.
 */

import type { InboxLimits, RaftTuning, SnapshotPolicy } from "../src/node/options.ts";
import { drawFaults } from "./generate-faults.ts";
import { Rng } from "./random.ts";
import { OPERATION_TYPES } from "./schedule.ts";
import type {
  ClientPlan,
  ClockModel,
  DiskModel,
  NetworkModel,
  OperationType,
  PlannedOperation,
  Profile,
  Schedule,
} from "./schedule.ts";

export interface GenerateOptions {
  readonly profile?: Profile;
  /** Drawn from the seed where it is not given. */
  readonly nodes?: number | undefined;
  readonly durationMs?: number;
  /** Of all clients together. Drawn from the seed where it is not given. */
  readonly operationsPerSecond?: number | undefined;
}

export function generate(seed: number, options: GenerateOptions = {}): Schedule {
  const { profile = "default", durationMs = 20_000 } = options;
  const rng = (concern: string): Rng => new Rng(seed, `generate ${concern}`);
  // Where little happens between two snapshots, followers are now and then one entry short.
  const operationsPerSecond = options.operationsPerSecond ?? rng("rate").pick([50, 50, 50, 10, 4]);
  const nodes = options.nodes ?? drawSize(rng("size"));
  const isTiny = profile === "tiny" || (profile !== "calm" && rng("tiny").chance(250_000));
  const raft = drawRaft(rng("raft"), profile, isTiny);
  const clients = drawClients(rng("clients"), nodes, profile);
  return {
    seed,
    profile,
    nodes,
    durationMs,
    liveness: true,
    raft,
    snapshot: drawSnapshot(rng("snapshot"), profile, isTiny),
    ...(isTiny ? { inbox: drawInbox(rng("inbox")) } : {}),
    network: drawNetwork(rng("network"), profile),
    disk: drawDisk(rng("disk"), profile),
    ...drawJournal(rng("journal"), profile),
    clocks: withApplying(rng("applying"), profile, drawClocks(rng("clocks"), nodes, profile)),
    clients,
    operations: inBursts(
      rng("bursts"),
      enlarged(
        rng("large values"),
        profile,
        drawOperations(rng("operations"), clients.length, durationMs, operationsPerSecond),
      ),
    ),
    faults: drawFaults(rng, { profile, nodes, durationMs, raft }),
  };
}

function drawSize(rng: Rng): number {
  return rng.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
}

function drawRaft(rng: Rng, profile: Profile, isTiny: boolean): RaftTuning {
  const isCalm = profile === "calm";
  const heartbeatIntervalMs = rng.pick([50, 50, 100, 100]);
  const usual: RaftTuning = {
    electionTimeoutMs: heartbeatIntervalMs * rng.between(4, 8),
    heartbeatIntervalMs,
    preVote: isCalm || !rng.chance(333_333),
    checkQuorum: isCalm || !rng.chance(333_333),
    maxWritesInFlight: rng.pick([1, 1, 2, 3]),
    invariants: rng.chance(250_000) ? "all" : "cheap",
  };
  const tiny = {
    maxAppendBytes: rng.pick([100, 300, 1000]),
    maxInflightAppends: rng.pick([1, 2, 4]),
    maxInflightBytes: rng.pick([200, 1000, 10_000]),
    maxUncommittedBytes: rng.pick([500, 5000]),
    maxTailBytes: rng.pick([1, 500, 5000]),
    maxApplyBytes: rng.pick([100, 1000]),
    maxPendingReads: rng.pick([1, 4, 64]),
  };
  if (isTiny) return { ...usual, ...tiny };
  if (isCalm || rng.chance(700_000)) return usual;
  // One limit alone: together they hold each other off.
  const name = rng.pick(Object.keys(tiny) as (keyof typeof tiny)[]);
  return { ...usual, [name]: tiny[name] };
}

/** Every few entries where snapshots or the smallest limits are the point; elsewhere a run would do little else. */
function drawSnapshot(rng: Rng, profile: Profile, isTiny: boolean): Partial<SnapshotPolicy> {
  const keepEntries = rng.pick([0, 0, 1, 10, 40]);
  if (profile === "snapshots" || isTiny)
    return { everyEntries: rng.pick([5, 12, 30, 80]), keepEntries };
  if (rng.chance(500_000)) return { everyEntries: 300, keepEntries: 50 };
  return { everyEntries: rng.pick([12, 20, 40, 80]), keepEntries };
}

function drawInbox(rng: Rng): Partial<InboxLimits> {
  return {
    maxProposals: rng.pick([2, 20, 1000]),
    maxProposalBytes: rng.pick([200, 5000]),
    maxReads: rng.pick([2, 20, 1000]),
    maxMessages: rng.pick([4, 50, 1000]),
    maxMessageBytes: rng.pick([500, 10_000]),
  };
}

function drawNetwork(rng: Rng, profile: Profile): NetworkModel {
  const isRough = profile === "network" || (profile === "default" && rng.chance(500_000));
  return {
    mode: rng.chance(300_000) ? "stream" : "datagram",
    minDelayUs: rng.pick([50, 200, 500]),
    maxDelayUs: rng.pick([1000, 3000, 8000]),
    tailPpm: isRough ? rng.pick([0, 5000, 30_000]) : 1000,
    tailDelayUs: rng.pick([20_000, 100_000, 600_000]),
    lossPpm: isRough ? rng.pick([0, 5000, 50_000]) : 0,
    duplicatePpm: isRough ? rng.pick([0, 10_000, 100_000]) : 0,
    capacity: isRough ? rng.pick([20, 200]) : 1000,
    bytesPerMs: isRough ? rng.pick([0, 0, 100, 1000]) : 0,
  };
}

function drawDisk(rng: Rng, profile: Profile): DiskModel {
  const isSlow = profile === "disk" || (profile !== "calm" && rng.chance(300_000));
  return {
    readMinUs: 10,
    readMaxUs: rng.pick([50, 200]),
    syncMinUs: rng.pick([50, 200, 1000]),
    syncMaxUs: isSlow ? rng.pick([10_000, 40_000]) : rng.pick([1000, 3000]),
  };
}

/** Where disks matter: files so small that they are done with in a moment. */
function drawJournal(rng: Rng, profile: Profile): Pick<Schedule, "journal"> {
  if (profile === "calm" || profile === "network" || profile === "clock") return {};
  if (!rng.chance(300_000)) return {};
  return { journal: { segmentBytes: rng.pick([12_288, 12_288, 16_384, 65_536]) } };
}

function drawClocks(rng: Rng, nodes: number, profile: Profile): readonly ClockModel[] {
  const isOff = profile === "clock" || (profile === "default" && rng.chance(300_000));
  return Array.from({ length: nodes }, () => ({
    offsetUs: rng.below(1_000_000_000),
    driftPpm: isOff ? rng.between(-20_000, 20_000) : rng.between(-100, 100),
    turnCostUs: isOff && rng.chance(300_000) ? rng.pick([50, 500]) : 0,
  }));
}

/** Some state machines write to a disk of their own, or are just slow. */
function withApplying(
  rng: Rng,
  profile: Profile,
  clocks: readonly ClockModel[],
): readonly ClockModel[] {
  if (profile === "calm" || rng.chance(700_000)) return clocks;
  return clocks.map((clock) => ({ ...clock, applyUs: rng.pick([100, 2000, 20_000]) }));
}

function drawClients(rng: Rng, nodes: number, profile: Profile): readonly ClientPlan[] {
  const count = rng.between(2, 6);
  return Array.from({ length: count }, (_, number) => ({
    // The first always finds its way.
    stuckTo: number > 0 && profile !== "calm" && rng.chance(250_000) ? rng.below(nodes) : undefined,
    attemptTimeoutMs: rng.pick([100, 300, 1000]),
    retryBaseMs: rng.pick([5, 20]),
  }));
}

function drawOperations(
  rng: Rng,
  clients: number,
  durationMs: number,
  perSecond: number,
): readonly PlannedOperation[] {
  const keys = rng.pick([1, 3, 8]);
  const types: readonly OperationType[] = rng.chance(500_000)
    ? OPERATION_TYPES
    : ["get", "get", "put", "append", "increment"];
  const deadlines = rng.pick([
    [2000, 5000],
    [20, 100, 2000],
  ]);
  const count = Math.floor((durationMs * perSecond) / 1000);
  return Array.from({ length: count }, (_, id) => ({
    id,
    atMs: rng.below(durationMs),
    client: rng.below(clients),
    type: rng.pick(types),
    key: rng.below(keys),
    deadlineMs: rng.pick(deadlines),
  }));
}

/** In some seeds a few writes are large, so that snapshots have several chunks and messages take their time. */
function enlarged(
  rng: Rng,
  profile: Profile,
  operations: readonly PlannedOperation[],
): readonly PlannedOperation[] {
  if (profile === "calm" || !rng.chance(150_000)) return operations;
  // The larger, the rarer: every size costs a run about as much.
  const [bytes, ppm] = rng.pick([
    [20_000, 150_000],
    [60_000, 50_000],
    [200_000, 15_000],
  ] as const);
  return operations.map((operation) =>
    operation.type === "put" && rng.chance(ppm) ? { ...operation, bytes } : operation,
  );
}

/** In some seeds several come at once, of all clients: they race for keys, and fill batches, windows and queues. */
function inBursts(rng: Rng, operations: readonly PlannedOperation[]): readonly PlannedOperation[] {
  const together = rng.pick([1, 4, 16]);
  return operations.map((operation, at) => {
    const first = operations[at - (at % together)] ?? operation;
    return { ...operation, atMs: first.atMs };
  });
}
