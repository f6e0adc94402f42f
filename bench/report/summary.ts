/** A run in short, as Markdown: one table by concurrency and a few lines, for a README. */

import { overEtcd, rowOf, shareOfBare } from "../comparison.ts";
import type { LoadRow, LoadSection, Results } from "../results.ts";
import { median, sum } from "../statistics.ts";
import { headOf, notesOf } from "./notes.ts";
import { count, figure } from "./tables.ts";

export function asMarkdown(results: Results): string {
  const parts = [
    summaryTable(results),
    linesOf(results)
      .map((line) => `- ${line}`)
      .join("\n"),
    headOf(results).join("  \n"),
    ...notesOf(results),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** A figure of ours, where it can be told. */
type Cell = (row: LoadRow, results: Results) => string | undefined;

const PER_SECOND: Cell = ({ perSecond }) => count(perSecond);
const P99: Cell = ({ p99Ms }) => p99Ms.toFixed(1);
const TIMES_ETCD: Cell = (row, results) => optional(overEtcd(results, row)?.perSecond);
const OF_BARE: Cell = (row, { rows }) => optional(shareOfBare(rows, row));

const LINES: readonly (readonly [what: string, section: LoadSection, cell: Cell])[] = [
  ["**writes/s**, clients over TCP", "multiplexed", PER_SECOND],
  ["p99, ms", "multiplexed", P99],
  ["times etcd", "multiplexed", TIMES_ETCD],
  ["share of the bare line", "multiplexed", OF_BARE],
  ["**writes/s**, a socket for each client", "sockets", PER_SECOND],
  ["times etcd", "sockets", TIMES_ETCD],
  ["share of the bare line", "sockets", OF_BARE],
  ["**writes/s**, embedded", "embedded", PER_SECOND],
  ["share of the bare line", "embedded", OF_BARE],
  ["**linearizable reads/s**", "reads", PER_SECOND],
  ["times etcd", "reads", TIMES_ETCD],
];

function summaryTable(results: Results): string {
  const shown = results.rows.filter((row) => LINES.some(([, section]) => section === row.section));
  const levels = [...new Set(shown.map(({ concurrency }) => concurrency))].toSorted(
    (a, b) => a - b,
  );
  const lines = LINES.map(([what, section, cell]) => {
    const rows = levels.map((level) => rowOf(results.rows, section, "quorate", level));
    return [what, ...rows.map((row) => (row && cell(row, results)) ?? "")];
  }).filter(([, ...cells]) => cells.some((cell) => cell !== ""));
  if (lines.length === 0) return "";
  const head = ["at a time", ...levels.map(count)];
  const rule = ["---", ...levels.map(() => "---:")];
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function linesOf({ core, rows, failover, log }: Results): string[] {
  const lines = core.map(
    ({ batch, proposalsPerSecond }) =>
      `The core alone takes ${count(proposalsPerSecond)} proposals a second in batches of ${batch}.`,
  );
  const busy = rowOf(rows, "multiplexed", "quorate", 256);
  if (busy !== undefined)
    lines.push(
      `A write costs the three servers ${figure(sum(busy.cpuMicros))} us of processor time.`,
    );
  if (failover !== undefined) {
    const { writableMs, electionTimeoutMs } = failover;
    lines.push(
      `After a SIGKILL of the leader writes go on in ${count(median(writableMs))} ms ` +
        `(median of ${writableMs.length}; the minimum election timeout is ${electionTimeoutMs} ms).`,
    );
  }
  const longest = log.at(-1);
  if (longest !== undefined)
    lines.push(`A log of ${count(longest.entries)} entries opens in ${count(longest.openMs)} ms.`);
  return lines;
}

function optional(value: number | undefined): string | undefined {
  return value === undefined ? undefined : figure(value);
}
