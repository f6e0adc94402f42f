/** The figures of a run as tables of text: the same for the terminal, for Markdown and for the page. */

import { overEtcd, shareOfBare, timesRedis } from "../comparison.ts";
import type { LoadRow, LoadSection, Results } from "../results.ts";
import { median, sum } from "../statistics.ts";
import { isOurs } from "../system.ts";
import { verdictsOf } from "../verdicts.ts";

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const TITLES: Readonly<Record<LoadSection, string>> = {
  multiplexed: "Writes, closed loop, clients over TCP on a few connections",
  sockets: "Writes, closed loop, a socket for each client",
  embedded: "Writes, closed loop, from within the leader's process",
  open: "Writes, open loop: latency from when each was meant to be sent",
  reads: "Linearizable reads, closed loop, clients over TCP on a few connections",
  nodes: "Writes as members are added, on the journal, closed loop, 256 clients over TCP",
  values: "Writes as values grow, on the journal, closed loop, 16 clients over TCP",
};

/** What tells the loads of a section apart. */
const LOADS: Readonly<Record<LoadSection, readonly [string, (row: LoadRow) => string]>> = {
  multiplexed: ["clients", ({ concurrency }) => count(concurrency)],
  sockets: ["clients", ({ concurrency }) => count(concurrency)],
  embedded: ["writers", ({ concurrency }) => count(concurrency)],
  open: ["asked per s", ({ asked = 0 }) => count(asked)],
  reads: ["clients", ({ concurrency }) => count(concurrency)],
  nodes: ["members", ({ nodes }) => count(nodes)],
  values: ["bytes", ({ valueBytes }) => count(valueBytes)],
};

/** What a load is told by in its section. */
export function loadOf(row: LoadRow): string {
  const [what, of] = LOADS[row.section];
  return `${of(row)} ${what}`;
}

export function tablesOf(results: Results): Table[] {
  const tables = [
    coreTable(results),
    ...(Object.keys(TITLES) as LoadSection[]).map(load),
    logTable(results),
  ];
  return [...tables, failoverTable(results)].filter(({ rows }) => rows.length > 0);

  function load(section: LoadSection): Table {
    const rows = results.rows.filter((row) => row.section === section);
    return loadTable(results, section, rows);
  }
}

function loadTable(results: Results, section: LoadSection, rows: readonly LoadRow[]): Table {
  const [what, of] = LOADS[section];
  const hasBare = rows.some(({ lane }) => lane === "bare");
  const hasEtcd = rows.some(({ lane }) => lane === "etcd");
  const hasRedis = rows.some(({ lane }) => lane === "redis");
  return {
    title: TITLES[section],
    columns: [
      [what, "system", "per s"],
      hasBare ? ["of bare"] : [],
      hasEtcd ? ["x etcd", "p99 x etcd"] : [],
      hasRedis ? ["x redis"] : [],
      ["p50 ms", "p99 ms", "p99.9 ms", "server CPU us", "load cores"],
      ["disk B", "written B", "RSS MiB"],
    ].flat(),
    rows: rows.map((row) =>
      [
        [of(row), row.lane, count(row.perSecond)],
        hasBare ? [(shareOfBare(rows, row) ?? 0).toFixed(2)] : [],
        hasEtcd ? timesEtcd(results, row) : [],
        hasRedis ? [isOurs(row.lane) ? (timesRedis(rows, row) ?? 0).toFixed(2) : ""] : [],
        [row.p50Ms, row.p99Ms, row.p999Ms].map((ms) => ms.toFixed(2)),
        [cpuOf(row), row.loadCores.toFixed(2), count(row.diskBytes), count(row.wroteBytes)],
        [mebibytes(row.residentBytes) + failuresOf(row)],
      ].flat(),
    ),
  };
}

/** Of our rows the writes or reads, and the p99, over those of etcd. */
function timesEtcd(results: Results, row: LoadRow): string[] {
  const found = isOurs(row.lane) ? overEtcd(results, row) : undefined;
  const from = found?.note === undefined ? "" : " (table)";
  return [found?.perSecond, found?.p99].map((ratio) =>
    ratio === undefined ? "" : `${ratio.toFixed(2)}${from}`,
  );
}

/** Together, and of each server process. */
function cpuOf({ cpuMicros }: LoadRow): string {
  const each = cpuMicros.map((micros) => micros.toFixed(1));
  return [sum(cpuMicros).toFixed(1), each.join(" + ")].join(" = ");
}

function failuresOf({ failed, failure }: LoadRow): string {
  return failed === 0 ? "" : ` (${failed} failed: ${failure})`;
}

function coreTable({ core }: Results): Table {
  return {
    title: "The core alone: three cores in one process, no I/O",
    columns: ["batch", "proposals/s", "bytes allocated a proposal"],
    rows: core.map((row) => [
      count(row.batch),
      count(row.proposalsPerSecond),
      count(row.bytesPerProposal),
    ]),
  };
}

function logTable({ log }: Results): Table {
  return {
    title: "As the log grows: one member without snapshots, killed and started again",
    columns: [
      "entries",
      "storage",
      "writes/s",
      "folder MiB",
      "memory MiB",
      "opens in ms",
      "applied in ms",
      "memory after MiB",
    ],
    rows: log.map((row) => [
      count(row.entries),
      row.storage,
      count(row.writesPerSecond),
      mebibytes(row.folderBytes),
      mebibytes(row.filledBytes),
      row.openMs.toFixed(0),
      row.appliedMs.toFixed(0),
      mebibytes(row.recoveredBytes),
    ]),
  };
}

function failoverTable({ failover }: Results): Table {
  return {
    title:
      "SIGKILL of the leader, on the journal: how long until there is another, and until it takes writes",
    columns: ["", "trials", "least ms", "median ms", "most ms"],
    rows:
      failover === undefined
        ? []
        : [timesRow("elected", failover.electedMs), timesRow("writable", failover.writableMs)],
  };
}

function timesRow(what: string, times: readonly number[]): string[] {
  const figures = [Math.min(...times), median(times), Math.max(...times)];
  return [what, count(times.length), ...figures.map((ms) => ms.toFixed(0))];
}

export function verdictTable(results: Results): Table {
  return {
    title: "Targets",
    columns: ["", "what", "is", "target", "on level"],
    rows: verdictsOf(results).map(
      ({ passed, what, actual, unit, bound, target, note, onLevel }) => [
        passed ? "pass" : "FAIL",
        note === undefined ? what : `${what} (${note})`,
        `${figure(actual)}${unit}`,
        `${bound} ${figure(target)}`,
        onLevel === undefined ? "" : figure(onLevel),
      ],
    ),
  };
}

export function figure(value: number): string {
  return value < 100 ? value.toFixed(2) : count(value);
}

/** Whole, with a space between thousands. */
export function count(value: number): string {
  return value.toFixed(0).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}

function mebibytes(bytes: number): string {
  return count(bytes / 2 ** 20);
}

/** Words stand to the left, figures to the right. */
export function isText(rows: Table["rows"], at: number): boolean {
  return rows.some((row) => /^[a-z]/i.test(row[at] ?? ""));
}
