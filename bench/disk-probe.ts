/** The disk under the folder where the systems under test have their data: how long it takes, and what it was given. */

import { closeSync, fdatasyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeScratch, scratchFolder } from "../sim/scratch.ts";
import { median } from "./statistics.ts";

const BLOCK = Buffer.alloc(4096, 120);

/** The median of `count` times to make 4 KiB durable: an append and its `fdatasync`, in milliseconds. */
export function syncTimeMs(count: number): number {
  const folder = scratchFolder("bench-sync");
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

/** Of `/proc/diskstats`, whatever those of the disk are. */
const SECTOR_BYTES = 512;

/**
 * What anybody has written to the disk until now, as Linux tells it of the device itself; 0 where it does not. What it
 * tells of a process is another thing: who changes a byte in memory is charged with the whole folio, which may be a
 * mebibyte, whatever then goes to the disk.
 */
export function diskBytesWritten(): number {
  try {
    return bytesWrittenIn(readFileSync("/proc/diskstats", "utf8"), statSync(tmpdir()).dev);
  } catch {
    return 0;
  }
}

/** The tenth field of the device's line: `major minor name reads merged sectors ms writes merged sectors ...` */
export function bytesWrittenIn(diskstats: string, device: number): number {
  // As glibc takes a `dev_t` apart, below 2^32.
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const lines = diskstats.split("\n").map((line) => line.trim().split(/\s+/));
  const fields = lines.find((line) => Number(line[0]) === major && Number(line[1]) === minor);
  return Number(fields?.[9] ?? 0) * SECTOR_BYTES;
}
