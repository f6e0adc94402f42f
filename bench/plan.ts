/** What a run measures and for how long: in full, or in under a minute to see that it works. */

import type { Section } from "./results.ts";
import { sum } from "./statistics.ts";

export interface Plan {
  readonly sections: readonly Section[];
  readonly levels: readonly number[];
  /** Of one measurement. */
  readonly measureMs: number;
  readonly warmUpMs: number;
  readonly rounds: number;
  readonly valueBytes: number;
  /** Operations a second of the open loop. */
  readonly rates: readonly number[];
  readonly nodes: readonly number[];
  readonly valueSizes: readonly number[];
  /** Lengths of the log. */
  readonly entries: readonly number[];
  readonly kills: number;
}

/** Before a system's first load: until the code is compiled and the stores have their files. */
export const FIRST_WARM_UP_MS = 1500;

export const FULL: Omit<Plan, "sections"> = {
  levels: [1, 16, 64, 256, 1000],
  measureMs: 3000,
  warmUpMs: 500,
  rounds: 3,
  valueBytes: 128,
  rates: [500, 2000, 5000, 10_000, 20_000],
  nodes: [1, 3, 5, 7],
  valueSizes: [16, 128, 1024, 16 * 1024, 128 * 1024, 1024 * 1024],
  entries: [10_000, 100_000, 1_000_000, 10_000_000],
  kills: 20,
};

export const QUICK: Omit<Plan, "sections"> = {
  ...FULL,
  levels: [1, 64, 256],
  measureMs: 200,
  warmUpMs: 100,
  rounds: 1,
  rates: [2000],
  nodes: [1, 5],
  valueSizes: [16, 16 * 1024],
  entries: [10_000],
  kills: 2,
};

/** About how long it takes, so that nobody has to guess. */
export function expectedMs({ sections, ...plan }: Plan, hasEtcd: boolean): number {
  const compared = hasEtcd ? 3 : 2;
  const each = plan.rounds * (plan.measureMs + plan.warmUpMs + 50);
  const started = (systems: number): number =>
    systems * (700 + Math.min(FIRST_WARM_UP_MS, 2 * plan.measureMs));
  const loads = (systems: number, jobs: number): number => started(systems) + systems * jobs * each;
  const times: Record<Section, number> = {
    core: 4 * 700 + 3 * plan.measureMs,
    multiplexed: loads(compared, plan.levels.length) + (hasEtcd ? 6 * plan.measureMs : 0),
    sockets: loads(compared, plan.levels.length),
    embedded: loads(2, plan.levels.length),
    open: loads(compared, plan.rates.length),
    reads: loads(hasEtcd ? 2 : 1, plan.levels.length),
    nodes: plan.nodes.length * loads(1, 1),
    values: loads(1, plan.valueSizes.length),
    failover: plan.kills * 2000 + started(1),
    // Filled once, at 80 a millisecond, and applied again at each length, at 250.
    log: Math.max(...plan.entries) / 80 + sum(plan.entries.map((entries) => entries / 250 + 2500)),
  };
  return sum(sections.map((section) => times[section]));
}
