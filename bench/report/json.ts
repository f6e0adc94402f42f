/** All that a run has found, for programs: its results, the ratios of our rows, the verdicts, and what is to be said of them. */

import { overEtcd, shareOfBare, timesRedis } from "../comparison.ts";
import type { Results } from "../results.ts";
import { isOurs } from "../system.ts";
import { verdictsOf } from "../verdicts.ts";
import { notesOf } from "./notes.ts";

export function asJson(results: Results): string {
  const rows = results.rows.map((row) =>
    isOurs(row.lane)
      ? {
          ...row,
          ofBare: shareOfBare(results.rows, row),
          overEtcd: overEtcd(results, row),
          timesRedis: timesRedis(results.rows, row),
        }
      : row,
  );
  return JSON.stringify({
    ...results,
    rows,
    verdicts: verdictsOf(results),
    notes: notesOf(results),
  });
}
