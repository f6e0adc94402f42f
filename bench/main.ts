/** `npm run bench`: what the library can do on this machine, beside what the machine itself can do. See README.md. */

import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { BareSystem } from "./bare/cluster.ts";
import { QuorateSystem } from "./quorate/cluster.ts";
import { measureClosed } from "./sections/closed.ts";
import type { ClosedRow, Lane } from "./sections/closed.ts";
import { measureCore } from "./sections/core.ts";

const SECTIONS = ["core", "multiplexed", "sockets", "embedded"];

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    concurrency: { type: "string", default: "1,16,64,256,1000" },
    only: { type: "string", default: SECTIONS.join(",") },
    json: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
const levels = options.concurrency.split(",").map(Number);
const only = options.only.split(",");
if (!(seconds > 0) || levels.some((level) => !Number.isInteger(level) || level < 1)) {
  console.error("--seconds takes a positive number, --concurrency whole numbers such as 1,64,256");
  process.exit(2);
}
const unknown = only.filter((section) => !SECTIONS.includes(section));
if (unknown.length > 0) {
  console.error(`--only takes ${SECTIONS.join(", ")}, not ${unknown.join(", ")}`);
  process.exit(2);
}
const say = (line: string): void => {
  if (!options.json) console.log(line);
};

say(
  `${cpus().length} x ${cpus()[0]?.model ?? "cpu"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
const results: Record<string, unknown> = {};
if (only.includes("core")) {
  say("\ncore alone: batch, proposals/s, bytes allocated a proposal");
  const rows = await measureCore(seconds * 1000);
  for (const row of rows)
    say(
      `${String(row.batch).padStart(6)} ${row.proposalsPerSecond.toFixed(0).padStart(12)} ${row.bytesPerProposal.toFixed(0).padStart(8)}`,
    );
  results["core"] = rows;
}
const FORMS: Record<
  string,
  { readonly over: "tcp" | "embedded"; readonly connections: (concurrency: number) => number }
> = {
  multiplexed: { over: "tcp", connections: () => 8 },
  sockets: { over: "tcp", connections: (concurrency) => concurrency },
  embedded: { over: "embedded", connections: () => 0 },
};
for (const [form, { over, connections }] of Object.entries(FORMS)) {
  if (only.includes(form)) results[form] = await closed(form, over, connections);
}
if (options.json) console.log(JSON.stringify({ node: process.version, seconds, rounds, results }));

async function closed(
  form: string,
  over: "tcp" | "embedded",
  connections: (concurrency: number) => number,
): Promise<ClosedRow[]> {
  const systems = [await BareSystem.start(over), await QuorateSystem.start(over)];
  const lanes: Lane[] = systems.map((system) => ({ name: system.name, system, connections }));
  say(
    `\nclosed loop, ${form}\n${"".padEnd(18)}    c  writes/s    p50 ms    p99 ms  p99.9 ms  CPU us/w  disk B/w  load cores  RSS MiB`,
  );
  try {
    return await measureClosed(
      lanes,
      { levels, rounds, warmUpMs: 500, measureMs: seconds * 1000, valueBytes: 128 },
      (row) => say(format(row)),
    );
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

function format(row: ClosedRow): string {
  return [
    row.lane.padEnd(18),
    String(row.concurrency).padStart(5),
    row.perSecond.toFixed(0).padStart(10),
    row.p50Ms.toFixed(2).padStart(10),
    row.p99Ms.toFixed(2).padStart(10),
    row.p999Ms.toFixed(2).padStart(10),
    row.serverCpuMicros.toFixed(1).padStart(10),
    row.diskBytes.toFixed(0).padStart(10),
    row.loadCores.toFixed(2).padStart(12),
    (row.residentBytes / 2 ** 20).toFixed(0).padStart(9),
    row.failed > 0 ? `  ${row.failed} failed: ${row.failure}` : "",
  ].join("");
}
