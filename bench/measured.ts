/** The figures of one measurement, from what the load counted and what the processes used; and their medians. */

import { Histogram } from "./load/histogram.ts";
import type { Counts } from "./load/histogram.ts";
import type { LoadResult } from "./load/job.ts";
import { median, sum } from "./statistics.ts";
import type { Busyness, ProcessUsage } from "./process-usage.ts";

interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Processor time for each operation of each server process, the busiest first; an embedded load is in it. */
  readonly cpuMicros: readonly number[];
  /** What the load used of one core; 0 where it is embedded. */
  readonly loadCores: number;
  /** Written to the disk for each operation, by whomever. */
  readonly diskBytes: number;
  /** Handed to `write` for each operation, files and sockets, by all server processes. */
  readonly wroteBytes: number;
  /** Of the server process that has most. */
  readonly residentBytes: number;
  readonly anonymousBytes: number;
  /** What others used of the machine meanwhile, in cores. */
  readonly othersCores: number;
}

export interface Measured extends Figures {
  readonly latency: Counts;
  readonly failed: number;
  readonly failure?: string | undefined;
}

/** What everybody had used at one moment. */
export interface Sample {
  readonly servers: readonly (ProcessUsage | undefined)[];
  readonly load: ProcessUsage | undefined;
  readonly machine: Busyness | undefined;
  /** Written to the disk. */
  readonly diskBytes: number;
}

export function measuredOf(result: LoadResult, begin: Sample, end: Sample): Measured {
  const { count, elapsedMs, failed, failure, latency } = result;
  const histogram = Histogram.of(latency);
  const each = (what: keyof ProcessUsage): number[] =>
    end.servers
      .map((usage, at) =>
        usage === undefined ? 0 : usage[what] - (begin.servers[at]?.[what] ?? 0),
      )
      .map((amount) => amount / Math.max(1, count));
  const ended = end.servers.filter((usage, at) => usage === undefined && begin.servers[at]).length;
  const most = (what: keyof ProcessUsage): number =>
    Math.max(0, ...end.servers.map((usage) => usage?.[what] ?? 0));
  const cores = (micros: number): number => micros / 1000 / elapsedMs;
  return {
    perSecond: (count / elapsedMs) * 1000,
    p50Ms: histogram.percentile(50) / 1000,
    p99Ms: histogram.percentile(99) / 1000,
    p999Ms: histogram.percentile(99.9) / 1000,
    cpuMicros: each("cpuMicros").toSorted((a, b) => b - a),
    loadCores: cores((end.load?.cpuMicros ?? 0) - (begin.load?.cpuMicros ?? 0)),
    diskBytes: (end.diskBytes - begin.diskBytes) / Math.max(1, count),
    wroteBytes: sum(each("wroteBytes")),
    residentBytes: most("residentBytes"),
    anonymousBytes: most("anonymousBytes"),
    othersCores: Math.max(0, cores(othersMicros(begin.machine, end.machine))),
    latency,
    failed: failed + ended,
    failure: failure ?? (ended > 0 ? "a server has ended" : undefined),
  };
}

function othersMicros(begin: Busyness | undefined, end: Busyness | undefined): number {
  if (begin === undefined || end === undefined) return 0;
  return end.allMicros - begin.allMicros - (end.ownMicros - begin.ownMicros);
}

/** Figure by figure: no round decides more than one of them. The latencies of all rounds together. */
export function medianOf(rounds: readonly Measured[]): Measured {
  const of = (value: (measured: Measured) => number): number => median(rounds.map(value));
  const failure = rounds.find((round) => round.failure !== undefined)?.failure;
  return {
    perSecond: of((round) => round.perSecond),
    p50Ms: of((round) => round.p50Ms),
    p99Ms: of((round) => round.p99Ms),
    p999Ms: of((round) => round.p999Ms),
    cpuMicros: (rounds[0]?.cpuMicros ?? []).map((_, at) =>
      of(({ cpuMicros }) => cpuMicros[at] ?? 0),
    ),
    loadCores: of((round) => round.loadCores),
    diskBytes: of((round) => round.diskBytes),
    wroteBytes: of((round) => round.wroteBytes),
    residentBytes: of((round) => round.residentBytes),
    anonymousBytes: of((round) => round.anonymousBytes),
    othersCores: of((round) => round.othersCores),
    latency: Histogram.of(...rounds.map(({ latency }) => latency)).counts,
    failed: sum(rounds.map(({ failed }) => failed)),
    failure,
  };
}
