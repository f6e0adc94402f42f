/** The faults of a schedule: kinds are switched on by the seed, each strikes now and then, and some seeds get a pattern. */

import type { RaftTuning } from "../src/node/options.ts";
import { DAMAGE_KINDS, DAMAGED_RECORDS } from "./damage.ts";
import { OUTLASTS_ALL, PATTERNS } from "./patterns.ts";
import type { Rng } from "./random.ts";
import { TRIGGER_EVENTS } from "./schedule.ts";
import type { Action, ActionType, Fault, MessageType, Profile, Target, When } from "./schedule.ts";

/** Of a million faults so many outlast all patience. */
const LONG_PPM = 30_000;

export interface FaultContext {
  readonly profile: Profile;
  readonly nodes: number;
  readonly durationMs: number;
  readonly raft: RaftTuning;
}

type Family = "process" | "network" | "disk" | "clock";

const FAMILIES = {
  process: ["crash", "crash-many", "crash-on-write", "crash-on-io", "pause", "slow", "transfer"],
  network: [
    "isolate",
    "partition",
    "one-way",
    "cut",
    "bridge",
    "ring",
    "flapping",
    "clog",
    "swizzle",
    "quality",
    "bad-link",
    "narrow",
    "filter",
    "echo",
    "reset",
    "clog-clients",
    "pause-client",
  ],
  disk: [
    "disk-stall",
    "disk-slow",
    "disk-fail",
    "sync-fail",
    "read-fail",
    "guard-fail",
    "disk-full",
    "bit-rot",
    "crash-on-write",
    "crash-on-io",
  ],
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

type Draft = Omit<Fault, "id">;

/** `rngOf`: a generator for each concern, so that a draw more in one family shifts nothing in another. */
export function drawFaults(
  rngOf: (concern: string) => Rng,
  context: FaultContext,
): readonly Fault[] {
  const drafts: Draft[] = [];
  const rng = rngOf("patterns");
  const hasPattern = context.profile !== "calm" && rng.chance(400_000);
  // Some stories come to their end only where nothing else goes wrong.
  if (!hasPattern || rng.chance(600_000)) drafts.push(...drawMixture(rngOf, context));
  if (hasPattern) drafts.push(...rng.pick(PATTERNS)(rng, context));
  return drafts.map((draft, id) => ({ ...draft, id }));
}

/** This and that, of every family. */
function drawMixture(rngOf: (concern: string) => Rng, context: FaultContext): readonly Draft[] {
  const families = OF_PROFILE[context.profile];
  const kinds = new Set<ActionType>();
  const drafts: Draft[] = [];
  for (const family of families) {
    const rng = rngOf(`${family} faults`);
    const own = FAMILIES[family].filter(() => rng.chance(400_000));
    for (const kind of own) kinds.add(kind);
    drafts.push(...drawFamily(rng, own, families.length, context));
  }
  if (kinds.size > 0) drafts.push(...drawTriggered(rngOf("triggered faults"), [...kinds], context));
  if (families.includes("disk")) drafts.push(...drawDamages(rngOf("damage"), context));
  return drafts;
}

/** Of so many families, all together as often as one alone. */
function drawFamily(
  rng: Rng,
  kinds: readonly ActionType[],
  families: number,
  context: FaultContext,
): readonly Draft[] {
  const meanGapMs = rng.pick([300, 800, 2000]) * families;
  const drafts: Draft[] = [];
  if (kinds.length === 0) return drafts;
  for (
    let atMs = rng.below(meanGapMs);
    atMs < context.durationMs;
    atMs += rng.between(1, 2 * meanGapMs)
  ) {
    drafts.push({ when: { type: "at", atMs }, action: drawAction(rng, rng.pick(kinds), context) });
  }
  return drafts;
}

/** Few, since a node that notices is gone for the rest of the run; most are restarted soon, and notice then. */
function drawDamages(rng: Rng, context: FaultContext): readonly Draft[] {
  if (!rng.chance(400_000)) return [];
  const isBudgeted = !rng.chance(100_000);
  const drafts: Draft[] = [];
  for (let n = rng.between(1, 6); n > 0; n -= 1) {
    const target = rng.below(context.nodes);
    const atMs = rng.below(context.durationMs);
    const type = rng.pick(["damage", "damage", "damage", "lose-batch"] as const);
    const action = drawAction(rng, type, context);
    if (action.type !== "damage" && action.type !== "lose-batch") continue;
    drafts.push({ when: { type: "at", atMs }, action: { ...action, target, isBudgeted } });
    if (rng.chance(300_000)) continue;
    const crash = { type: "crash", target, downMs: rng.pick([1, 100]) } as const;
    drafts.push({ when: { type: "at", atMs: atMs + rng.pick([0, 10, 1000]) }, action: crash });
  }
  return drafts;
}

function drawTriggered(
  rng: Rng,
  kinds: readonly ActionType[],
  context: FaultContext,
): readonly Draft[] {
  return Array.from({ length: rng.below(4) }, () => {
    const when: When = {
      type: "on",
      event: rng.pick(TRIGGER_EVENTS),
      fromMs: rng.below(context.durationMs),
      untilMs: context.durationMs,
      times: rng.between(1, 5),
      delayMs: rng.pick([0, 0, 1, 6, 30]),
    };
    const type = rng.pick([...kinds, "crash", "isolate", "propose"] as const);
    const action = drawAction(rng, type, context);
    return { when, action: "target" in action ? { ...action, target: "subject" } : action };
  });
}

function drawTarget(rng: Rng, nodes: number): Target {
  return rng.chance(400_000) ? "leader" : rng.below(nodes);
}

function drawAction(rng: Rng, type: ActionType, { nodes, raft }: FaultContext): Action {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  const target = drawTarget(rng, nodes);
  const forMs = rng.chance(LONG_PPM)
    ? OUTLASTS_ALL * timeoutMs
    : rng.pick([5, timeoutMs, 3 * timeoutMs, 2000]);
  const downMs = rng.pick([1, 10, timeoutMs, 3 * timeoutMs, 3000]);
  switch (type) {
    case "crash":
      return { type, target, downMs };
    case "crash-many":
      return { type, target, count: rng.between(1, nodes), downMs };
    case "crash-on-io":
      return { type, target, operations: rng.between(1, 20), downMs };
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
    case "disk-full":
      return { type, target, forMs };
    case "sync-fail":
    case "read-fail":
    case "guard-fail":
    case "bit-rot":
      return { type, target, downMs };
    case "damage":
      return {
        type,
        target,
        how: rng.pick(DAMAGE_KINDS),
        records: rng.pick(["log", "log", ...DAMAGED_RECORDS]),
        isBudgeted: true,
      };
    case "lose-batch":
      return { type, target, isBudgeted: true };
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
  (typeof FAMILIES)["process" | "disk" | "clock"][number] | "damage" | "lose-batch" | "propose"
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
    case "one-way":
      return { type, side: rng.below(2 ** nodes), forMs };
    case "clog-clients":
      return { type, target, forMs };
    case "pause-client":
      return { type, client: rng.below(6), forMs };
    case "narrow":
      return { type, from, to, bytesPerMs: rng.pick([1, 10, 100]), forMs };
    case "bad-link":
      return {
        type,
        from,
        to,
        lossPpm: rng.pick([0, 50_000, 500_000]),
        duplicatePpm: rng.pick([0, 500_000]),
        maxDelayUs: rng.pick([1000, 20_000, timeoutMs * 1000]),
        forMs,
      };
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
    case "echo":
      return { type, target, afterMs: rng.pick([50, timeoutMs, 3 * timeoutMs]), forMs };
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
  "PreVote",
  "PreVoteResponse",
  "TimeoutNow",
  "InstallSnapshot",
  "InstallSnapshotResponse",
  "SnapshotChunk",
  "SnapshotChunkResponse",
];
