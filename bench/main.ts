/**
 * `npm run bench`: acknowledged durable writes per second and their latency, in a closed loop over TCP, against three
 * processes with `level`. A first bearing, on whatever machine this is; see README.md for how to read it.
 */

import { cpus, totalmem } from "node:os";
import { createHistogram } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { KvClient } from "../src/kv/client.ts";
import { TcpClientLink } from "../src/transport/tcp.ts";
import { systemClock } from "../src/node/clock.ts";
import { BenchCluster } from "./cluster.ts";

interface Row {
  readonly concurrency: number;
  readonly writesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the three members together. */
  readonly cpuMicrosPerWrite: number;
}

const VALUE_BYTES = 128;

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    concurrency: { type: "string", default: "1,64,256" },
    json: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const levels = options.concurrency.split(",").map(Number);
if (!(seconds > 0) || levels.some((level) => !Number.isInteger(level) || level < 1)) {
  console.error("--seconds takes a positive number, --concurrency whole numbers such as 1,64,256");
  process.exit(2);
}

const cluster = await BenchCluster.start(3);
const client = KvClient.connect({
  endpoints: cluster.endpoints,
  maxInFlight: 1024,
  link: new TcpClientLink({ clock: systemClock }),
});
try {
  await client.waitForLeader();
  if (!options.json) {
    console.log(
      `${cpus().length} x ${cpus()[0]?.model ?? "cpu"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
    );
    console.log(
      `3 processes on loopback, level with sync, ${VALUE_BYTES}-byte values, ${seconds} s each\n`,
    );
    console.log("concurrency   writes/s   p50 ms   p99 ms   server CPU us/write");
  }
  await load(64, Math.min(2, seconds));
  const rows: Row[] = [];
  for (const concurrency of levels) {
    const row = await measure(concurrency);
    rows.push(row);
    if (!options.json) console.log(format(row));
  }
  if (options.json)
    console.log(JSON.stringify({ node: process.version, valueBytes: VALUE_BYTES, seconds, rows }));
} finally {
  await client.close();
  await cluster.stop();
}

async function measure(concurrency: number): Promise<Row> {
  const before = await cpuMicros();
  const { histogram, count, elapsedMs } = await load(concurrency, seconds);
  const after = await cpuMicros();
  return {
    concurrency,
    writesPerSecond: Math.round((count / elapsedMs) * 1000),
    p50Ms: histogram.percentile(50) / 1e6,
    p99Ms: histogram.percentile(99) / 1e6,
    cpuMicrosPerWrite: (after - before) / count,
  };
}

/** A closed loop: each of `concurrency` writers sends its next write when the last is acknowledged. */
async function load(
  concurrency: number,
  durationSeconds: number,
): Promise<{ histogram: ReturnType<typeof createHistogram>; count: number; elapsedMs: number }> {
  const histogram = createHistogram();
  const start = performance.now();
  const end = start + durationSeconds * 1000;
  let count = 0;
  const writer = async (name: number): Promise<void> => {
    for (let n = 0; performance.now() < end; n += 1) {
      const sentAt = performance.now();
      await client.put(`key-${name}-${n % 1000}`, "v".repeat(VALUE_BYTES));
      histogram.record(Math.max(1, Math.round((performance.now() - sentAt) * 1e6)));
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, name) => writer(name)));
  return { histogram, count, elapsedMs: performance.now() - start };
}

async function cpuMicros(): Promise<number> {
  const usage = await cluster.usage();
  return usage.reduce((sum, { cpuMicros: micros }) => sum + micros, 0);
}

function format({ concurrency, writesPerSecond, p50Ms, p99Ms, cpuMicrosPerWrite }: Row): string {
  return [
    String(concurrency).padStart(11),
    String(writesPerSecond).padStart(11),
    p50Ms.toFixed(2).padStart(9),
    p99Ms.toFixed(2).padStart(9),
    cpuMicrosPerWrite.toFixed(0).padStart(22),
  ].join("");
}
