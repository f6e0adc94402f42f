/** The tables of a run for a terminal, and as Markdown. */

import type { Results } from "../results.ts";
import { headOf, notesOf } from "./notes.ts";
import { isText, tablesOf, verdictTable } from "./tables.ts";
import type { Table } from "./tables.ts";

export function asText(results: Results): string {
  const tables = [...tablesOf(results), verdictTable(results)];
  return [headOf(results).join("\n"), ...tables.map(textTable), notesOf(results).join("\n")].join(
    "\n\n",
  );
}

export function asMarkdown(results: Results): string {
  const tables = [...tablesOf(results), verdictTable(results)];
  return [headOf(results).join("  \n"), ...tables.map(markdownTable), ...notesOf(results)].join(
    "\n\n",
  );
}

function textTable({ title, columns, rows }: Table): string {
  const widths = columns.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) =>
        isText(rows, at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [title, line(columns), ...rows.map(line)].join("\n");
}

function markdownTable({ title, columns, rows }: Table): string {
  const rule = columns.map((_, at) => (isText(rows, at) ? "---" : "---:"));
  return [
    `**${title}**`,
    "",
    markdownLine(columns),
    markdownLine(rule),
    ...rows.map(markdownLine),
  ].join("\n");
}

function markdownLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
