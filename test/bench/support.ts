/** Results of runs that never were. */

import { FULL } from "../../bench/plan.ts";
import type { LoadRow, Results } from "../../bench/results.ts";
import type { LogRow } from "../../bench/sections/log.ts";

export function row(over: Partial<LoadRow> & Pick<LoadRow, "lane">): LoadRow {
  const { perSecond = 1000, p99Ms = 10 } = over;
  return {
    section: "multiplexed",
    concurrency: 256,
    asked: undefined,
    connections: 8,
    valueBytes: 128,
    nodes: 3,
    perSecond,
    p50Ms: 5,
    p99Ms,
    p999Ms: 20,
    cpuMicros: [20, 8, 7],
    loadCores: 0.2,
    diskBytes: 1000,
    wroteBytes: 1200,
    residentBytes: 80 * 2 ** 20,
    anonymousBytes: 70 * 2 ** 20,
    othersCores: 0.05,
    latency: [[100, 10]],
    failed: 0,
    rounds: [{ perSecond, p99Ms }],
    ...over,
  };
}

export function logRow(over: Partial<LogRow>): LogRow {
  return {
    storage: "journal",
    entries: 1000,
    writesPerSecond: 1000,
    folderBytes: 100_000,
    filledBytes: 2 ** 20,
    openMs: 5,
    appliedMs: 10,
    recoveredBytes: 2 ** 20,
    ...over,
  };
}

export const REFERENCE_MACHINE = {
  cpu: "Intel(R) Xeon(R) Processor",
  cores: 2,
  memoryBytes: 24 * 2 ** 30,
  system: "Linux 6.1",
};

export function results(over: Partial<Results>): Results {
  return {
    machine: { ...REFERENCE_MACHINE, cores: 16 },
    versions: { Node: "v20.0.0" },
    command: "npm run bench",
    tookMs: 60_000,
    firstWarmUpMs: FULL.firstWarmUpMs,
    quietness: {
      syncBeforeMs: 0.1,
      syncDuringMs: 0.1,
      syncWorstMs: 0.2,
      othersBefore: 0.01,
      othersDuring: 0.05,
      othersWorst: 0.1,
    },
    absent: {},
    core: [],
    rows: [],
    failover: undefined,
    log: [],
    ...over,
  };
}
