/** A run in short, as Markdown: one table by concurrency and a few lines, for a README. */

import { overEtcd, rowOf, shareOfBare, timesRedis } from "../comparison.ts";
import type { StorageName } from "../quorate/storages.ts";
import type { LoadRow, LoadSection, Results } from "../results.ts";
import { median, sum } from "../statistics.ts";
import type { SystemName } from "../system.ts";
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
const TIMES_REDIS: Cell = (row, { rows }) => optional(timesRedis(rows, row));
const OF_BARE: Cell = (row, { rows }) => optional(shareOfBare(rows, row));

const LINES: readonly (readonly [what: string, section: LoadSection, cell: Cell])[] = [
  ["**writes/s**, clients over TCP", "multiplexed", PER_SECOND],
  ["p99, ms", "multiplexed", P99],
  ["times etcd", "multiplexed", TIMES_ETCD],
  ["times one Redis, `appendfsync always`", "multiplexed", TIMES_REDIS],
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
    const pairs = levels.map((concurrency) =>
      pairOf(results.rows, { section, concurrency }, (row) => cell(row, results)),
    );
    return [what, ...pairs.map((pair) => inBrackets(pair))];
  }).filter(([, ...cells]) => cells.some((cell) => cell !== ""));
  if (lines.length === 0) return "";
  const hasLevel = shown.some(({ lane }) => lane === "quorate on level");
  const what = hasLevel ? "at a time; on the journal (on `level`)" : "at a time";
  const head = [what, ...levels.map(count)];
  const rule = ["---", ...levels.map(() => "---:")];
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function linesOf({ core, rows, failover, log }: Results): string[] {
  const lines = core.map(
    ({ batch, proposalsPerSecond }) =>
      `The core alone takes ${count(proposalsPerSecond)} proposals a second in batches of ${batch}.`,
  );
  const busy = { section: "multiplexed", concurrency: 256 } as const;
  const micros = pairOf(rows, busy, ({ cpuMicros }) => figure(sum(cpuMicros)));
  if (micros[0] !== undefined)
    lines.push(
      `A write costs the three servers ${inBrackets(micros, ON_LEVEL)} us of processor time.`,
    );
  if (failover !== undefined) {
    const { writableMs, electionTimeoutMs } = failover;
    lines.push(
      `After a SIGKILL of the leader writes go on in ${count(median(writableMs))} ms ` +
        `(median of ${writableMs.length}; the minimum election timeout is ${electionTimeoutMs} ms).`,
    );
  }
  return [...lines, ...logLines(log)];
}

const ON_LEVEL = " on `level`";

/** Of the longest log, and of the longest that was grown on both storages. */
function logLines(log: Results["log"]): string[] {
  const openMs = (on: StorageName, length: number): string | undefined => {
    const found = log.find(({ storage, entries }) => storage === on && entries === length);
    return found && count(found.openMs);
  };
  const onLevel = log.findLast(({ storage }) => storage === "level");
  const lengths = new Set([onLevel, log.at(-1)].flatMap((row) => row?.entries ?? []));
  return [...lengths].map((length) => {
    const times = inBrackets([openMs("journal", length), openMs("level", length)], ON_LEVEL);
    return `A log of ${count(length)} entries opens in ${times} ms.`;
  });
}

/** A figure on each storage, where it was measured. */
type Pair = readonly [onJournal: string | undefined, onLevel: string | undefined];

function pairOf(
  rows: readonly LoadRow[],
  { section, concurrency }: Pick<LoadRow, "section" | "concurrency">,
  figureOf: (row: LoadRow) => string | undefined,
): Pair {
  const of = (lane: SystemName): string | undefined => {
    const row = rowOf(rows, section, lane, concurrency);
    return row && figureOf(row);
  };
  return [of("quorate"), of("quorate on level")];
}

function inBrackets([onJournal, onLevel]: Pair, where = ""): string {
  return [onJournal, onLevel === undefined ? undefined : `(${onLevel}${where})`].join(" ").trim();
}

function optional(value: number | undefined): string | undefined {
  return value === undefined ? undefined : figure(value);
}
