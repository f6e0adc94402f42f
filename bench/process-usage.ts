/**
 * What a process has used, as Linux tells it in `/proc`: the same way for every system under test, whatever it is
 * written in. Elsewhere there is nothing to tell.
 */

import { readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly cpuMicros: number;
  /** Handed to `write`, on files and sockets alike. */
  readonly wrote: number;
  /** Sent to the disk. */
  readonly writtenToDisk: number;
  readonly residentBytes: number;
}

/** The kernel counts in hundredths of a second, whatever its own tick is. */
const MICROS_PER_TICK = 10_000;

export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in brackets, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const io = readFileSync(`/proc/${pid}/io`, "utf8");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return {
      cpuMicros: (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK,
      wrote: numberIn(io, /^wchar: (\d+)/m),
      writtenToDisk: numberIn(io, /^write_bytes: (\d+)/m),
      residentBytes: numberIn(status, /^VmRSS:\s+(\d+) kB/m) * 1024,
    };
  } catch {
    return undefined;
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
