/** One seed of a batch: made into a schedule, run, and summed up as plain data that fits through a message or a line. */

import { generate } from "./generate.ts";
import type { Counts } from "./recorder.ts";
import type { Profile } from "./schedule.ts";
import { runSchedule } from "./simulation.ts";
import type { Violation } from "./trace.ts";

export interface SeedTask {
  readonly seed: number;
  readonly nodes: number | undefined;
  readonly profile: Profile;
  /** Of the safety phase, simulated. */
  readonly seconds: number;
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
  const { seed, nodes, profile, seconds } = task;
  const begin = performance.now();
  // Refusals are errors by the thousand; nobody reads where they were made.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const schedule = generate(seed, { profile, nodes, durationMs: seconds * 1000 });
    const { hash, violation, events, simulatedMs, counts } = await runSchedule(schedule);
    const verdict = violation === undefined ? "ok" : "violation";
    const realMs = Math.round(performance.now() - begin);
    const command = commandOf(task);
    return {
      seed,
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

function commandOf({ seed, nodes, profile, seconds }: SeedTask): string {
  const size = nodes === undefined ? "" : ` --nodes ${nodes}`;
  return `npm run sim -- --seed ${seed} --profile ${profile} --seconds ${seconds}${size}`;
}
