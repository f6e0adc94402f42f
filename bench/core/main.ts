/**
 * A process that measures the core alone: `main.js speed|allocation BATCH MILLISECONDS`. Prints proposals per second, or
 * the bytes that one proposal allocates in all three cores together: that one wants a young generation which holds
 * everything, so that nothing is collected meanwhile.
 */

import { PerformanceObserver } from "node:perf_hooks";
import { CoreGroup } from "./group.ts";

const [what, batch = "1", milliseconds = "1000"] = process.argv.slice(2);
const commands = Array.from({ length: Number(batch) }, () => new Uint8Array(128).fill(118));
const group = new CoreGroup();
if (what === "allocation") {
  process.stdout.write(JSON.stringify(await allocation()));
} else {
  proposeFor(Number(milliseconds) / 2);
  process.stdout.write(JSON.stringify(proposeFor(Number(milliseconds))));
}

/** Proposals per second. */
function proposeFor(durationMs: number): number {
  const before = group.applied;
  const start = performance.now();
  let now = start;
  while (now < start + durationMs) {
    for (let n = 0; n < 64; n += 1) group.propose(commands);
    now = performance.now();
  }
  return ((group.applied - before) / (now - start)) * 1000;
}

/** Bytes for each proposal; rejects where something was collected meanwhile, because then they cannot be told. */
async function allocation(): Promise<number> {
  proposeFor(Number(milliseconds));
  globalThis.gc?.();
  let collections = 0;
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
  observer.observe({ entryTypes: ["gc"] });
  const before = { applied: group.applied, heap: process.memoryUsage().heapUsed };
  for (let n = 0; n < 6400 / commands.length; n += 1) group.propose(commands);
  const after = { applied: group.applied, heap: process.memoryUsage().heapUsed };
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  if (collections > 0) throw new Error("a collection came between");
  return (after.heap - before.heap) / (after.applied - before.applied);
}
