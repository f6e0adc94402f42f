/** Which pictures a run gives: throughput and latency against concurrency, latency by percentile, growth, kills. */

import { counted } from "../../sim/counted.ts";
import { Histogram } from "../load/histogram.ts";
import type { StorageName } from "../quorate/storages.ts";
import type { LoadRow, LoadSection, Results } from "../results.ts";
import type { LogRow } from "../sections/log.ts";
import type { SystemName } from "../system.ts";
import type { Axis, Chart, Point, Series } from "./chart.ts";

export interface ChartGroup {
  readonly title: string;
  readonly charts: readonly Chart[];
}

const COLOURS: Readonly<Record<SystemName, string>> = {
  quorate: "#1d6fd8",
  "quorate on level": "#a94bc9",
  etcd: "#c2570c",
  redis: "#b3123f",
  bare: "#7a8494",
};
const SECOND = "#0f8a7e";

const CLOSED: readonly (readonly [LoadSection, string])[] = [
  ["multiplexed", "few connections"],
  ["sockets", "a socket per client"],
  ["embedded", "embedded"],
  ["reads", "linearizable reads"],
];

const MILLISECONDS: Axis = { title: "milliseconds", scale: "log" };

/** On this axis a percentile stands at the number of its nines. */
const PERCENTILES: Axis = {
  title: "percentile",
  scale: "linear",
  ticks: [
    { at: 0, text: "0" },
    { at: 1, text: "90" },
    { at: 2, text: "99" },
    { at: 3, text: "99.9" },
    { at: 4, text: "99.99" },
  ],
};

export function chartGroups(results: Results): ChartGroup[] {
  const { rows } = results;
  const of = (section: LoadSection): LoadRow[] => rows.filter((row) => row.section === section);
  const groups = [
    { title: "Throughput against concurrency", charts: againstConcurrency(of, "per second") },
    { title: "p99 against concurrency", charts: againstConcurrency(of, "p99") },
    { title: "Latency by percentile, open loop", charts: distributions(of("open")) },
    { title: "Latency by percentile, closed loop", charts: distributions(of("multiplexed")) },
    { title: "As it grows, on the journal", charts: [...growth(of), ...logCharts(results)] },
    { title: "After a SIGKILL of the leader, on the journal", charts: kills(results) },
  ];
  return groups
    .map(({ title, charts }) => ({
      title,
      charts: charts.filter(({ series }) => series.some(({ points }) => points.length > 0)),
    }))
    .filter(({ charts }) => charts.length > 0);
}

function againstConcurrency(
  of: (section: LoadSection) => LoadRow[],
  what: "per second" | "p99",
): Chart[] {
  return CLOSED.map(([section, title]) => ({
    title: section === "reads" ? title : `writes, ${title}`,
    x: levels(
      "clients",
      of(section).map(({ concurrency }) => concurrency),
    ),
    y: what === "p99" ? MILLISECONDS : { title: what, scale: "log" },
    series: lanes(of(section), ({ concurrency: x, perSecond, p99Ms }) => [
      { x, y: what === "p99" ? p99Ms : perSecond },
    ]),
  }));
}

/** One chart for each load: the whole distribution of each lane. */
function distributions(rows: readonly LoadRow[]): Chart[] {
  const loads = [...new Set(rows.map(({ asked, concurrency }) => asked ?? concurrency))];
  return loads.map((load) => ({
    title: rows.some(({ asked }) => asked !== undefined)
      ? `${load} writes/s`
      : counted(load, "client"),
    x: PERCENTILES,
    y: MILLISECONDS,
    dots: false,
    series: lanes(
      rows.filter(({ asked, concurrency }) => (asked ?? concurrency) === load),
      ({ latency }) =>
        thinned(
          Histogram.of(latency)
            .distribution()
            .map(({ above, value }) => ({ x: -Math.log10(above), y: Math.max(value, 1) / 1000 }))
            .filter(({ x }) => x <= 4),
        ),
    ),
  }));
}

/** Not more points than can be told apart. */
function thinned(points: readonly Point[]): Point[] {
  const LEAST = 0.02;
  const kept: Point[] = [];
  for (const point of points)
    if (point.x - (kept.at(-1)?.x ?? -1) >= LEAST || point === points.at(-1)) kept.push(point);
  return kept;
}

function growth(of: (section: LoadSection) => LoadRow[]): Chart[] {
  const nodes = of("nodes");
  const values = of("values");
  return [
    {
      title: "members, 256 clients",
      x: levels(
        "members",
        nodes.map((row) => row.nodes),
      ),
      y: { title: "writes per second", scale: "linear" },
      series: lanes(nodes, ({ nodes: x, perSecond: y }) => [{ x, y }]),
    },
    {
      title: "bytes of a value, 16 clients",
      x: levels(
        "bytes",
        values.map(({ valueBytes }) => valueBytes),
      ),
      y: { title: "per second", scale: "log" },
      series: [
        {
          name: "writes",
          colour: COLOURS.quorate,
          points: values.map(({ valueBytes: x, perSecond: y }) => ({ x, y })),
        },
        {
          name: "KiB",
          colour: SECOND,
          points: values.map(({ valueBytes: x, perSecond }) => ({ x, y: (perSecond * x) / 1024 })),
        },
      ],
    },
  ];
}

function logCharts({ log }: Results): Chart[] {
  const x: Axis = { title: "entries", scale: "log" };
  const line = (
    name: string,
    colour: string,
    of: (row: LogRow) => number,
    on: StorageName = "journal",
  ): Series => ({
    name: on === "journal" ? name : `${name}, ${on}`,
    colour,
    dashed: on !== "journal",
    points: log
      .filter(({ storage }) => storage === on)
      .map((row) => ({ x: row.entries, y: of(row) })),
  });
  return [
    {
      title: "opening the log after a SIGKILL",
      x,
      y: MILLISECONDS,
      series: [
        line("open", COLOURS.quorate, ({ openMs }) => openMs),
        line("applied", SECOND, ({ appliedMs }) => appliedMs),
        line("open", COLOURS.quorate, ({ openMs }) => openMs, "level"),
        line("applied", SECOND, ({ appliedMs }) => appliedMs, "level"),
      ],
    },
    {
      title: "memory and disk as the log grows",
      x,
      y: { title: "MiB", scale: "log" },
      series: [
        line("memory", COLOURS.quorate, ({ filledBytes }) => filledBytes / 2 ** 20),
        line("disk", COLOURS.bare, ({ folderBytes }) => folderBytes / 2 ** 20),
      ],
    },
  ];
}

/** How many of the trials were over by when. */
function kills({ failover }: Results): Chart[] {
  if (failover === undefined) return [];
  const { electedMs, writableMs, electionTimeoutMs } = failover;
  return [
    {
      title: `minimum election timeout ${electionTimeoutMs} ms`,
      x: { title: "milliseconds after the kill", scale: "linear" },
      y: { title: "trials that were over", scale: "linear" },
      series: [
        { name: "elected", colour: SECOND, points: rising(electedMs) },
        { name: "takes writes", colour: COLOURS.quorate, points: rising(writableMs) },
      ],
    },
  ];
}

function rising(times: readonly number[]): Point[] {
  return times.toSorted((a, b) => a - b).map((x, n) => ({ x, y: n + 1 }));
}

function lanes(rows: readonly LoadRow[], pointsOf: (row: LoadRow) => Point[]): Series[] {
  const names = [...new Set(rows.map(({ lane }) => lane))];
  return names.map((name) => ({
    name: name === "bare" ? "bare line" : name,
    colour: COLOURS[name],
    dashed: name === "bare",
    points: rows.filter(({ lane }) => lane === name).flatMap(pointsOf),
  }));
}

/** A tick at each level that was measured. */
function levels(title: string, values: readonly number[]): Axis {
  const ticks = [...new Set(values)].map((at) => ({ at, text: levelText(at) }));
  return { title, scale: "log", ticks };
}

function levelText(value: number): string {
  return value >= 1024 && value % 1024 === 0 ? `${value / 1024}Ki` : String(value);
}
