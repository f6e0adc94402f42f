/** The page of a run: one file that needs nothing else. */

import { chartGroups } from "./charts.ts";
import { chartSvg } from "./chart.ts";
import { escaped } from "./escaped.ts";
import { headOf, notesOf } from "./notes.ts";
import { isText, tablesOf, verdictTable } from "./tables.ts";
import type { Table } from "./tables.ts";
import type { Results } from "../results.ts";

export function asPage(results: Results): string {
  const groups = chartGroups(results).map(
    ({ title, charts }) =>
      `<h2>${escaped(title)}</h2>\n<div class="charts">${charts.map(chartSvg).join("\n")}</div>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>quorate: benchmark</title>
<style>${STYLE}</style>
</head>
<body>
<h1>quorate: benchmark</h1>
${headOf(results)
  .map((line) => `<p class="head">${escaped(line)}</p>`)
  .join("\n")}
${notesOf(results)
  .map(
    (note) =>
      `<p class="note${/NOT quiet|NOT WARM|VOID/.test(note) ? " bad" : ""}">${escaped(note)}</p>`,
  )
  .join("\n")}
${tableHtml(verdictTable(results))}
${groups.join("\n")}
<h2>All figures</h2>
${tablesOf(results).map(tableHtml).join("\n")}
</body>
</html>
`;
}

function tableHtml({ title, columns, rows }: Table): string {
  if (rows.length === 0) return "";
  const kinds = columns.map((_, at) => (isText(rows, at) ? ' class="text"' : ""));
  const cells = (row: readonly string[], tag: "td" | "th"): string =>
    row.map((cell, at) => `<${tag}${kinds[at]}>${marked(cell)}</${tag}>`).join("");
  return `<h3>${escaped(title)}</h3>
<div class="wide"><table><thead><tr>${cells(columns, "th")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n")}</tbody></table></div>`;
}

function marked(cell: string): string {
  if (cell === "pass" || cell === "FAIL") return `<b class="${cell}">${cell}</b>`;
  return escaped(cell);
}

const STYLE = `
:root { font: 14px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; }
body { margin: 0 auto; padding: 14px 20px 40px; max-width: 1500px; }
h1 { font-size: 20px; margin: 0 0 6px; } h2 { font-size: 16px; margin: 26px 0 8px; } h3 { font-size: 14px; margin: 18px 0 4px; }
.head { margin: 0; color: #5b6675; }
.note { margin: 8px 0; padding: 7px 12px; border-left: 5px solid #9aa4b2; background: #f6f8fa; border-radius: 6px; }
.note.bad { background: #fdecec; border-color: #d11f2f; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 12px; }
svg { width: 100%; border: 1px solid #dde2e9; border-radius: 6px; }
svg text { font: 11px system-ui, sans-serif; fill: #5b6675; font-variant-numeric: tabular-nums; }
svg text.title { font-size: 13px; font-weight: 600; fill: #1c2430; } svg text.name { font-size: 12px; fill: #1c2430; }
svg .grid { stroke: #e6eaef; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #e6eaef; white-space: nowrap; }
th { color: #5b6675; font-weight: 600; } .text { text-align: left; }
.pass { color: #17803d; } .FAIL { color: #d11f2f; }
`;
