/**
 * What a process has used, and how busy the machine is, as Linux tells it in `/proc`: the same way for every system
 * under test, whatever it is written in. Elsewhere there is nothing to tell.
 */

import { readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly cpuMicros: number;
  /** Handed to `write`, on files and sockets alike. */
  readonly wroteBytes: number;
  readonly residentBytes: number;
  /** Of its own, without the pages of files that it has mapped. */
  readonly anonymousBytes: number;
}

/** The kernel tells hundredths of a second, whatever its own tick is. */
const MICROS_PER_TICK = 10_000;

export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const io = readFileSync(`/proc/${pid}/io`, "utf8");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return {
      cpuMicros: cpuMicrosOf(pid),
      wroteBytes: numberIn(io, /^wchar: (\d+)/m),
      residentBytes: numberIn(status, /^VmRSS:\s+(\d+) kB/m) * 1024,
      anonymousBytes: numberIn(status, /^RssAnon:\s+(\d+) kB/m) * 1024,
    };
  } catch {
    return undefined;
  }
}

/** Processor time that anybody on this machine has used, and that these processes have. */
export interface Busyness {
  readonly allMicros: number;
  readonly ownMicros: number;
}

export function busyness(ownPids: readonly number[]): Busyness | undefined {
  try {
    const [first = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = first
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const ticks = user + nice + system + irq + softirq + steal;
    const ownMicros = ownPids.map(cpuMicrosOf).reduce((sum, micros) => sum + micros, 0);
    return { allMicros: ticks * MICROS_PER_TICK, ownMicros };
  } catch {
    return undefined;
  }
}

function cpuMicrosOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
