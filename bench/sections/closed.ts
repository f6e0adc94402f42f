/**
 * Section `closed`: acknowledged writes per second and their latency at each concurrency, ours and what it is compared
 * with in turns (A B A B), so that what the machine does meanwhile happens to all of them. Medians of the rounds.
 */

import type { Job } from "../load/job.ts";
import { median } from "../median.ts";
import type { Measured, System } from "../system.ts";

export interface ClosedPlan {
  readonly levels: readonly number[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly valueBytes: number;
}

/** A system in one of its forms. */
export interface Lane {
  readonly name: string;
  readonly system: System;
  connections(concurrency: number): number;
}

export interface ClosedRow extends Omit<Measured, "result" | "cpuMicrosEach"> {
  readonly lane: string;
  readonly concurrency: number;
}

export async function measureClosed(
  lanes: readonly Lane[],
  plan: ClosedPlan,
  onRow: (row: ClosedRow) => void,
): Promise<ClosedRow[]> {
  // Until the code is compiled, and the stores have their files.
  for (const lane of lanes) await lane.system.measure({ ...jobOf(lane, 64, plan), warmUpMs: 1500 });
  const rows: ClosedRow[] = [];
  for (const concurrency of plan.levels) {
    const measured = new Map<Lane, Measured[]>(lanes.map((lane) => [lane, []]));
    for (let round = 0; round < plan.rounds; round += 1) {
      for (const [lane, list] of measured)
        list.push(await lane.system.measure(jobOf(lane, concurrency, plan)));
    }
    for (const [lane, list] of measured) {
      const row = { lane: lane.name, concurrency, ...medianOf(list) };
      rows.push(row);
      onRow(row);
    }
  }
  return rows;
}

function jobOf(lane: Lane, concurrency: number, plan: ClosedPlan): Job {
  const { warmUpMs, measureMs, valueBytes } = plan;
  const connections = lane.connections(concurrency);
  return { operation: "put", concurrency, connections, valueBytes, warmUpMs, measureMs };
}

function medianOf(list: readonly Measured[]): Omit<ClosedRow, "lane" | "concurrency"> {
  const of = (value: (measured: Measured) => number): number => median(list.map(value));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    p999Ms: of(({ p999Ms }) => p999Ms),
    serverCpuMicros: of(({ serverCpuMicros }) => serverCpuMicros),
    loadCores: of(({ loadCores }) => loadCores),
    diskBytes: of(({ diskBytes }) => diskBytes),
    wroteBytes: of(({ wroteBytes }) => wroteBytes),
    residentBytes: of(({ residentBytes }) => residentBytes),
    failed: list.reduce((sum, { failed }) => sum + failed, 0),
    failure: list.find(({ failure }) => failure !== undefined)?.failure,
  };
}
