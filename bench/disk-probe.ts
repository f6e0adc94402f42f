/** How long the disk takes to make 4 KiB durable, under the folder where the systems under test have their data. */

import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { removeScratch, scratchFolder } from "./scratch.ts";
import { median } from "./statistics.ts";

const BLOCK = Buffer.alloc(4096, 120);

/** The median of `count` times: an append and its `fdatasync`, in milliseconds. */
export function syncTimeMs(count: number): number {
  const folder = scratchFolder("sync");
  const file = openSync(join(folder, "file"), "a");
  const times = Array.from({ length: count }, () => {
    const start = performance.now();
    writeSync(file, BLOCK);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  removeScratch(folder);
  return median(times);
}
