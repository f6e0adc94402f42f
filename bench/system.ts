/** A system under test: its server processes, and the process that puts load on it. */

import type { Child } from "./child.ts";
import type { Job, LoadResult } from "./load/job.ts";
import { Histogram } from "./load/histogram.ts";
import { usageOf } from "./process-usage.ts";
import type { ProcessUsage } from "./process-usage.ts";

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Of all server processes together; with an embedded load, the load's too. */
  readonly serverCpuMicros: number;
  /** Of each server process, in the order of its start. */
  readonly cpuMicrosEach: readonly number[];
  /** Of the load process: 1 is one core all the time. 0 where it is one of the servers. */
  readonly loadCores: number;
  readonly diskBytes: number;
  readonly wroteBytes: number;
  /** Of the server process that has most. */
  readonly residentBytes: number;
  readonly failed: number;
  readonly failure: string | undefined;
  readonly result: LoadResult;
}

export interface System {
  readonly name: string;
  measure(job: Job): Promise<Measured>;
  stop(): Promise<void>;
}

/** Puts the job on `load` and looks at what the servers use meanwhile. */
export async function measureWith(
  load: Child,
  serverPids: readonly number[],
  job: Job,
): Promise<Measured> {
  const pids = [...serverPids, load.pid];
  const seen: Record<"begin" | "end", (ProcessUsage | undefined)[]> = { begin: [], end: [] };
  const result = await load.run(job, (moment) => (seen[moment] = pids.map(usageOf)));
  return measuredOf(result, seen, serverPids.includes(load.pid));
}

function measuredOf(
  result: LoadResult,
  seen: Record<"begin" | "end", readonly (ProcessUsage | undefined)[]>,
  isEmbedded: boolean,
): Measured {
  const { count, elapsedMs, failed, failure } = result;
  const histogram = Histogram.of(result.latency);
  const servers = seen.end.slice(0, -1);
  const spent = (what: "cpuMicros" | "wrote" | "writtenToDisk"): number[] =>
    seen.end.map((usage, at) => (usage?.[what] ?? 0) - (seen.begin[at]?.[what] ?? 0));
  const each = (what: "cpuMicros" | "wrote" | "writtenToDisk"): number[] =>
    spent(what)
      .slice(0, -1)
      .map((amount) => amount / Math.max(1, count));
  return {
    perSecond: (count / elapsedMs) * 1000,
    p50Ms: histogram.percentile(50) / 1000,
    p99Ms: histogram.percentile(99) / 1000,
    p999Ms: histogram.percentile(99.9) / 1000,
    serverCpuMicros: sum(each("cpuMicros")),
    cpuMicrosEach: each("cpuMicros"),
    loadCores: isEmbedded ? 0 : (spent("cpuMicros").at(-1) ?? 0) / 1000 / elapsedMs,
    diskBytes: sum(each("writtenToDisk")),
    wroteBytes: sum(each("wrote")),
    residentBytes: Math.max(0, ...servers.map((usage) => usage?.residentBytes ?? 0)),
    failed,
    failure,
    result,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
