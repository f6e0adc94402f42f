/** `simulate`: seeds of a user's state machine, one after the other, until one of them breaks something. */

import { createHash } from "node:crypto";
import type { StateMachine } from "../../src/node/state-machine.ts";
import { generate } from "../generate.ts";
import { Rng } from "../random.ts";
import type { ActionType, Schedule } from "../schedule.ts";
import { withEarlySnapshots } from "../schedule-edits.ts";
import { isOfSameKind, shrink } from "../shrink.ts";
import { runApplication } from "../simulation.ts";
import type { Outcome, SimulationHooks } from "../simulation.ts";
import { storyOf } from "../story.ts";
import type { TraceEvent, Violation } from "../trace.ts";
import { OwnApplication } from "./application.ts";
import { SimulationError } from "./failure.ts";
import type { OwnOperation } from "./operation.ts";
import { settingsOf } from "./options.ts";
import type { OwnOptions, Settings, SimulateOptions, SimulationSummary } from "./options.ts";

/**
 * Runs a cluster of your own state machine with your own workload in simulated time, under lost, late and cut messages,
 * crashes, disks that fail and clocks that are wrong; everything that is real is the shipped node. In each run it is
 * checked at every step that the algorithm keeps its rules, that every member's machine is what a fresh one becomes by
 * the same commands, that snapshots restore it, and that clients are told the truth (linearizability); then all is healed,
 * and everybody has to make progress and come to the same state. Needs no test framework, and runs in any.
 *
 * ```ts
 * test("the counter is replicated", { timeout: 60_000 }, async () => {
 *   await simulate({
 *     machine: () => new Counter(),
 *     workload: async ({ random, propose }) => {
 *       await propose(Uint8Array.of(random.between(1, 9)));
 *     },
 *   });
 * });
 * ```
 *
 * Resolves with sums over all runs; the same options give the same sums and the same `hash` everywhere. Rejects with a
 * `SimulationError` at the first violation, after looking for a shorter way to it (`shrinkRuns`); with
 * `RAFT_INVALID_OPTION` where an option is missing, unknown, of the wrong type or out of range. The first seed is run
 * twice, and must be the same run twice.
 */
export async function simulate<Machine extends StateMachine, Model = undefined>(
  options: SimulateOptions<Machine, Model>,
): Promise<SimulationSummary> {
  // From here on the machine's types do not matter: what goes in comes out.
  const own = options as unknown as OwnOptions;
  const settings = settingsOf(own, process.env["QUORATE_SEED"]);
  const sums = new Sums(settings);
  for (let nth = 0; nth < settings.runs; nth += 1) {
    const schedule = scheduleOf(settings, settings.firstSeed + nth);
    const outcome = await runFound(own, schedule, settings);
    if (nth === 0) await checkDeterminism(own, outcome);
    sums.add(outcome);
  }
  const summary = sums.summary();
  checkEffect(summary);
  return summary;
}

function scheduleOf(settings: Settings, seed: number): Schedule {
  const { nodes, profile, durationMs, callsPerSecond: operationsPerSecond } = settings;
  const schedule = generate(seed, { nodes, profile, durationMs, operationsPerSecond });
  // What machines get wrong most is their snapshots: here every run is full of them.
  const rng = new Rng(seed, "own snapshots");
  const snapshot = { everyEntries: rng.pick([5, 12, 30]), keepEntries: rng.pick([0, 1, 10]) };
  return { ...schedule, snapshot };
}

/** Rejects where something was found. */
async function runFound(
  options: OwnOptions,
  schedule: Schedule,
  { shrinkRuns }: Settings,
): Promise<Outcome<OwnOperation>> {
  const { outcome, cause } = await runOnce(options, schedule);
  const { violation } = outcome;
  if (violation === undefined) return outcome;
  // What somebody did hundreds of times makes no story.
  const isTold = violation.property !== "endless";
  const story = isTold ? await shrunkStory(options, schedule, violation, shrinkRuns) : "";
  throw new SimulationError({ seed: schedule.seed, violation, story, cause });
}

async function runOnce(
  options: OwnOptions,
  schedule: Schedule,
  hooks: SimulationHooks = {},
): Promise<{ readonly outcome: Outcome<OwnOperation>; readonly cause: unknown }> {
  const application = new OwnApplication(options);
  const outcome = await runApplication(application, schedule, hooks);
  return { outcome, cause: application.cause };
}

/** Bounded by runs and not by time, so that it is the same on a slow machine. */
async function shrunkStory(
  options: OwnOptions,
  schedule: Schedule,
  violation: Violation,
  maxRuns: number,
): Promise<string> {
  const violationOf = async (candidate: Schedule): Promise<Violation | undefined> =>
    (await runOnce(options, candidate)).outcome.violation;
  const found = { schedule, violation };
  const start = maxRuns === 0 ? found : await withMoreSnapshots(found, violationOf);
  const shrunk = await shrink(start.schedule, start.violation, {
    maxRuns: Math.max(0, maxRuns - 1),
    withinMs: Infinity,
    now: () => 0,
    violationOf,
  });
  const events: TraceEvent[] = [];
  const { outcome } = await runOnce(options, shrunk.schedule, {
    onEvent: (event) => events.push(event),
  });
  return storyOf(shrunk.schedule, outcome.violation ?? shrunk.violation, events);
}

interface Found {
  readonly schedule: Schedule;
  readonly violation: Violation;
}

/**
 * The same run with many snapshots, where it ends alike: the calls that were made only to come to the next snapshot are
 * left out of it then, which they cannot be one by one.
 */
async function withMoreSnapshots(
  found: Found,
  violationOf: (schedule: Schedule) => Promise<Violation | undefined>,
): Promise<Found> {
  const schedule = withEarlySnapshots(found.schedule);
  const violation = await violationOf(schedule);
  const isAlike = violation !== undefined && isOfSameKind(violation, found.violation);
  return isAlike ? { schedule, violation } : found;
}

async function checkDeterminism(options: OwnOptions, first: Outcome<OwnOperation>): Promise<void> {
  const { schedule, hash, events, simulatedMs } = first;
  const { outcome } = await runOnce(options, schedule);
  if (outcome.hash === hash) return;
  const text = `the same seed gave a run of ${events} events and one of ${outcome.events} that are not the same: the machine or the workload depends on a clock, on randomness or on I/O of its own, or on what another run has left behind`;
  throw new SimulationError({
    seed: schedule.seed,
    violation: {
      property: "determinism",
      text,
      node: undefined,
      step: events,
      timeUs: simulatedMs * 1000,
    },
    story: "",
    cause: undefined,
  });
}

/** Nothing was wrong, because nothing was done: a test that cannot fail. */
function checkEffect({ answered, events, simulatedMs, seed, runs }: SimulationSummary): void {
  if (answered > 0) return;
  throw new SimulationError({
    seed,
    violation: {
      property: "effect",
      text: `in ${runs} runs no call of propose or read was answered: nothing has been tested`,
      node: undefined,
      step: events,
      timeUs: simulatedMs * 1000,
    },
    story: "",
    cause: undefined,
  });
}

class Sums {
  readonly #settings: Settings;
  readonly #faults: Partial<Record<ActionType, number>> = {};
  readonly #hash = createHash("sha256");
  readonly #sums = {
    events: 0,
    simulatedMs: 0,
    committed: 0,
    answered: 0,
    unknown: 0,
    elections: 0,
    restarts: 0,
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
  };

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  add({ hash, events, simulatedMs, counts }: Outcome<OwnOperation>): void {
    const { states, committed, faults } = counts;
    const sums = this.#sums;
    sums.events += events;
    sums.simulatedMs += simulatedMs;
    sums.committed += committed;
    sums.answered += states.operationsOk;
    sums.unknown += states.unknownOutcomes;
    sums.elections += states.elections;
    sums.restarts += states.restarts;
    sums.snapshotsTaken += states.snapshotsTaken;
    sums.snapshotsInstalled += states.snapshotsInstalled;
    for (const [type, times] of Object.entries(faults) as [ActionType, number][]) {
      this.#faults[type] = (this.#faults[type] ?? 0) + times;
    }
    this.#hash.update(hash);
  }

  summary(): SimulationSummary {
    const { runs, firstSeed: seed } = this.#settings;
    const hash = this.#hash.digest("hex").slice(0, 16);
    return { runs, seed, ...this.#sums, faults: this.#faults, hash };
  }
}
