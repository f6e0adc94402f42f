/**
 * The smallest schedule that still violates the same property. The schedule is the generated value of a fast-check
 * property; what is tried, and in which order, is in `simplify.ts`.
 */

import fc from "fast-check";
import type { Random } from "fast-check";
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
  const violations = new WeakMap<Schedule, Violation>([[schedule, violation]]);
  let best = { schedule, violation };
  let runs = 0;
  const arbitrary = new ScheduleArbitrary(schedule, function* (value, progress) {
    const known = violations.get(value);
    if (known === undefined) return;
    for (const step of smaller(value, known, progress)) {
      if (runs >= maxRuns || now() >= endMs) return;
      yield step;
    }
  });
  const property = fc.asyncProperty(arbitrary, async (candidate) => {
    if (candidate === schedule) return false;
    runs += 1;
    const found = await violationOf(candidate);
    if (found === undefined || kindOf(found) !== kindOf(violation)) return true;
    if (weight(candidate, found) >= weight(best.schedule, best.violation)) return true;
    violations.set(candidate, found);
    best = { schedule: candidate, violation: found };
    onSmaller?.(candidate, runs);
    return false;
  });
  await fc.check(property, { numRuns: 1, seed: 0 });
  const short = untilViolation(best.schedule, best.violation);
  const found = await violationOf(short);
  const isSame = found !== undefined && kindOf(found) === kindOf(violation);
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
  return `${schedule.nodes} nodes, ${decisionsOf(schedule)} decisions`;
}

/** What has to stay the same: the property, and where it stands for anything unforeseen, the message but its numbers. */
function kindOf({ property, text }: Violation): string {
  const isAnything = property === "S0" || property === "S27";
  return isAnything ? `${property} ${text.replaceAll(/\d+/g, "")}` : property;
}

/** One value, and how it shrinks. fast-check has no way to say this but a subclass. */
class ScheduleArbitrary extends fc.Arbitrary<Schedule> {
  readonly #value: Schedule;
  readonly #smaller: (
    value: Schedule,
    progress: Progress,
  ) => Iterable<readonly [Schedule, Progress]>;

  constructor(
    value: Schedule,
    next: (value: Schedule, progress: Progress) => Iterable<readonly [Schedule, Progress]>,
  ) {
    super();
    this.#value = value;
    this.#smaller = next;
  }

  override generate(_: Random): fc.Value<Schedule> {
    return new fc.Value(this.#value, START);
  }

  override canShrinkWithoutContext(value: unknown): value is Schedule {
    return value === this.#value;
  }

  override shrink(value: Schedule, context: unknown): fc.Stream<fc.Value<Schedule>> {
    const progress = (context ?? START) as Progress;
    const values = this.#smaller(value, progress);
    return fc.stream(
      (function* () {
        for (const [candidate, next] of values) yield new fc.Value(candidate, next);
      })(),
    );
  }
}
