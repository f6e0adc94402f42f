/** What is to be reached, and whether it was. Only what was measured has a verdict. */

import { againstEtcd, validityOf } from "./reference.ts";
import type { LoadRow, LoadSection, Results } from "./results.ts";
import { median, ratioOfRounds, sum } from "./statistics.ts";
import type { SystemName } from "./system.ts";

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

const WRITES_OVER_ETCD: Readonly<Record<number, number>> = { 1: 1.2, 64: 2.8, 256: 4, 1000: 5.5 };
const P99_OVER_ETCD: Readonly<Record<number, number>> = { 1: 1.3, 64: 0.5, 256: 0.5, 1000: 0.4 };
const SHARE_OF_BARE: Readonly<Record<number, number>> = { 1: 0.75, 64: 0.5, 256: 0.5, 1000: 0.5 };
const SOCKETS_OVER_ETCD = 1.5;
const EMBEDDED_OF_BARE = 0.5;
const CPU_MICROS_A_PUT = 40;
const READS_OVER_ETCD = 5;
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
    ...atEachLevel(WRITES_OVER_ETCD, (c) => overEtcd(results, "multiplexed", c)),
    ...ofBare(rows, "multiplexed", SHARE_OF_BARE),
    ...atEachLevel({ 256: SOCKETS_OVER_ETCD }, (c) => overEtcd(results, "sockets", c)),
    ...ofBare(rows, "embedded", { 256: EMBEDDED_OF_BARE }),
    ...cpu(rows),
    ...atEachLevel({ 256: READS_OVER_ETCD }, (c) => overEtcd(results, "reads", c)),
    ...results.core
      .filter(({ batch }) => PROPOSALS[batch] !== undefined)
      .map(({ batch, proposalsPerSecond }) =>
        atLeast(PROPOSALS[batch] ?? 0, proposalsPerSecond, `core alone, batches of ${batch}`, "/s"),
      ),
    ...failover(results),
    ...log(results),
  ];
}

function atEachLevel(
  levels: Readonly<Record<number, number>>,
  verdicts: (concurrency: number) => Verdict[],
): Verdict[] {
  return Object.keys(levels).map(Number).flatMap(verdicts);
}

function overEtcd(results: Compared, section: LoadSection, concurrency: number): Verdict[] {
  const ours = find(results.rows, section, "quorate", concurrency);
  const etcd = find(results.rows, section, "etcd", concurrency);
  if (ours === undefined || etcd === undefined) return [];
  const bare = find(results.rows, "multiplexed", "bare", concurrency);
  // The table knows nothing of etcd with a socket per client.
  const applies = section !== "sockets" && validityOf(results).applies;
  const { perSecondRatio, p99Ratio, note } = againstEtcd(ours, etcd, bare, applies);
  const target = {
    multiplexed: WRITES_OVER_ETCD[concurrency] ?? 0,
    sockets: SOCKETS_OVER_ETCD,
    reads: READS_OVER_ETCD,
  }[section as string];
  const what = section === "reads" ? "linearizable reads" : `writes, ${section}`;
  const list = [
    atLeast(target ?? 0, perSecondRatio, `${what}, at ${concurrency}`, " x etcd", note),
  ];
  const p99 = P99_OVER_ETCD[concurrency];
  if (section === "multiplexed" && p99 !== undefined && p99Ratio !== undefined)
    list.push(
      atMost(p99, p99Ratio, `p99 of writes, ${section}, at ${concurrency}`, " x etcd", note),
    );
  return list;
}

function ofBare(
  rows: readonly LoadRow[],
  section: LoadSection,
  shares: Readonly<Record<number, number>>,
): Verdict[] {
  return atEachLevel(shares, (concurrency) => {
    const share = shareOfBare(rows, find(rows, section, "quorate", concurrency));
    if (share === undefined) return [];
    return [
      atLeast(
        shares[concurrency] ?? 0,
        share,
        `writes, ${section}, at ${concurrency}`,
        " of the bare line",
      ),
    ];
  });
}

/** Of what the machine can do with the same load; `undefined` where that was not measured. */
export function shareOfBare(
  rows: readonly LoadRow[],
  ours: LoadRow | undefined,
): number | undefined {
  if (ours === undefined) return undefined;
  const bare = rows.find(
    ({ lane, section, concurrency, asked }) =>
      lane === "bare" &&
      section === ours.section &&
      concurrency === ours.concurrency &&
      asked === ours.asked,
  );
  if (bare === undefined) return undefined;
  return ratioOfRounds(
    ours.rounds.map(({ perSecond }) => perSecond),
    bare.rounds.map(({ perSecond }) => perSecond),
  );
}

function cpu(rows: readonly LoadRow[]): Verdict[] {
  const row = find(rows, "multiplexed", "quorate", 256);
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

function log({ log: rows }: Compared): Verdict[] {
  const list: Verdict[] = [];
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

function find(
  rows: readonly LoadRow[],
  section: LoadSection,
  lane: SystemName,
  concurrency: number,
): LoadRow | undefined {
  return rows.find(
    (row) => row.section === section && row.lane === lane && row.concurrency === concurrency,
  );
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
