/** The faults of a schedule: kinds are switched on by the seed, each strikes now and then, and some seeds get a pattern. */

import type { RaftTuning } from "../src/node/options.ts";
import { PATTERNS } from "./patterns.ts";
import type { Rng } from "./random.ts";
import { TRIGGER_EVENTS } from "./schedule.ts";
import type { Action, ActionType, Fault, MessageType, Profile, Target, When } from "./schedule.ts";

export interface FaultContext {
  readonly profile: Profile;
  readonly nodes: number;
  readonly durationMs: number;
  readonly raft: RaftTuning;
}

type Family = "process" | "network" | "disk" | "clock";

const FAMILIES = {
  process: ["crash", "crash-many", "crash-on-write", "pause", "slow", "transfer"],
  network: [
    "isolate",
    "partition",
    "cut",
    "bridge",
    "ring",
    "flapping",
    "clog",
    "swizzle",
    "quality",
    "filter",
    "reset",
  ],
  disk: ["disk-stall", "disk-slow", "disk-fail", "bit-rot", "crash-on-write"],
  clock: ["clock-jump", "clock-drift", "pause"],
} as const satisfies Readonly<Record<Family, readonly ActionType[]>>;

const OF_PROFILE: Readonly<Record<Profile, readonly Family[]>> = {
  default: ["process", "network", "disk", "clock"],
  calm: [],
  network: ["network"],
  disk: ["disk"],
  clock: ["clock"],
  crash: ["process"],
  snapshots: ["process", "network"],
  tiny: ["process", "network", "disk", "clock"],
};

export function drawFaults(rng: Rng, context: FaultContext): readonly Fault[] {
  const drafts: Omit<Fault, "id">[] = [];
  const kinds = OF_PROFILE[context.profile]
    .flatMap((family) => FAMILIES[family])
    .filter(() => rng.chance(400_000));
  const meanGapMs = rng.pick([300, 800, 2000]);
  if (kinds.length > 0) {
    for (
      let atMs = rng.below(meanGapMs);
      atMs < context.durationMs;
      atMs += rng.between(1, 2 * meanGapMs)
    ) {
      const action = drawAction(rng, rng.pick(kinds), context);
      drafts.push({ when: { type: "at", atMs }, action });
    }
    for (let n = rng.below(4); n > 0; n -= 1) drafts.push(drawTriggered(rng, kinds, context));
  }
  if (context.profile !== "calm" && rng.chance(350_000)) {
    const pattern = rng.pick(PATTERNS);
    drafts.push(...pattern(rng, context));
  }
  return drafts.map((draft, id) => ({ ...draft, id }));
}

function drawTriggered(
  rng: Rng,
  kinds: readonly ActionType[],
  context: FaultContext,
): Omit<Fault, "id"> {
  const fromMs = rng.below(context.durationMs);
  const when: When = {
    type: "on",
    event: rng.pick(TRIGGER_EVENTS),
    fromMs,
    untilMs: context.durationMs,
    times: rng.between(1, 5),
    delayMs: rng.pick([0, 0, 1, 6, 30]),
  };
  const type = rng.pick([...kinds, "crash", "isolate", "propose"] as const);
  const action = drawAction(rng, type, context);
  return { when, action: "target" in action ? { ...action, target: "subject" } : action };
}

function drawTarget(rng: Rng, nodes: number): Target {
  return rng.chance(400_000) ? "leader" : rng.below(nodes);
}

function drawAction(rng: Rng, type: ActionType, { nodes, raft }: FaultContext): Action {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  const target = drawTarget(rng, nodes);
  const forMs = rng.pick([5, timeoutMs, 3 * timeoutMs, 2000]);
  const downMs = rng.pick([1, 10, timeoutMs, 3 * timeoutMs, 3000]);
  switch (type) {
    case "crash":
      return { type, target, downMs };
    case "crash-many":
      return { type, target, count: rng.between(1, nodes), downMs };
    case "crash-on-write":
      return { type, target, writes: rng.between(1, 5), downMs };
    case "pause":
      return { type, target, forMs };
    case "slow":
      return { type, target, turnCostUs: rng.pick([100, 2000, 10_000]), forMs };
    case "clock-jump":
      return { type, target, byMs: rng.pick([1, timeoutMs, 60_000]) };
    case "clock-drift":
      return { type, target, ppm: rng.between(-500_000, 1_000_000), forMs };
    case "disk-stall":
      return { type, target, forMs };
    case "disk-slow":
      return { type, target, factor: rng.pick([5, 50]), forMs };
    case "disk-fail":
      return {
        type,
        target,
        code: rng.pick(["EIO", "ENOSPC"]),
        isApplied: rng.chance(500_000),
        downMs,
      };
    case "bit-rot":
      return { type, target, downMs };
    case "transfer":
      return { type, to: rng.below(nodes) };
    case "propose":
      return { type, target, count: rng.between(1, 5) };
    default:
      return drawNetworkAction(rng, type, { nodes, timeoutMs, forMs });
  }
}

type NetworkAction = Exclude<
  ActionType,
  (typeof FAMILIES)["process" | "disk" | "clock"][number] | "propose"
>;

interface NetworkContext {
  readonly nodes: number;
  readonly timeoutMs: number;
  readonly forMs: number;
}

function drawNetworkAction(
  rng: Rng,
  type: NetworkAction,
  { nodes, timeoutMs, forMs }: NetworkContext,
): Action {
  const target = drawTarget(rng, nodes);
  const from = drawTarget(rng, nodes);
  const to = rng.below(nodes);
  switch (type) {
    case "isolate":
      return {
        type,
        target,
        direction: rng.pick(["both", "both", "in", "out"]),
        clients: rng.chance(300_000),
        forMs,
      };
    case "partition":
      return { type, side: rng.below(2 ** nodes), clients: rng.chance(300_000), forMs };
    case "cut":
      return { type, from, to, forMs };
    case "bridge":
      return { type, target, forMs };
    case "ring":
      return { type, forMs };
    case "flapping":
      return { type, from, to, periodMs: rng.pick([5, 50, timeoutMs]), forMs };
    case "clog":
      return { type, from, to, forMs };
    case "swizzle":
      return { type, nodes: rng.between(1, nodes), stepMs: rng.pick([10, 100]), forMs };
    case "quality":
      return {
        type,
        lossPpm: rng.pick([0, 50_000, 300_000]),
        duplicatePpm: rng.pick([0, 200_000]),
        maxDelayUs: rng.pick([1000, 20_000, timeoutMs * 1000]),
        forMs,
      };
    case "filter":
      return { type, from, messages: [rng.pick(FILTERED)], forMs };
    case "reset":
      return { type, from, to };
  }
}

const FILTERED: readonly MessageType[] = [
  "AppendEntries",
  "AppendEntriesResponse",
  "Heartbeat",
  "HeartbeatResponse",
  "RequestVote",
  "RequestVoteResponse",
  "PreVoteResponse",
  "SnapshotChunk",
  "SnapshotChunkResponse",
];
