/** One seed of a batch: made into a schedule, run, and summed up as plain data that fits through a message or a line. */

import { readFileSync } from "node:fs";
import { messageOf } from "../src/errors.ts";
import { generate } from "./generate.ts";
import type { Counts } from "./recorder.ts";
import type { JournalModel, Profile, Schedule } from "./schedule.ts";
import { shellWord } from "./shell-word.ts";
import { runSchedule } from "./simulation.ts";
import type { Violation } from "./trace.ts";

/** A page for the header and another for batches. */
const LEAST_JOURNAL: JournalModel = { segmentBytes: 8192 };

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

function scheduleIn(file: string): Schedule {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`--schedule ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  // One that is made has all that there must be.
  for (const [name, part] of Object.entries(generate(0, { profile: "calm" }))) {
    const other: unknown = Object(found)[name];
    if (
      other !== null &&
      typeof other === typeof part &&
      Array.isArray(other) === Array.isArray(part)
    )
      continue;
    throw new RangeError(
      `--schedule ${file} holds no schedule: its ${name} is missing, or no ${kindOf(part)}`,
    );
  }
  const schedule = found as Schedule;
  const { segmentBytes } = schedule.journal ?? LEAST_JOURNAL;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < LEAST_JOURNAL.segmentBytes)
    throw new RangeError(
      `--schedule ${file} holds no schedule: its journal needs segmentBytes of ${LEAST_JOURNAL.segmentBytes} at least`,
    );
  return schedule;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "list" : typeof value;
}

export function commandOf({ seed, nodes, profile, seconds, rate, file }: SeedTask): string {
  if (file !== undefined) return `npm run sim -- --schedule ${shellWord(file)}`;
  const size = nodes === undefined ? "" : ` --nodes ${nodes}`;
  const load = rate === undefined ? "" : ` --rate ${rate}`;
  return `npm run sim -- --seed ${seed} --profile ${profile} --seconds ${seconds}${size}${load}`;
}
