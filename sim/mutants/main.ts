/**
 * `npm run mutants`: puts each known bug of `test/mutants` back into a copy of the sources and runs the simulator on it
 * until one of its properties sees the bug. Exit code 0: every bug was found; 1: one was not, or its text has moved;
 * 2: bad usage; 130: interrupted.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../src/errors.ts";
import { removeScratch, scratchFolder } from "../scratch.ts";
import { MOST_WORKERS, USUAL_WORKERS, whole } from "../whole.ts";
import { build, takeSources } from "./build.ts";
import { exploreAll, isExplorable } from "./exploring.ts";
import { hunt } from "./hunt.ts";
import type { Budget } from "./hunt.ts";
import { readMutants, WITHOUT_ASSERTIONS } from "./mutant.ts";
import type { Mutant } from "./mutant.ts";
import { shareText, shrinkFind, shrinkingText } from "./shrinking.ts";
import type { Shrinking } from "./shrinking.ts";
import { header, isMissed, row, scoreOf } from "./table.ts";
import type { Verdict } from "./table.ts";

const USAGE = `usage: npm run mutants -- [options]

  --only ID,ID    these alone
  --seeds N       the budget of each (2000)
  --seconds N     the budget of each, in real time (1800)
  --workers N     threads (${USUAL_WORKERS})
  --no-assertions without the assertions of the core and of the storage: by the checks from outside alone
  --explore       the bugs of the core alone, by exploring what it can get into (npm run explore) instead of running seeds
  --shrink N      seconds to look for the shortest story of each that was found; 0: do not (0)
  --json          one object a mutant, then a summary
`;

interface Options extends Budget {
  readonly only: readonly string[];
  readonly assertions: boolean;
  readonly explore: boolean;
  readonly shrink: number;
  readonly json: boolean;
}

// What it has made goes with it, however it ends.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => process.exit(130));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const project = process.cwd();
  let options: Options;
  let mutants: readonly Mutant[];
  try {
    options = optionsFrom(args);
    const all = readMutants(join(project, "test", "mutants"));
    mutants = chosen(options.explore ? all.filter(isExplorable) : all, options.only);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nTry "npm run mutants -- --help".\n`);
    return 2;
  }
  const folder = scratchFolder("mutants");
  const verdicts: Verdict[] = [];
  const shrinkings: (Shrinking | undefined)[] = [];
  takeSources(project, join(folder, "sources"));
  if (!options.json) say(header(options.explore ? "states" : "seeds"));
  for (const mutant of mutants) {
    const verdict = await judge(mutant, options, project, folder);
    verdicts.push(verdict);
    if (!options.json) say(row(verdict));
    const own = join(folder, mutant.id);
    if (options.shrink > 0 && verdict.type === "killed") {
      const shrinking = await shrinkFind(own, verdict.found, options.shrink);
      shrinkings.push(shrinking);
      say(options.json ? JSON.stringify({ ...verdict, shrinking }) : shrinkingText(shrinking));
    } else if (options.json) say(JSON.stringify(verdict));
    removeScratch(own);
  }
  const score = scoreOf(verdicts);
  say(options.json ? JSON.stringify(score) : `\n${score.text}`);
  if (options.shrink > 0 && !options.json) say(shareText(shrinkings, options.shrink));
  return verdicts.some(isMissed) ? 1 : 0;
}

async function judge(
  mutant: Mutant,
  options: Options,
  project: string,
  folder: string,
): Promise<Verdict> {
  const { id, what, breaks, waits, equivalent, changes } = mutant;
  const base = { id, what, breaks };
  if (waits !== undefined) return { ...base, type: "waiting", reason: waits };
  if (equivalent !== undefined) return { ...base, type: "equivalent", reason: equivalent };
  const own = join(folder, id);
  try {
    const all = options.assertions ? changes : [...changes, ...WITHOUT_ASSERTIONS];
    await build(project, join(folder, "sources"), own, all);
  } catch (error) {
    return { ...base, type: "broken", reason: error instanceof Error ? error.message : "" };
  }
  const result = options.explore
    ? await exploreAll(own, options.seconds)
    : await hunt(own, options);
  const { found, ...spent } = result;
  return found === undefined
    ? { ...base, type: "survived", ...spent }
    : { ...base, type: "killed", ...spent, found };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function chosen(mutants: readonly Mutant[], only: readonly string[]): readonly Mutant[] {
  const unknown = only.filter((id) => mutants.every((mutant) => mutant.id !== id));
  if (unknown.length > 0) throw new RangeError(`there is no mutant ${unknown.join(", ")}`);
  return only.length === 0 ? mutants : mutants.filter(({ id }) => only.includes(id));
}

function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      seeds: { type: "string", default: "2000" },
      seconds: { type: "string", default: "1800" },
      workers: { type: "string", default: String(USUAL_WORKERS) },
      explore: { type: "boolean", default: false },
      "no-assertions": { type: "boolean", default: false },
      shrink: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    only: values.only.flatMap((ids) => ids.split(",")),
    // No more than the simulator takes, which would otherwise find nothing.
    seeds: whole("seeds", values.seeds, 1, 10_000_000),
    seconds: whole("seconds", values.seconds, 1, 86_400),
    workers: whole("workers", values.workers, 1, MOST_WORKERS),
    explore: values.explore,
    assertions: !values["no-assertions"],
    // What is explored is as short as can be already.
    shrink: values.explore ? 0 : whole("shrink", values.shrink, 0, 86_400),
    json: values.json,
  };
}
