/** The command line of the benchmark. */

import { parseArgs } from "node:util";
import { FULL, QUICK } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { SECTIONS } from "./results.ts";
import type { Section } from "./results.ts";

export interface Options {
  readonly plan: Plan;
  readonly output: "text" | "json" | "markdown";
  /** Where to put the page. */
  readonly report: string | undefined;
}

export const USAGE: string = `npm run bench -- [options]

  --only SECTION[,..]     of ${SECTIONS.join(", ")}
  --quick                 all of them in under a minute: to see that it works, not to believe it
  --seconds N             how long each load is measured (1)
  --rounds N              how often; the median counts (7; of few multiplexed clients three times)
  --concurrency N[,..]    of the closed loops (1,64,256,1000)
  --entries N[,..]        lengths of the log (10000,100000,1000000,10000000)
  --kills N               of the leader (20)
  --report FILE.html      one page with the plots
  --markdown, --json      instead of text; "npm run --silent bench" prints nothing else
`;

/** An hour: timers know an end. */
const MOST_SECONDS = 3600;

/** In words what is wrong, where something is. */
export function optionsFrom(args: readonly string[]): Options | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        quick: { type: "boolean", default: false },
        seconds: { type: "string" },
        rounds: { type: "string" },
        concurrency: { type: "string" },
        entries: { type: "string" },
        kills: { type: "string" },
        report: { type: "string" },
        markdown: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const base = values.quick ? QUICK : FULL;
  const sections = values.only?.split(",") ?? SECTIONS;
  const strange = sections.filter((name) => !(SECTIONS as readonly string[]).includes(name));
  if (strange.length > 0)
    return `--only takes ${SECTIONS.join(", ")}, not ${JSON.stringify(strange.join(","))}`;
  const seconds = Number(values.seconds ?? base.measureMs / 1000);
  if (!(seconds > 0 && seconds <= MOST_SECONDS))
    return `--seconds takes a positive number up to ${MOST_SECONDS}, not ${values.seconds}`;
  const lists = {
    rounds: wholes(values.rounds, [base.rounds]),
    kills: wholes(values.kills, [base.kills]),
    concurrency: wholes(values.concurrency, base.levels),
    entries: wholes(values.entries, base.entries),
  };
  for (const [name, list] of Object.entries(lists))
    if (list === undefined) return `--${name} takes whole numbers of at least 1`;
  for (const name of ["rounds", "kills"] as const)
    if (lists[name]?.length !== 1) return `--${name} takes one number, not ${values[name]}`;
  const { rounds = [], kills = [], concurrency = [], entries = [] } = lists;
  const plan: Plan = {
    ...base,
    // In their own order, whatever the order that they are named in.
    sections: SECTIONS.filter((name) => (sections as readonly Section[]).includes(name)),
    measureMs: seconds * 1000,
    warmUpMs: Math.min(base.warmUpMs, seconds * 1000),
    rounds: rounds[0] ?? base.rounds,
    kills: kills[0] ?? base.kills,
    levels: concurrency,
    entries: entries.toSorted((a, b) => a - b),
  };
  const output = values.json ? "json" : values.markdown ? "markdown" : "text";
  return { plan, output, report: values.report };
}

function wholes(
  text: string | undefined,
  otherwise: readonly number[],
): readonly number[] | undefined {
  if (text === undefined) return otherwise;
  const numbers = text.split(",").map(Number);
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 1)
    ? numbers
    : undefined;
}
