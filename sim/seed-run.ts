/** One seed of a batch: made into a schedule, run, and summed up as plain data that fits through a message or a line. */

import { generate } from "./generate.ts";
import type { Counts } from "./recorder.ts";
import type { Profile, Schedule } from "./schedule.ts";
import { scheduleIn } from "./schedule-file.ts";
import { shellWord } from "./shell-word.ts";
import { runSchedule } from "./simulation.ts";
import type { Violation } from "./trace.ts";

export interface SeedTask {
  readonly seed: number;
  readonly nodes: number | undefined;
  readonly profile: Profile;
  /** Of the safety phase, simulated. */
  readonly seconds: number;
  /** Client operations a simulated second. */
  /** Drawn from the seed where it is `undefined`. */
  readonly rate: number | undefined;
  /** A file with a schedule, instead of one from the seed. */
  readonly file: string | undefined;
}

export interface SeedResult {
  readonly seed: number;
  /** Of all events. */
  readonly hash: string;
  readonly verdict: "ok" | "violation";
  readonly violation: Violation | undefined;
  readonly nodes: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly realMs: number;
  readonly counts: Counts;
  /** What runs this very seed again. */
  readonly command: string;
}

export async function runSeed(task: SeedTask): Promise<SeedResult> {
  const begin = performance.now();
  // Refusals are errors by the thousand; nobody reads where they were made.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const schedule = scheduleOf(task);
    const { hash, violation, events, simulatedMs, counts } = await runSchedule(schedule);
    const verdict = violation === undefined ? "ok" : "violation";
    const realMs = Math.round(performance.now() - begin);
    const command = commandOf(task);
    return {
      seed: schedule.seed,
      hash,
      verdict,
      violation,
      nodes: schedule.nodes,
      events,
      simulatedMs,
      realMs,
      counts,
      command,
    };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Throws where the file holds none. */
export function scheduleOf({ seed, nodes, profile, seconds, rate, file }: SeedTask): Schedule {
  if (file === undefined) {
    const durationMs = seconds * 1000;
    return generate(seed, { profile, nodes, durationMs, operationsPerSecond: rate });
  }
  return scheduleIn(file);
}

export function commandOf({ seed, nodes, profile, seconds, rate, file }: SeedTask): string {
  if (file !== undefined) return `npm run sim -- --schedule ${shellWord(file)}`;
  const size = nodes === undefined ? "" : ` --nodes ${nodes}`;
  const load = rate === undefined ? "" : ` --rate ${rate}`;
  return `npm run sim -- --seed ${seed} --profile ${profile} --seconds ${seconds}${size}${load}`;
}
