/**
 * `npm run sim`: runs seeds on all cores, says what it is doing, what was reached and what was found. Exit code 0: all is
 * well; 1: a property was violated, or the batch never reached a state that it has to; 2: bad usage; 130: interrupted, and
 * nothing was found until then.
 */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { isRaftError, messageOf } from "../src/errors.ts";
import { BatchReport } from "./batch-report.ts";
import { PROFILES } from "./schedule.ts";
import type { Profile } from "./schedule.ts";
import { commandOf, runSeed, scheduleOf } from "./seed-run.ts";
import type { SeedResult, SeedTask } from "./seed-run.ts";
import { whole } from "./whole.ts";
import { mustBeWritable } from "./writable.ts";

const USAGE = `usage: npm run sim -- [options]

  --runs N        how many seeds (300)
  --seed N        the first of them; with no --runs, only this one (1)
  --nodes N       1 to 7 (drawn from the seed)
  --profile NAME  ${PROFILES.join(", ")} (default)
  --seconds N     simulated, of the safety phase (20)
  --rate N        client operations a simulated second of it (drawn from the seed)
  --workers N     threads (${availableParallelism()})
  --json          one object a seed, then a summary
  --schedule FILE runs a schedule that was written to a file, instead of seeds
  --report FILE   of one run, a page that shows it: HTML, complete in itself
  --history FILE  of one run, what its clients called and got: JSON lines
  --shrink N      seconds to look for the shortest way to a violation; 0: do not (60)
  --out DIR       where that, a page of it and a test go (sim-failures)

How fast it is on one core, with at least 50 client operations a simulated second:
  npm run sim -- --nodes 5 --runs 100 --workers 1 --rate 60
`;

/** Nearly all that a run makes is garbage at once: the larger the nursery, the less of it is ever looked at. */
const LIMITS = { maxYoungGenerationSizeMb: 192 };

/** What a shell makes of a program that SIGINT has ended. */
const INTERRUPTED = 130;

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly nodes: number | undefined;
  readonly profile: Profile;
  readonly seconds: number;
  readonly rate: number | undefined;
  readonly workers: number;
  readonly json: boolean;
  readonly schedule: string | undefined;
  readonly report: string | undefined;
  readonly history: string | undefined;
  readonly shrink: number;
  readonly out: string;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: Options;
  try {
    options = optionsFrom(args);
    if (options.schedule !== undefined) scheduleOf(taskOf(options, options.seed));
    mustBeWritable("report", options.report);
    mustBeWritable("history", options.history);
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
  const tasks = Array.from({ length: options.runs }, (_, n) => taskOf(options, options.seed + n));
  const [first, ...more] = tasks;
  if (first !== undefined && more.length === 0) onResult(await runSeed(first));
  else await runOnWorkers(tasks, options.workers, onResult);
  if (options.json) process.stdout.write(`${JSON.stringify(report.summary())}\n`);
  else process.stdout.write(`\n${report.text()}\n`);
  await writeFiles(options);
  if (!options.json && options.shrink > 0) await explainEach(options, report.bad);
  if (!report.isGood) return 1;
  return report.isWhole ? 0 : INTERRUPTED;
}

function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      nodes: { type: "string" },
      profile: { type: "string", default: "default" },
      seconds: { type: "string", default: "20" },
      rate: { type: "string" },
      workers: { type: "string", default: String(availableParallelism()) },
      json: { type: "boolean", default: false },
      schedule: { type: "string" },
      report: { type: "string" },
      history: { type: "string" },
      shrink: { type: "string", default: "60" },
      out: { type: "string", default: "sim-failures" },
    },
  });
  const profile = PROFILES.find((name) => name === values.profile);
  if (profile === undefined) {
    throw new RangeError(`--profile is one of ${PROFILES.join(", ")}, not ${values.profile}`);
  }
  const { seed, nodes, schedule, report, history, out } = values;
  const isOne = seed !== undefined || schedule !== undefined;
  const runs = whole("runs", values.runs ?? (isOne ? "1" : "300"), 1, 10_000_000);
  if (runs > 1 && (schedule ?? report ?? history) !== undefined) {
    throw new RangeError("--schedule, --report and --history are of one run: say which --seed");
  }
  return {
    runs,
    seed: whole("seed", seed ?? "1", 0, Number.MAX_SAFE_INTEGER),
    nodes: nodes === undefined ? undefined : whole("nodes", nodes, 1, 7),
    profile,
    seconds: whole("seconds", values.seconds, 1, 3600),
    rate: values.rate === undefined ? undefined : whole("rate", values.rate, 1, 1000),
    workers: whole("workers", values.workers, 1, 64),
    json: values.json,
    schedule,
    report,
    history,
    shrink: whole("shrink", values.shrink, 0, 86_400),
    out,
  };
}

function taskOf(options: Options, seed: number): SeedTask {
  const { nodes, profile, seconds, rate, schedule: file } = options;
  return { seed, nodes, profile, seconds, rate, file };
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
  tasks: readonly SeedTask[],
  count: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  const waiting = [...tasks];
  process.once("SIGINT", () => void waiting.splice(0));
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./worker.js", import.meta.url), {
        resourceLimits: LIMITS,
      });
      const next = (): void => {
        const task = waiting.shift();
        if (task !== undefined) return worker.postMessage(task);
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
  await Promise.all(Array.from({ length: Math.min(count, tasks.length) }, work));
}
