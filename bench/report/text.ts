/** The tables of a run for a terminal. */

import type { Results } from "../results.ts";
import { headOf, notesOf } from "./notes.ts";
import { isText, tablesOf, verdictTable } from "./tables.ts";
import type { Table } from "./tables.ts";

export function asText(results: Results): string {
  const tables = [...tablesOf(results), verdictTable(results)].filter(
    ({ rows }) => rows.length > 0,
  );
  return [headOf(results).join("\n"), ...tables.map(textTable), notesOf(results).join("\n")].join(
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
