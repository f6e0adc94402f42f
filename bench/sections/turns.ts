/**
 * The sections that put load on systems: each load on each of them in turns (A B C A B C), so that what the machine does
 * meanwhile happens to all of them, and the medians of the rounds.
 */

import type { Job } from "../load/job.ts";
import { medianOf } from "../measured.ts";
import type { Measured } from "../measured.ts";
import { FIRST_WARM_UP_MS } from "../plan.ts";
import type { QuietWatch } from "../quiet-watch.ts";
import type { LoadRow, LoadSection } from "../results.ts";
import type { System } from "../system.ts";

export interface Lane {
  readonly system: System;
  readonly nodes: number;
  /** Where a load shares connections: how many are best for this system. */
  readonly connections: number;
}

export interface Turns {
  readonly section: LoadSection;
  readonly rounds: number;
  /** For each load, what each lane is to do. */
  readonly jobs: readonly ((lane: Lane) => Job)[];
}

export async function measureInTurns(
  lanes: readonly Lane[],
  { section, rounds, jobs }: Turns,
  watch: QuietWatch,
  onRows: (rows: readonly LoadRow[]) => void,
): Promise<void> {
  for (const lane of lanes) await warmUp(lane, jobs[0]);
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

/** Always writes: reads shall find the keys. */
async function warmUp(lane: Lane, jobOf: ((lane: Lane) => Job) | undefined): Promise<void> {
  if (jobOf === undefined) return;
  const { connections, valueBytes, measureMs } = jobOf(lane);
  await lane.system.measure({
    operation: "put",
    concurrency: 64,
    connections,
    valueBytes: Math.min(valueBytes, 1024),
    warmUpMs: Math.min(FIRST_WARM_UP_MS, 2 * measureMs),
    measureMs: 1,
  });
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
