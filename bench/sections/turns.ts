/**
 * The sections that put load on systems: each load on each of them in turns (A B C A B C), so that what the machine does
 * meanwhile happens to all of them, and the medians of the rounds.
 */

import type { Job } from "../load/job.ts";
import { medianOf } from "../measured.ts";
import type { Measured } from "../measured.ts";
import { LOW_CONCURRENCY } from "../plan.ts";
import type { FirstWarmUpMs } from "../plan.ts";
import type { QuietWatch } from "../quiet-watch.ts";
import type { LoadRow, LoadSection } from "../results.ts";
import type { System } from "../system.ts";

/** Of the first warm-up: as many as are measured, but for the most. */
const HIGH_CONCURRENCY = 256;

export interface Lane {
  readonly system: System;
  readonly nodes: number;
  /** Where a load shares connections: how many are best for this system. */
  readonly connections: number;
}

export interface Turns {
  readonly section: LoadSection;
  /** Of each lane, before its first load. */
  readonly firstWarmUpMs: FirstWarmUpMs;
  readonly roundsOf: (concurrency: number) => number;
  /** For each load, what each lane is to do. */
  readonly jobs: readonly ((lane: Lane) => Job)[];
}

export async function measureInTurns(
  lanes: readonly Lane[],
  { section, firstWarmUpMs, roundsOf, jobs }: Turns,
  watch: QuietWatch,
  onRows: (rows: readonly LoadRow[]) => void,
): Promise<void> {
  for (const lane of lanes) await warmUp(lane, jobs, firstWarmUpMs);
  for (const jobOf of jobs) {
    const measured = lanes.map((): Measured[] => []);
    const rounds = Math.max(...lanes.map((lane) => roundsOf(jobOf(lane).concurrency)));
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

/** A server that has run for a while. Writes first, also where reads are measured: they shall find the keys. */
async function warmUp(
  lane: Lane,
  jobsOf: readonly ((lane: Lane) => Job)[],
  { high, low }: FirstWarmUpMs,
): Promise<void> {
  const jobs = jobsOf.map((jobOf) => jobOf(lane));
  const connections = Math.max(...jobs.map((job) => job.connections));
  const load = async (
    operation: Job["operation"],
    concurrency: number,
    warmUpMs: number,
  ): Promise<unknown> =>
    lane.system.measure({
      operation,
      concurrency,
      connections: Math.min(connections, HIGH_CONCURRENCY),
      valueBytes: Math.min(...jobs.map((job) => job.valueBytes)),
      warmUpMs,
      measureMs: 1,
    });
  const operation = jobs[0]?.operation ?? "put";
  await load("put", HIGH_CONCURRENCY, high);
  if (operation !== "put") await load(operation, HIGH_CONCURRENCY, high);
  if (jobs.some(isLow)) await load(operation, 1, low);
}

/** An open loop is so at its lowest rate. */
function isLow({ concurrency, perSecond }: Job): boolean {
  return perSecond !== undefined || concurrency < LOW_CONCURRENCY;
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
