/**
 * The sections that put load on systems: each load on each of them in turns (A B C A B C), so that what the machine does
 * meanwhile happens to all of them, and the medians of the rounds.
 */

import type { Job } from "../load/job.ts";
import { medianOf } from "../measured.ts";
import type { Measured } from "../measured.ts";
import type { QuietWatch } from "../quiet-watch.ts";
import type { LoadRow, LoadSection } from "../results.ts";
import type { System } from "../system.ts";

/** Enough to exercise every path, and no more than there are sockets for. */
const WARM_UP_CONCURRENCY = 256;

export interface Lane {
  readonly system: System;
  readonly nodes: number;
  /** Where a load shares connections: how many are best for this system. */
  readonly connections: number;
}

export interface Turns {
  readonly section: LoadSection;
  /** Of each lane, before its first load. */
  readonly firstWarmUpMs: number;
  readonly rounds: number;
  /** For each load, what each lane is to do. */
  readonly jobs: readonly ((lane: Lane) => Job)[];
}

export async function measureInTurns(
  lanes: readonly Lane[],
  { section, firstWarmUpMs, rounds, jobs }: Turns,
  watch: QuietWatch,
  onRows: (rows: readonly LoadRow[]) => void,
): Promise<void> {
  for (const lane of lanes) await warmUp(lane, jobs, firstWarmUpMs);
  for (const jobOf of jobs) {
    const measured = lanes.map((): Measured[] => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [at, lane] of lanes.entries()) {
        watch.probe();
        const figures = await lane.system.measure(jobOf(lane));
        watch.measured(figures.othersCores);
        measured[at]?.push(figures);
      }
    }
    onRows(lanes.map((lane, at) => rowOf(section, lane, jobOf(lane), measured[at] ?? [])));
  }
}

/**
 * Long enough for a server that has run for a while: V8 goes on compiling for several seconds. Writes first, also where
 * reads are measured: they shall find the keys.
 */
async function warmUp(
  lane: Lane,
  jobsOf: readonly ((lane: Lane) => Job)[],
  warmUpMs: number,
): Promise<void> {
  const jobs = jobsOf.map((jobOf) => jobOf(lane));
  const connections = Math.max(...jobs.map((job) => job.connections));
  const valueBytes = Math.min(...jobs.map((job) => job.valueBytes));
  for (const operation of new Set<Job["operation"]>(["put", ...jobs.map((job) => job.operation)])) {
    await lane.system.measure({
      operation,
      concurrency: WARM_UP_CONCURRENCY,
      connections: Math.min(connections, WARM_UP_CONCURRENCY),
      valueBytes,
      warmUpMs,
      measureMs: 1,
    });
  }
}

function rowOf(section: LoadSection, lane: Lane, job: Job, rounds: readonly Measured[]): LoadRow {
  const { concurrency, perSecond: asked, connections, valueBytes } = job;
  return {
    section,
    lane: lane.system.name,
    concurrency,
    asked,
    connections,
    valueBytes,
    nodes: lane.nodes,
    ...medianOf(rounds),
    rounds: rounds.map(({ perSecond, p99Ms }) => ({ perSecond, p99Ms })),
  };
}
