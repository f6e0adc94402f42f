/** What is to be reached, and whether it was, on the journal. Only what was measured has a verdict. */

import { counted } from "../sim/counted.ts";
import { overEtcd, rowOf, shareOfBare } from "./comparison.ts";
import type { StorageName } from "./quorate/storages.ts";
import type { LoadRow, LoadSection, Results } from "./results.ts";
import type { LogRow } from "./sections/log.ts";
import { median, sum } from "./statistics.ts";

export interface Verdict {
  readonly what: string;
  readonly actual: number;
  readonly unit: string;
  readonly bound: "at least" | "at most";
  readonly target: number;
  readonly passed: boolean;
  /** Where the figure is not what one would think. */
  readonly note: string | undefined;
  /** The same figure of quorate on `level`, where it was measured. */
  readonly onLevel: number | undefined;
}

type ByConcurrency = Readonly<Record<number, number>>;

const WRITES_OVER_ETCD: ByConcurrency = { 1: 1.2, 64: 2.8, 256: 4, 1000: 5.5 };
const P99_OVER_ETCD: ByConcurrency = { 1: 1.3, 64: 0.5, 256: 0.5, 1000: 0.4 };
const SHARE_OF_BARE: ByConcurrency = { 1: 0.75, 64: 0.5, 256: 0.5, 1000: 0.5 };
const SOCKETS_OVER_ETCD = 1.5;
const EMBEDDED_OF_BARE = 0.5;
const CPU_MICROS_A_PUT = 40;
const READS_OVER_ETCD = 5;
/** By batch. */
const PROPOSALS: Readonly<Record<number, number>> = { 1: 160_000, 64: 1_400_000 };
const LEADERLESS_TIMEOUTS = 1.5;
const MILLION = 1_000_000;
const OPEN_MS = 3000;
/** Of memory for each byte that the log has on disk. Below a million entries it is the heap that grows, not the log. */
const MEMORY_A_LOGGED_BYTE = 0.1;

type Compared = Pick<Results, "machine" | "rows" | "core" | "failover" | "log">;

export function verdictsOf(results: Compared): Verdict[] {
  const { rows } = results;
  return [
    ...ofEtcd(results, "multiplexed", WRITES_OVER_ETCD, P99_OVER_ETCD),
    ...ofBare(rows, "multiplexed", SHARE_OF_BARE),
    ...ofEtcd(results, "sockets", { 256: SOCKETS_OVER_ETCD }, {}),
    ...ofBare(rows, "embedded", { 256: EMBEDDED_OF_BARE }),
    ...cpu(rows),
    ...ofEtcd(results, "reads", { 256: READS_OVER_ETCD }, {}),
    ...core(results),
    ...failover(results),
    ...log(results),
  ];
}

function ofEtcd(
  results: Compared,
  section: LoadSection,
  writes: ByConcurrency,
  p99s: ByConcurrency,
): Verdict[] {
  const what = section === "reads" ? "linearizable reads" : `writes, ${section}`;
  return atEachLevel(writes, (concurrency, target) => {
    const [found, level] = onBoth(results.rows, section, concurrency).map((row) =>
      overEtcd(results, row),
    );
    if (found === undefined) return [];
    const { perSecond, p99, note } = found;
    const where = { what: `${what}, at ${concurrency}`, unit: " x etcd", note };
    const list = [atLeast(target, { ...where, actual: perSecond, onLevel: level?.perSecond })];
    const most = p99s[concurrency];
    // Where nothing was answered there is no latency.
    if (most !== undefined && p99 !== undefined && p99 > 0) {
      const p99Of = `p99 of ${where.what}`;
      list.push(atMost(most, { ...where, what: p99Of, actual: p99, onLevel: level?.p99 }));
    }
    return list;
  });
}

function ofBare(rows: readonly LoadRow[], section: LoadSection, shares: ByConcurrency): Verdict[] {
  return atEachLevel(shares, (concurrency, target) => {
    const [actual, onLevel] = onBoth(rows, section, concurrency).map((row) =>
      shareOfBare(rows, row),
    );
    if (actual === undefined) return [];
    const what = `writes, ${section}, at ${concurrency}`;
    return [atLeast(target, { what, unit: " of the bare line", actual, onLevel })];
  });
}

function atEachLevel(
  levels: ByConcurrency,
  verdicts: (concurrency: number, target: number) => Verdict[],
): Verdict[] {
  return Object.entries(levels).flatMap(([level, target]) => verdicts(Number(level), target));
}

function cpu(rows: readonly LoadRow[]): Verdict[] {
  const [actual, onLevel] = onBoth(rows, "multiplexed", 256).map(
    (row) => row && sum(row.cpuMicros),
  );
  // Nobody has told, where it is nothing.
  if (actual === undefined || actual === 0) return [];
  const what = "processor time of all servers a write, at 256";
  return [atMost(CPU_MICROS_A_PUT, { what, unit: " us", actual, onLevel })];
}

/** On the journal, and on `level`. */
function onBoth(
  rows: readonly LoadRow[],
  section: LoadSection,
  concurrency: number,
): (LoadRow | undefined)[] {
  return (["quorate", "quorate on level"] as const).map((lane) =>
    rowOf(rows, section, lane, concurrency),
  );
}

function core({ core: rows }: Compared): Verdict[] {
  return rows.flatMap(({ batch, proposalsPerSecond: actual }) => {
    const target = PROPOSALS[batch];
    if (target === undefined) return [];
    return [atLeast(target, { what: `core alone, batches of ${batch}`, unit: "/s", actual })];
  });
}

function failover({ failover: found }: Compared): Verdict[] {
  if (found === undefined) return [];
  const { writableMs, electionTimeoutMs } = found;
  const actual = median(writableMs) / electionTimeoutMs;
  const what = `time without a leader, median of ${counted(writableMs.length, "kill")}`;
  const unit = " x the minimum election timeout";
  return [atMost(LEADERLESS_TIMEOUTS, { what, unit, actual })];
}

function log(results: Compared): Verdict[] {
  const list: Verdict[] = [];
  const rowsOn = (on: StorageName): LogRow[] => results.log.filter(({ storage }) => storage === on);
  const [opened, onLevel] = (["journal", "level"] as const).map(
    (on) => rowsOn(on).find(({ entries }) => entries === MILLION)?.openMs,
  );
  if (opened !== undefined) {
    const what = "opening a log of a million entries";
    list.push(atMost(OPEN_MS, { what, unit: " ms", actual: opened, onLevel }));
  }
  const grown = rowsOn("journal").filter(
    ({ entries, filledBytes }) => entries >= MILLION && filledBytes > 0,
  );
  const [first, last] = [grown[0], grown.at(-1)];
  if (first === undefined || last === undefined || first === last) return list;
  const memory = last.filledBytes - first.filledBytes;
  const what = `memory for each byte of the log, from ${first.entries} to ${last.entries} entries`;
  const actual = memory / (last.folderBytes - first.folderBytes);
  return [...list, atMost(MEMORY_A_LOGGED_BYTE, { what, unit: " bytes", actual })];
}

/** What has been found, before it is held against a target. */
type Found = Pick<Verdict, "what" | "unit" | "actual"> & Partial<Pick<Verdict, "note" | "onLevel">>;

function atLeast(target: number, found: Found): Verdict {
  const passed = found.actual >= target;
  return { note: undefined, onLevel: undefined, ...found, bound: "at least", target, passed };
}

function atMost(target: number, found: Found): Verdict {
  const passed = found.actual <= target;
  return { note: undefined, onLevel: undefined, ...found, bound: "at most", target, passed };
}
