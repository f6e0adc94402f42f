/** `npm run bench`: what the library can do on this machine, beside what the machine itself can do. See README.md. */

import { writeFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { mustBeWritable } from "../sim/writable.ts";
import { messageOf } from "../src/errors.ts";
import { prepareOpponents } from "./opponents.ts";
import { optionsFrom, USAGE } from "./options.ts";
import type { Options } from "./options.ts";
import { expectedMs } from "./plan.ts";
import { QuietWatch } from "./quiet-watch.ts";
import { asJson } from "./report/json.ts";
import { asPage } from "./report/page.ts";
import { asMarkdown } from "./report/summary.ts";
import { loadOf } from "./report/tables.ts";
import { asText } from "./report/text.ts";
import { isLoad } from "./results.ts";
import type { LoadRow, Results } from "./results.ts";
import { measureCore } from "./sections/core.ts";
import { measureFailover } from "./sections/failover.ts";
import { LoadSections } from "./sections/load.ts";
import { measureLog } from "./sections/log.ts";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => process.exit(130));

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}
const options = optionsFrom(args);
if (typeof options === "string") {
  badUsage(options);
}
try {
  mustBeWritable("report", options.report);
} catch (error) {
  badUsage(messageOf(error));
}
const results = await measure(options);
const { output, report } = options;
if (output === "json") console.log(asJson(results));
else console.log(output === "markdown" ? asMarkdown(results) : asText(results));
// At last: a disk that has become full must not cost the figures.
if (report !== undefined) {
  await writeFile(report, asPage(results));
  progress(`the page is ${report}`);
}

async function measure({ plan }: Options): Promise<Results> {
  const startedAt = performance.now();
  const opponents = await prepareOpponents(plan.sections, progress);
  const { absent, etcd, redis } = opponents;
  progress(`about ${(expectedMs(plan, Object.keys(absent)) / 60_000).toFixed(1)} minutes`);

  const watch = await QuietWatch.start(Math.min(1000, plan.measureMs));
  const wants = (section: (typeof plan.sections)[number]): boolean =>
    plan.sections.includes(section);
  const rows: LoadRow[] = [];
  const loads = new LoadSections({
    plan,
    opponents,
    watch,
    progress,
    onRows: (found) => {
      rows.push(...found);
      progress(`${found[0]?.section} ${inShort(found)}`);
    },
  });
  const core = wants("core") ? await measureCore(plan.measureMs, progress) : [];
  for (const section of plan.sections) if (isLoad(section)) await loads.run(section);
  const failover = wants("failover")
    ? await measureFailover(plan.kills, (trial, ms) => {
        progress(`failover ${trial + 1}: ${ms.toFixed(0)} ms`);
        watch.probe();
      })
    : undefined;
  const log = wants("log")
    ? await measureLog(plan.entries, plan.valueBytes, (row) => {
        progress(`log of ${row.entries} on ${row.storage}: opens in ${row.openMs.toFixed(0)} ms`);
        watch.probe();
      })
    : [];
  return {
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryBytes: totalmem(),
      system: `${type()} ${release()}`,
    },
    versions: {
      Node: process.version,
      ...(etcd === undefined ? {} : { etcd: etcd.version }),
      ...(redis === undefined ? {} : { Redis: redis.version }),
    },
    command: ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" "),
    tookMs: performance.now() - startedAt,
    firstWarmUpMs: plan.firstWarmUpMs,
    quietness: watch.result,
    absent,
    core,
    rows,
    failover,
    log,
  };
}

function inShort(rows: readonly LoadRow[]): string {
  const figures = rows.map(({ lane, perSecond }) => `${lane} ${perSecond.toFixed(0)}/s`);
  return `${rows.slice(0, 1).map(loadOf).join("")}: ${figures.join(", ")}`;
}

function badUsage(what: string): never {
  console.error(`${what}\nTry "npm run bench -- --help".`);
  process.exit(2);
}

/** Beside what is printed at the end, so that a pipe gets only that. */
function progress(what: string): void {
  console.error(what);
}
