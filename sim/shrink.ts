/**
 * The smallest schedule that still violates the same property, found by going on from each smaller one that does. What
 * is tried, and in which order, is in `simplify.ts`.
 */

import { counted } from "./counted.ts";
import { decisionsOf, weightOf } from "./schedule-edits.ts";
import type { Schedule } from "./schedule.ts";
import { smaller, START, untilViolation } from "./simplify.ts";
import type { Progress } from "./simplify.ts";
import { runSchedule } from "./simulation.ts";
import type { Violation } from "./trace.ts";

export interface ShrinkOptions {
  /** Real milliseconds; the run that is under way then is finished. */
  readonly withinMs?: number;
  readonly maxRuns?: number;
  /** Milliseconds of real time from any moment. */
  readonly now: () => number;
  /** What is wrong with a schedule; by default, with a run of it. */
  readonly violationOf?: (schedule: Schedule) => Promise<Violation | undefined>;
  /** Called at each smaller one. */
  readonly onSmaller?: ((schedule: Schedule, runs: number) => void) | undefined;
}

export interface Shrunk {
  readonly schedule: Schedule;
  readonly violation: Violation;
  /** How many schedules were tried. */
  readonly runs: number;
}

/** `schedule` must be one that ends in `violation`. */
export async function shrink(
  schedule: Schedule,
  violation: Violation,
  {
    withinMs = 60_000,
    maxRuns = 20_000,
    now,
    violationOf = violationOfRun,
    onSmaller,
  }: ShrinkOptions,
): Promise<Shrunk> {
  const endMs = now() + withinMs;
  let best = { schedule, violation };
  let runs = 0;
  const smallerFrom = async (from: Progress): Promise<Progress | undefined> => {
    for (const [candidate, next] of smaller(best.schedule, best.violation, from)) {
      if (runs >= maxRuns || now() >= endMs) return undefined;
      runs += 1;
      const found = await violationOf(candidate);
      if (found === undefined || !isOfSameKind(found, violation)) continue;
      if (weight(candidate, found) >= weight(best.schedule, best.violation)) continue;
      best = { schedule: candidate, violation: found };
      onSmaller?.(candidate, runs);
      return next;
    }
    return undefined;
  };
  let progress: Progress | undefined = START;
  while (progress !== undefined) progress = await smallerFrom(progress);

  const short = untilViolation(best.schedule, best.violation);
  const found = await violationOf(short);
  const isSame = found !== undefined && isOfSameKind(found, violation);
  return isSame ? { schedule: short, violation: found, runs } : { ...best, runs };
}

async function violationOfRun(schedule: Schedule): Promise<Violation | undefined> {
  return (await runSchedule(schedule)).violation;
}

function weight(schedule: Schedule, violation: Violation): number {
  return weightOf(untilViolation(schedule, violation), Math.ceil(violation.timeUs / 1000));
}

/** For people, while they wait. */
export function sizeOf(schedule: Schedule): string {
  return `${counted(schedule.nodes, "node")}, ${counted(decisionsOf(schedule), "decision")}`;
}

/** Properties that stand for anything unforeseen. */
const ANYTHING = new Set(["S0", "S27", "workload", "invariant", "digest", "atEnd"]);

/** Whether a shorter run that ends in `found` tells of `violation`. */
export function isOfSameKind(found: Violation, violation: Violation): boolean {
  return kindOf(found) === kindOf(violation);
}

/** What has to stay the same: the property, and where it stands for anything, the message but its numbers. */
function kindOf({ property, text }: Violation): string {
  return ANYTHING.has(property) ? `${property} ${text.replaceAll(/\d+/g, "")}` : property;
}
