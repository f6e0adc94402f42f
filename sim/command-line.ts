/** The options of `npm run sim`, and what is wrong with them. */

import { parseArgs } from "node:util";
import { PROFILES } from "./schedule.ts";
import type { Profile } from "./schedule.ts";
import { scheduleOf } from "./seed-run.ts";
import type { SeedTask } from "./seed-run.ts";
import { MOST_WORKERS, USUAL_WORKERS, whole } from "./whole.ts";
import { mustBeFolder, mustBeWritable } from "./writable.ts";

export const USAGE: string = `usage: npm run sim -- [options]

  --runs N        how many seeds (300)
  --seed N        the first of them; with no --runs, only this one (1)
  --nodes N       1 to 7 (drawn from the seed)
  --profile NAME  ${PROFILES.join(", ")} (default)
  --seconds N     simulated, of the safety phase (20)
  --rate N        client operations a simulated second of it (drawn from the seed)
  --workers N     threads (${USUAL_WORKERS})
  --json          one object a seed, then a summary
  --schedule FILE runs a schedule that was written to a file, instead of seeds
  --report FILE   of one run, a page that shows it: HTML, complete in itself
  --history FILE  of one run, what its clients called and got: JSON lines
  --shrink N      seconds to look for the shortest way to a violation; 0: do not (60)
  --out DIR       where that, a page of it and a test go (sim-failures)

How fast it is on one core, with at least 50 client operations a simulated second:
  npm run sim -- --nodes 5 --runs 100 --workers 1 --rate 60
`;

export interface Options {
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

/** What a schedule from a file leaves no choice of. */
const OF_SEEDS = ["runs", "seed", "nodes", "profile", "seconds", "rate"] as const;

/** Throws where an option is wrong, before anything is run. */
export function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      nodes: { type: "string" },
      profile: { type: "string" },
      seconds: { type: "string" },
      rate: { type: "string" },
      workers: { type: "string", default: String(USUAL_WORKERS) },
      json: { type: "boolean", default: false },
      schedule: { type: "string" },
      report: { type: "string" },
      history: { type: "string" },
      shrink: { type: "string", default: "60" },
      out: { type: "string", default: "sim-failures" },
    },
  });
  const { schedule, report, history, out } = values;
  if (schedule !== undefined) {
    const idle = OF_SEEDS.filter((name) => values[name] !== undefined).map((name) => `--${name}`);
    if (idle.length > 0) {
      throw new RangeError(`--schedule says all of a run: leave out ${idle.join(" and ")}`);
    }
  }
  const isOne = values.seed !== undefined || schedule !== undefined;
  const runs = whole("runs", values.runs ?? (isOne ? "1" : "300"), 1, 10_000_000);
  if (runs > 1 && (report ?? history) !== undefined) {
    throw new RangeError("--report and --history are of one run: say which --seed, and no --runs");
  }
  const options = {
    runs,
    // The last seed is a number that counts, too.
    seed: whole("seed", values.seed ?? "1", 0, Number.MAX_SAFE_INTEGER - runs + 1),
    nodes: values.nodes === undefined ? undefined : whole("nodes", values.nodes, 1, 7),
    profile: profileOf(values.profile ?? "default"),
    seconds: whole("seconds", values.seconds ?? "20", 1, 3600),
    rate: values.rate === undefined ? undefined : whole("rate", values.rate, 1, 1000),
    workers: whole("workers", values.workers, 1, MOST_WORKERS),
    json: values.json,
    schedule,
    report,
    history,
    shrink: whole("shrink", values.shrink, 0, 86_400),
    out,
  };
  if (schedule !== undefined) scheduleOf(taskOf(options, options.seed));
  checkFiles(options);
  return options;
}

function profileOf(text: string): Profile {
  const profile = PROFILES.find((name) => name === text);
  if (profile !== undefined) return profile;
  throw new RangeError(`--profile is one of ${PROFILES.join(", ")}, not ${JSON.stringify(text)}`);
}

/** Whether what is to be written can be is known before anything is run. */
function checkFiles({ report, history, out, shrink, json }: Options): void {
  if (report !== undefined && report === history) {
    throw new RangeError(`--report and --history are two files, not both ${report}`);
  }
  mustBeWritable("report", report);
  mustBeWritable("history", history);
  if (shrink > 0 && !json) mustBeFolder("out", out);
}

export function taskOf(options: Options, seed: number): SeedTask {
  const { nodes, profile, seconds, rate, schedule: file } = options;
  return { seed, nodes, profile, seconds, rate, file };
}
