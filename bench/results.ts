/** What a run has found: what is printed, compared with targets, and put on the page. */

import type { Measured } from "./measured.ts";
import type { Opponents } from "./opponents.ts";
import type { FirstWarmUpMs } from "./plan.ts";
import type { CoreRow } from "./sections/core.ts";
import type { FailoverRow } from "./sections/failover.ts";
import type { LogRow } from "./sections/log.ts";
import type { SystemName } from "./system.ts";

export type LoadSection =
  "multiplexed" | "sockets" | "embedded" | "open" | "reads" | "nodes" | "values";
export type Section = "core" | LoadSection | "failover" | "log";

const LOAD_SECTIONS: readonly LoadSection[] = [
  "multiplexed",
  "sockets",
  "embedded",
  "open",
  "reads",
  "nodes",
  "values",
];
export const SECTIONS: readonly Section[] = ["core", ...LOAD_SECTIONS, "failover", "log"];

export function isLoad(section: Section): section is LoadSection {
  return (LOAD_SECTIONS as readonly Section[]).includes(section);
}

/** One system under one load: the medians of all rounds. */
export interface LoadRow extends Measured {
  readonly section: LoadSection;
  readonly lane: SystemName;
  readonly concurrency: number;
  /** The rate of an open loop. */
  readonly asked: number | undefined;
  readonly connections: number;
  readonly valueBytes: number;
  readonly nodes: number;
  /** Of each round, in turns with those of the other lanes. */
  readonly rounds: readonly { readonly perSecond: number; readonly p99Ms: number }[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
}

/** What was seen of others; `undefined` where nobody looked. */
export interface Quietness {
  /** The median of an `fdatasync` after 4 KiB were appended, before anything was measured. */
  readonly syncBeforeMs: number;
  /** Between measurements: the median of those medians, and the longest. */
  readonly syncDuringMs: number | undefined;
  readonly syncWorstMs: number | undefined;
  /** What others used of the machine before, in cores. */
  readonly othersBefore: number;
  /** The same while load was measured: the median and the most. */
  readonly othersDuring: number | undefined;
  readonly othersWorst: number | undefined;
}

export interface Results {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly command: string;
  readonly tookMs: number;
  /** Load on each system before its first measurement. */
  readonly firstWarmUpMs: FirstWarmUpMs;
  readonly quietness: Quietness;
  /** Why there is nothing of them to compare with. */
  readonly absent: Opponents["absent"];
  readonly core: readonly CoreRow[];
  readonly rows: readonly LoadRow[];
  readonly failover: FailoverRow | undefined;
  readonly log: readonly LogRow[];
}
