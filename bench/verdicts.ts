/** What is to be reached, and whether it was. Only what was measured has a verdict. */

import { overEtcd, rowOf, shareOfBare } from "./comparison.ts";
import type { LoadRow, LoadSection, Results } from "./results.ts";
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
    ...results.core
      .filter(({ batch }) => PROPOSALS[batch] !== undefined)
      .map(({ batch, proposalsPerSecond }) =>
        atLeast(PROPOSALS[batch] ?? 0, proposalsPerSecond, `core alone, batches of ${batch}`, "/s"),
      ),
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
    const found = overEtcd(results, rowOf(results.rows, section, "quorate", concurrency));
    if (found === undefined) return [];
    const { perSecond, p99, note } = found;
    const where = `${what}, at ${concurrency}`;
    const list = [atLeast(target, perSecond, where, " x etcd", note)];
    const most = p99s[concurrency];
    if (most !== undefined && p99 !== undefined)
      list.push(atMost(most, p99, `p99 of ${where}`, " x etcd", note));
    return list;
  });
}

function ofBare(rows: readonly LoadRow[], section: LoadSection, shares: ByConcurrency): Verdict[] {
  return atEachLevel(shares, (concurrency, target) => {
    const share = shareOfBare(rows, rowOf(rows, section, "quorate", concurrency));
    if (share === undefined) return [];
    return [atLeast(target, share, `writes, ${section}, at ${concurrency}`, " of the bare line")];
  });
}

function atEachLevel(
  levels: ByConcurrency,
  verdicts: (concurrency: number, target: number) => Verdict[],
): Verdict[] {
  return Object.entries(levels).flatMap(([level, target]) => verdicts(Number(level), target));
}

function cpu(rows: readonly LoadRow[]): Verdict[] {
  const row = rowOf(rows, "multiplexed", "quorate", 256);
  if (row === undefined) return [];
  const what = "processor time of all servers a write, at 256";
  return [atMost(CPU_MICROS_A_PUT, sum(row.cpuMicros), what, " us")];
}

function failover({ failover: found }: Compared): Verdict[] {
  if (found === undefined) return [];
  const { writableMs, electionTimeoutMs } = found;
  const timeouts = median(writableMs) / electionTimeoutMs;
  const what = `time without a leader, median of ${writableMs.length} kills`;
  return [atMost(LEADERLESS_TIMEOUTS, timeouts, what, " x the minimum election timeout")];
}

/** Of the log on the journal. */
function log(results: Compared): Verdict[] {
  const list: Verdict[] = [];
  const rows = results.log.filter(({ storage }) => storage === "journal");
  const million = rows.find(({ entries }) => entries === MILLION);
  if (million !== undefined)
    list.push(atMost(OPEN_MS, million.openMs, "opening a log of a million entries", " ms"));
  const grown = rows.filter(({ entries }) => entries >= MILLION);
  const [first, last] = [grown[0], grown.at(-1)];
  if (first === undefined || last === undefined || first === last) return list;
  const memory = last.filledBytes - first.filledBytes;
  const what = `memory for each byte of the log, from ${first.entries} to ${last.entries} entries`;
  const grew = memory / (last.folderBytes - first.folderBytes);
  return [...list, atMost(MEMORY_A_LOGGED_BYTE, grew, what, " bytes")];
}

function atLeast(
  target: number,
  actual: number,
  what: string,
  unit: string,
  note?: string,
): Verdict {
  return { what, actual, unit, bound: "at least", target, passed: actual >= target, note };
}

function atMost(
  target: number,
  actual: number,
  what: string,
  unit: string,
  note?: string,
): Verdict {
  return { what, actual, unit, bound: "at most", target, passed: actual <= target, note };
}
