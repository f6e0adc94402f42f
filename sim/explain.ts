/** What a person gets of one run: the shortest way to the same violation told as a story, and files to keep. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toJsonLines } from "./history-file.ts";
import { historyOf } from "./history-of.ts";
import { regressionName, regressionTest, REGRESSIONS_FOLDER } from "./regression.ts";
import { reportHtml } from "./report.ts";
import type { RunName } from "./report.ts";
import type { KvOperation } from "./kv/operation.ts";
import { sizeOf, shrink } from "./shrink.ts";
import type { Schedule } from "./schedule.ts";
import { shellWord } from "./shell-word.ts";
import { runSchedule } from "./simulation.ts";
import type { Outcome } from "./simulation.ts";
import { storyOf } from "./story.ts";
import type { TraceEvent, Violation } from "./trace.ts";

export interface ExplainOptions {
  /** Real time for shrinking. */
  readonly seconds: number;
  /** Where the shrunk schedule, its page and its test go; made if need be. */
  readonly folder: string;
  readonly onProgress: (text: string) => void;
}

/** Shrinks, tells, and writes what to replay and to commit. For people. */
export async function explain(
  schedule: Schedule,
  violation: Violation,
  { seconds, folder, onProgress }: ExplainOptions,
): Promise<string> {
  const begin = performance.now();
  const shrunk = await shrink(schedule, violation, {
    withinMs: seconds * 1000,
    now: () => performance.now(),
    onSmaller: (smaller, runs) => onProgress(`shrinking: ${sizeOf(smaller)}, ${runs} runs `),
  });
  const { outcome, events } = await recorded(shrunk.schedule);
  const path = join(folder, regressionName(schedule, violation));
  const command = `npm run sim -- --schedule ${shellWord(`${path}.json`)}`;
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(shrunk.schedule, undefined, 2)}\n`);
  await writeFile(`${path}.test.ts`, regressionTest(shrunk.schedule, shrunk.violation));
  // The seed that it was found with: what is left of its schedule may have got another one on the way.
  const run = { name: `seed ${schedule.seed}, shrunk`, command };
  await writeFile(`${path}.html`, reportHtml(outcome, events, run));
  const tookS = ((performance.now() - begin) / 1000).toFixed(1);
  return [
    `seed ${schedule.seed}, shrunk in ${tookS} s and ${shrunk.runs} runs, from ${sizeOf(schedule)}:`,
    "",
    storyOf(shrunk.schedule, shrunk.violation, events),
    "",
    `  again:      ${command}   (hash ${outcome.hash})`,
    `  picture:    ${path}.html`,
    `  to keep it: mv ${shellWord(`${path}.test.ts`)} ${REGRESSIONS_FOLDER}/`,
    "",
  ].join("\n");
}

/** Of one run. */
export interface RunFiles {
  /** A page of HTML. */
  readonly report: string | undefined;
  /** The clients' history, JSON lines. */
  readonly history: string | undefined;
}

export async function writeRun(
  schedule: Schedule,
  run: RunName,
  { report, history }: RunFiles,
): Promise<void> {
  const { outcome, events } = await recorded(schedule);
  if (report !== undefined) await writeFile(report, reportHtml(outcome, events, run));
  if (history !== undefined) await writeFile(history, toJsonLines(historyOf(outcome.history)));
}

async function recorded(
  schedule: Schedule,
): Promise<{ readonly outcome: Outcome<KvOperation>; readonly events: readonly TraceEvent[] }> {
  const events: TraceEvent[] = [];
  const outcome = await runSchedule(schedule, { onEvent: (event) => events.push(event) });
  return { outcome, events };
}
