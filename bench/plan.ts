/** What a run measures and for how long: in full, or in under a minute to see that it works. */

import type { StorageName } from "./quorate/storages.ts";
import type { LoadSection, Section } from "./results.ts";
import { sum } from "./statistics.ts";
import type { SystemName } from "./system.ts";

export interface Plan {
  readonly sections: readonly Section[];
  readonly levels: readonly number[];
  /** Of a system that has just started, at a high level and, where it is measured at a low one, at a low one. */
  readonly firstWarmUpMs: FirstWarmUpMs;
  /** Before each measurement, at its own level. */
  readonly warmUpMs: number;
  /** Of one measurement. */
  readonly measureMs: number;
  readonly rounds: number;
  readonly valueBytes: number;
  /** Connections that are tried for etcd, which is told the number that it does best with. */
  readonly etcdConnections: readonly number[];
  /** Operations a second of the open loop. */
  readonly rates: readonly number[];
  readonly nodes: readonly number[];
  readonly valueSizes: readonly number[];
  /** Lengths of the log. */
  readonly entries: readonly number[];
  readonly kills: number;
}

/** Until code is compiled, and has been for a while. */
export interface FirstWarmUpMs {
  readonly high: number;
  /** What V8 has made of many requests in a turn it makes anew for one at a time: by their number, so it takes longer. */
  readonly low: number;
}

export const FULL: Omit<Plan, "sections"> = {
  levels: [1, 64, 256, 1000],
  firstWarmUpMs: { high: 16_000, low: 8000 },
  warmUpMs: 500,
  measureMs: 1000,
  rounds: 7,
  valueBytes: 128,
  etcdConnections: [1, 2, 4, 8, 16, 32],
  rates: [500, 5000, 20_000],
  nodes: [1, 3, 5],
  valueSizes: [16, 1024, 16 * 1024, 1024 * 1024],
  entries: [10_000, 100_000, 1_000_000, 10_000_000],
  kills: 20,
};

export const QUICK: Omit<Plan, "sections"> = {
  ...FULL,
  levels: [1, 256],
  firstWarmUpMs: { high: 200, low: 100 },
  warmUpMs: 100,
  measureMs: 200,
  rounds: 1,
  etcdConnections: [16],
  rates: [2000],
  nodes: [5],
  valueSizes: [16, 16 * 1024],
  entries: [10_000],
  kills: 1,
};

/** Below it, a turn is one request as often as not. */
export const LOW_CONCURRENCY = 16;

/** Of few clients a second is a few hundred writes, and one pause of the disk a tenth of them: where they are judged, more often. */
export function roundsOf(
  { rounds }: Pick<Plan, "rounds">,
  section: LoadSection,
  concurrency: number,
): number {
  return section === "multiplexed" && concurrency < LOW_CONCURRENCY ? 3 * rounds : rounds;
}

/** Which systems are measured in which section, in their turns. */
export const SYSTEMS: Readonly<Record<LoadSection, readonly SystemName[]>> = {
  multiplexed: ["bare", "etcd", "redis", "quorate", "quorate on level"],
  sockets: ["bare", "etcd", "quorate", "quorate on level"],
  embedded: ["bare", "quorate", "quorate on level"],
  open: ["bare", "etcd", "quorate"],
  reads: ["etcd", "quorate"],
  nodes: ["quorate"],
  values: ["quorate"],
};

/** What a log is grown on, and how far at the most: on `level` until the two can be compared, not for minutes. */
export const LONGEST_LOG: Readonly<Record<StorageName, number>> = {
  journal: Infinity,
  level: 1_000_000,
};

/** Of a cluster, until it leads. */
const STARTING_MS = 1200;

/** About how long it takes, so that nobody has to guess. */
export function expectedMs({ sections, ...plan }: Plan, absent: readonly string[]): number {
  const round = plan.measureMs + plan.warmUpMs + 50;
  const each = plan.rounds * round;
  const more = (concurrency: number): number =>
    roundsOf(plan, "multiplexed", concurrency) - plan.rounds;
  const { high, low } = plan.firstWarmUpMs;
  const loads = (section: LoadSection, jobs: number, warmUpMs = high + low): number => {
    const systems = SYSTEMS[section].filter((name) => !absent.includes(name));
    return systems.length * (STARTING_MS + warmUpMs + jobs * each);
  };
  const times: Record<Section, number> = {
    core: 4 * 700 + 3 * plan.measureMs,
    multiplexed:
      loads("multiplexed", plan.levels.length + sum(plan.levels.map(more)) / plan.rounds) +
      (absent.includes("etcd")
        ? 0
        : plan.etcdConnections.length * (plan.warmUpMs + Math.min(1000, plan.measureMs))),
    sockets: loads("sockets", plan.levels.length),
    embedded: loads("embedded", plan.levels.length),
    open: loads("open", plan.rates.length),
    // The writes of the keys come first.
    reads: loads("reads", plan.levels.length, high + high + low),
    nodes: plan.nodes.length * loads("nodes", 1, high),
    values: loads("values", plan.valueSizes.length, high),
    failover: plan.kills * 2000 + STARTING_MS,
    log: sum(
      Object.values(LONGEST_LOG).map((longest) =>
        logMs(plan.entries.filter((entries) => entries <= longest)),
      ),
    ),
  };
  return sum(sections.map((section) => times[section]));
}

/** Filled once, at 100 entries a millisecond, and applied again at each length, at 250. */
function logMs(lengths: readonly number[]): number {
  return Math.max(0, ...lengths) / 100 + sum(lengths.map((entries) => entries / 250 + 2500));
}
