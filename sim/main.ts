/**
 * `npm run sim`: runs seeds on all cores, says what it is doing, what was reached and what was found. Exit code 0: all is
 * well; 1: a property was violated, or the batch never reached a state that it has to; 2: bad usage.
 */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { isRaftError } from "../src/errors.ts";
import { BatchReport } from "./batch-report.ts";
import { PROFILES } from "./schedule.ts";
import type { Profile } from "./schedule.ts";
import { runSeed } from "./seed-run.ts";
import type { SeedResult, SeedTask } from "./seed-run.ts";

const USAGE = `usage: npm run sim -- [options]

  --runs N        how many seeds (300)
  --seed N        the first of them; with no --runs, only this one (1)
  --nodes N       1 to 7 (drawn from the seed)
  --profile NAME  ${PROFILES.join(", ")} (default)
  --seconds N     simulated, of the safety phase (20)
  --workers N     threads (${availableParallelism()})
  --json          one object a seed, then a summary
`;

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly nodes: number | undefined;
  readonly profile: Profile;
  readonly seconds: number;
  readonly workers: number;
  readonly json: boolean;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = optionsFrom(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  const report = new BatchReport(options.runs, options.profile);
  const onResult = (result: SeedResult): void => {
    report.add(result);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (process.stderr.isTTY) process.stderr.write(`\r${report.progress()}`);
  };
  const tasks = Array.from({ length: options.runs }, (_, n) => taskOf(options, options.seed + n));
  await (options.workers > 1 && tasks.length > 1
    ? runOnWorkers(tasks, options.workers, onResult)
    : runHere(tasks, onResult));
  if (options.json) process.stdout.write(`${JSON.stringify(report.summary())}\n`);
  else process.stdout.write(`\n${report.text()}\n`);
  return report.isGood ? 0 : 1;
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
      workers: { type: "string", default: String(availableParallelism()) },
      json: { type: "boolean", default: false },
    },
  });
  const profile = PROFILES.find((name) => name === values.profile);
  if (profile === undefined) throw new RangeError(`--profile ${values.profile} is none of them`);
  const { runs, seed, nodes } = values;
  return {
    runs: whole("runs", runs ?? (seed === undefined ? "300" : "1"), 1, 10_000_000),
    seed: whole("seed", seed ?? "1", 0, Number.MAX_SAFE_INTEGER),
    nodes: nodes === undefined ? undefined : whole("nodes", nodes, 1, 7),
    profile,
    seconds: whole("seconds", values.seconds, 1, 3600),
    workers: whole("workers", values.workers, 1, 64),
    json: values.json,
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} is a whole number from ${least} to ${most}, not ${text}`);
}

function taskOf({ nodes, profile, seconds }: Options, seed: number): SeedTask {
  return { seed, nodes, profile, seconds };
}

async function runHere(
  tasks: readonly SeedTask[],
  onResult: (result: SeedResult) => void,
): Promise<void> {
  for (const task of tasks) onResult(await runSeed(task));
}

/** Each worker gets the next task when it is done with the last. */
async function runOnWorkers(
  tasks: readonly SeedTask[],
  count: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  const waiting = [...tasks];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./worker.js", import.meta.url));
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
