/**
 * `npm run sim`: runs seeds on all cores, says what it is doing, what was reached and what was found. Exit code 0: all is
 * well; 1: a property was violated, or the batch never reached a state that it has to; 2: bad usage; 130: interrupted, and
 * nothing was found until then; 141: nobody reads what it says any more.
 */

import { Worker } from "node:worker_threads";
import { isRaftError, messageOf } from "../src/errors.ts";
import { BatchReport } from "./batch-report.ts";
import { optionsFrom, taskOf, USAGE } from "./command-line.ts";
import type { Options } from "./command-line.ts";
import { commandOf, runSeed, scheduleOf } from "./seed-run.ts";
import type { SeedResult } from "./seed-run.ts";

/** Nearly all that a run makes is garbage at once: the larger the nursery, the less of it is ever looked at. */
const LIMITS = { maxYoungGenerationSizeMb: 192 };

/** What a shell makes of a program that SIGINT has ended. */
const INTERRUPTED = 130;
/** The same of SIGPIPE. */
const UNREAD = 141;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(UNREAD);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: Options;
  try {
    options = optionsFrom(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nTry "npm run sim -- --help".\n`);
    return 2;
  }
  const report = new BatchReport({
    ...options,
    workers: Math.min(options.workers, options.runs),
  });
  const onResult = (result: SeedResult): void => {
    report.add(result);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (process.stderr.isTTY) process.stderr.write(`\r${report.progress()}`);
  };
  if (options.runs === 1) onResult(await runSeed(taskOf(options, options.seed)));
  else await runOnWorkers(options, onResult);
  if (options.json) process.stdout.write(`${JSON.stringify(report.summary())}\n`);
  else process.stdout.write(`\n${report.text()}\n`);
  await writeFiles(options);
  if (!options.json && options.shrink > 0) await explainEach(options, report.bad);
  if (!report.isGood) return 1;
  return report.isWhole ? 0 : INTERRUPTED;
}

/** The first violation of each property: the others are likely to be the same. */
async function explainEach(options: Options, bad: readonly SeedResult[]): Promise<void> {
  if (bad.length === 0) return;
  const properties = new Set<string>();
  // Not needed where all is well.
  const { explain } = await import("./explain.ts");
  for (const { seed, violation } of bad) {
    if (violation === undefined || properties.has(violation.property)) continue;
    properties.add(violation.property);
    const story = await explain(scheduleOf(taskOf(options, seed)), violation, {
      seconds: options.shrink,
      folder: options.out,
      onProgress: (text) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${text}`);
      },
    });
    process.stdout.write(`\n${story}`);
  }
}

async function writeFiles(options: Options): Promise<void> {
  if (options.report === undefined && options.history === undefined) return;
  const { writeRun } = await import("./explain.ts");
  const task = taskOf(options, options.seed);
  const { schedule: source, seed } = options;
  const run = {
    name: source === undefined ? `seed ${seed}` : `the schedule of ${source}`,
    command: commandOf(task),
  };
  await writeRun(scheduleOf(task), run, options);
  if (options.json) return;
  for (const name of ["report", "history"] as const) {
    const file = options[name];
    if (file !== undefined) process.stdout.write(`${name.padEnd(10)}${file}\n`);
  }
}

/** Each worker gets the next task when it is done with the last. After SIGINT nobody gets another; the second one ends all. */
async function runOnWorkers(
  options: Options,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  const { runs, workers } = options;
  let begun = 0;
  const onInterrupt = (): void => {
    begun = runs;
  };
  process.once("SIGINT", onInterrupt);
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./worker.js", import.meta.url), {
        resourceLimits: LIMITS,
      });
      const next = (): void => {
        if (begun < runs) return worker.postMessage(taskOf(options, options.seed + begun++));
        void worker.terminate();
        resolve();
      };
      worker.on("message", (result: SeedResult) => {
        onResult(result);
        next();
      });
      worker.on("error", (error) => reject(isRaftError(error) ? error : new Error(String(error))));
      next();
    });
  await Promise.all(Array.from({ length: Math.min(workers, runs) }, work));
  // What comes after this is not waited for.
  process.off("SIGINT", onInterrupt);
}
