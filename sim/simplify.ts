/**
 * The order in which shrinking tries smaller schedules: first leaps - a short window of the run, fewer nodes, few
 * operations - then faults in halves down to single ones, operations likewise, nodes, and at last a plainer world.
 *
 * Leaving something out changes all that comes after it, who wins an election included, so a smaller schedule is tried
 * with a few seeds before it is given up: with more of them in each round, as runs have become short.
 */

import {
  compressed,
  keepNodes,
  plainer,
  simplerDecisions,
  thinned,
  windowOf,
  withEarlySnapshots,
} from "./schedule-edits.ts";
import type { Schedule } from "./schedule.ts";
import type { Violation } from "./trace.ts";

/** Where shrinking is: what comes before it has been tried. */
export interface Progress {
  readonly round: number;
  readonly pass: number;
  /** Of a pass that leaves out a part of a list: how large a part, and from where. */
  readonly chunk: number | undefined;
  readonly at: number;
  /** Whether this round, or the rest of it, has come to anything. */
  readonly isFruitful: boolean;
}

export const START: Progress = { round: 0, pass: 0, chunk: undefined, at: 0, isFruitful: false };

type Step = readonly [candidate: Schedule, next: Progress];
type Pass = (schedule: Schedule, violation: Violation, progress: Progress) => Iterable<Step>;

const ROUNDS = 4;
/** Into how many parts a list is cut at most, by round: single items have to wait until runs are short. */
const PARTS = [8, 32, 10_000, 10_000];
/** Of so many operations one is kept at first. */
const FEWEST = 10;
const LEAPS_MS = [500, 1000, 2000, 4000, 8000, 16_000];

/**
 * What to try next for a schedule that is known to end in `violation`; each with the progress to go on from, where it
 * still violates the property. Lazy, finite.
 */
export function* smaller(
  schedule: Schedule,
  violation: Violation,
  from: Progress,
): Generator<Step, void, undefined> {
  const base = untilViolation(schedule, violation);
  let progress = from;
  while (progress.round < ROUNDS) {
    const planned = PASSES[progress.pass];
    if (planned !== undefined) {
      const seeds = planned.seeds[progress.round] ?? 0;
      const steps = seeds === 0 ? [] : planned.pass(base, violation, progress);
      for (const [candidate, next] of steps) {
        for (let nth = 0; nth < seeds; nth += 1) {
          yield [
            { ...candidate, seed: base.seed + nth },
            { ...next, isFruitful: true },
          ];
        }
      }
      progress = { ...progress, pass: progress.pass + 1, chunk: undefined, at: 0 };
    } else if (progress.isFruitful) {
      progress = { ...START, pass: 1, round: progress.round };
    } else {
      progress = { ...START, round: progress.round + 1 };
    }
  }
}

/** Cut off where it ends: the same run. What was broken only after the storm needs the calm that follows it. */
export function untilViolation(schedule: Schedule, { timeUs }: Violation): Schedule {
  const endMs = Math.floor(timeUs / 1000) + 1;
  if (endMs > schedule.durationMs) return schedule;
  return { ...windowOf(schedule, 0, endMs), liveness: false };
}

const leaps: Pass = function* (schedule, violation, progress) {
  const node = violation.node ?? 0;
  const nodes = Array.from({ length: schedule.nodes }, (_, n) => (node + n) % schedule.nodes);
  const sizes = schedule.nodes > 3 ? [nodes.slice(0, 3), nodes] : [nodes];
  for (const every of [FEWEST, 2]) {
    for (const lengthMs of LEAPS_MS) {
      if (lengthMs > schedule.durationMs) break;
      for (const kept of sizes) {
        const fromMs = schedule.durationMs - lengthMs;
        const leadMs = fromMs > 0 ? leadOf(schedule) : 0;
        const window = windowOf(schedule, fromMs, schedule.durationMs, leadMs);
        const few = withSlack(thinned(keepNodes(window, kept), every));
        const next = { ...progress, pass: progress.pass + 1 };
        yield [few, next];
        if (every === FEWEST) yield [withEarlySnapshots(few), next];
      }
    }
  }
};

/** Enough for a first election. */
function leadOf({ raft }: Schedule): number {
  return 2 * (raft.electionTimeoutMs ?? 500);
}

/** Leaves out parts of a list: all, halves, quarters ... single items. */
function without(
  itemsOf: (schedule: Schedule) => readonly unknown[],
  keep: (schedule: Schedule, isKept: (at: number) => boolean) => Schedule,
): Pass {
  return function* (schedule, _, progress) {
    const { length } = itemsOf(schedule);
    let chunk = Math.min(progress.chunk ?? length, length);
    let { at } = progress;
    const least = Math.ceil(length / (PARTS[progress.round] ?? length));
    for (; chunk > 0; chunk = chunk <= least ? 0 : Math.ceil(chunk / 2), at = 0) {
      for (; at < length; at += chunk) {
        const [first, end] = [at, at + chunk];
        const candidate = keep(schedule, (item) => item < first || item >= end);
        yield [withSlack(candidate), { ...progress, chunk, at }];
      }
    }
  };
}

const withoutFaults = without(
  ({ faults }) => faults,
  (schedule, isKept) => ({ ...schedule, faults: schedule.faults.filter((_, at) => isKept(at)) }),
);
const withoutOperations = without(
  ({ operations }) => operations,
  (schedule, isKept) => ({
    ...schedule,
    operations: schedule.operations.filter((_, at) => isKept(at)),
  }),
);

const withoutNodes: Pass = function* (schedule, _, progress) {
  const all = Array.from({ length: schedule.nodes }, (__, node) => node);
  if (all.length === 1) return;
  if (all.length > 4) {
    for (const first of all) {
      const kept = [0, 1, 2].map((n) => (first + n) % all.length).toSorted((a, b) => a - b);
      yield [withSlack(keepNodes(schedule, kept)), progress];
    }
  }
  for (const gone of all) {
    const kept = all.filter((node) => node !== gone);
    yield [withSlack(keepNodes(schedule, kept)), progress];
  }
};

const inLessTime: Pass = function* (schedule, _, progress) {
  for (const factor of [0.25, 0.5, 0.8]) yield [withSlack(compressed(schedule, factor)), progress];
  for (const part of [0.5, 0.25, 0.1]) {
    const fromMs = Math.floor(schedule.durationMs * part);
    if (fromMs === 0) continue;
    yield [withSlack(windowOf(schedule, fromMs, schedule.durationMs)), progress];
  }
  if (!schedule.liveness) {
    yield [{ ...schedule, durationMs: Math.ceil(schedule.durationMs * 0.7) }, progress];
  }
};

const inAPlainWorld: Pass = function* (schedule, _, progress) {
  for (const candidate of plainer(schedule)) yield [withSlack(candidate), progress];
};

const ofSimpleDecisions: Pass = function* (schedule, _, progress) {
  for (const candidate of simplerDecisions(schedule)) yield [withSlack(candidate), progress];
};

/**
 * Each with how many seeds a candidate is tried with, by round. A smaller cluster is worth more of them; what makes
 * decisions plainer, and not fewer, waits until there are few.
 */
const PASSES: readonly { readonly pass: Pass; readonly seeds: readonly number[] }[] = [
  { pass: leaps, seeds: [8, 8, 8, 32] },
  { pass: withoutOperations, seeds: [2, 4, 8, 32] },
  { pass: withoutNodes, seeds: [2, 16, 32, 64] },
  { pass: withoutFaults, seeds: [2, 4, 8, 32] },
  { pass: inLessTime, seeds: [2, 4, 8, 32] },
  { pass: inAPlainWorld, seeds: [0, 4, 8, 32] },
  { pass: ofSimpleDecisions, seeds: [0, 0, 8, 32] },
];

/** With other elections it may take somewhat longer. */
function withSlack(schedule: Schedule): Schedule {
  if (schedule.liveness) return schedule;
  const slackMs = Math.floor(schedule.durationMs / 5) + 300;
  return { ...schedule, durationMs: schedule.durationMs + slackMs };
}
