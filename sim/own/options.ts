/** What a user of `quorate/sim` says and gets: the types, and what is wrong with options. */

import { RaftError } from "../../src/errors.ts";
import type { Answered, Applied, ReadArguments, ReadOptions } from "../../src/node/node.ts";
import { problemsOfMethods, shown } from "../../src/shapes.ts";
import type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";
import { PROFILES } from "../schedule.ts";
import type { ActionType, Profile } from "../schedule.ts";
import type { Digest } from "./digest.ts";

type ResultOf<Machine> = Machine extends StateMachine<infer Result> ? Result : never;
type QueryOf<Machine> = Machine extends StateMachine<unknown, infer Query> ? Query : never;
type AnswerOf<Machine> =
  Machine extends StateMachine<unknown, unknown, infer Answer> ? Answer : never;

/** `machine` and `workload` are all that it takes. */
export interface SimulateOptions<Machine extends StateMachine, Model = undefined> {
  /**
   * A new, empty machine: for each start of each member, and for the replays that members are compared with. As in
   * production, but its promises must settle without a timer and without I/O, as simulated time knows neither.
   */
  readonly machine: () => Machine;
  /**
   * One call of one client: proposes and reads what it likes. Called `callsPerSecond` times a simulated second at random
   * moments; calls overlap. Each must end, having proposed, read and slept at most 500 times. Whatever it throws is a
   * violation, but for the errors of `propose` and `read` that faults explain: those it may let through.
   */
  readonly workload: (client: SimulatedClient<Machine, Model>) => unknown;
  /** What a run remembers of itself, made anew for each run: handed to `workload`, `invariant` and `atEnd`. */
  readonly model?: (() => Model) | undefined;
  /** Throws where a machine is as it must never be. Called after each batch on each member; must not wait. */
  readonly invariant?: ((seen: MachineSeen<Machine, Model>) => void) | undefined;
  /**
   * Throws where a run has not come to what it should have. Called at its end, when all is healed and at rest. It may
   * return a promise, which must settle without a timer and without I/O.
   */
  readonly atEnd?: ((end: RunEnd<Machine, Model>) => unknown) | undefined;
  /**
   * The state of a machine in short, as text, a number or bytes, equal exactly where states are equal. With it states are compared after every
   * batch; without it the bytes of snapshots are, when one is taken or restored and at the end. Needed where machines in
   * the same state may give different snapshots, as when they iterate in another order after a restore.
   */
  readonly digest?: ((machine: Machine) => Digest) | undefined;
  /** How many seeds: 1 to 1,000,000. Default 20; with `seed` alone, 1. */
  readonly runs?: number | undefined;
  /**
   * The first seed, a whole number from 0. Default 1. QUORATE_SEED in the environment stands above `seed` and `runs`: then
   * that seed alone is run.
   */
  readonly seed?: number | undefined;
  /** Members: 1 to 7. By default each seed draws them. */
  readonly nodes?: number | undefined;
  /** Which faults there are. Default `"default"`: all of them, and each seed draws some. */
  readonly profile?: Profile | undefined;
  /** How long faults go on in each run: 100 to 3,600,000 simulated milliseconds. Default 3000. */
  readonly durationMs?: number | undefined;
  /** How often the workload is called in a simulated second, by all clients together: 1 to 1000. Default 50. */
  readonly callsPerSecond?: number | undefined;
  /** Shorter runs that are tried in order to tell a violation briefly: 0 to 100,000. Default 200. */
  readonly shrinkRuns?: number | undefined;
}

/**
 * A client in simulated time. It goes to the members over a network that loses and delays, finds the leader, and tries
 * again what was certainly rejected, until a deadline that its seed has drawn. Its functions need no `this`.
 */
export interface SimulatedClient<Machine extends StateMachine, Model = undefined> {
  /** Which one, from 0. A few clients share the calls. */
  readonly client: number;
  readonly model: Model;
  /** Of this very call: leaving out another one does not change it. */
  readonly random: SeededRandom;
  /**
   * As `RaftNode.propose`, with the same three outcomes: applied, or a `RaftError` whose `outcome` is `"rejected"`
   * (certainly not in the log) or `"unknown"`. It is in the log once at most.
   */
  readonly propose: (command: Uint8Array) => Promise<Applied<ResultOf<Machine>>>;
  /** As `RaftNode.read`; a linearizable one is checked to be that. */
  readonly read: (
    ...asked: ReadArguments<QueryOf<Machine>, Pick<ReadOptions, "consistency">>
  ) => Promise<Answered<AnswerOf<Machine>>>;
  /** Resolves after so many simulated milliseconds, at least 0. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** Seeded: the only randomness that a workload may use. */
export interface SeededRandom {
  /** At least 0, below 1. */
  fraction(): number;
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** The same values in another order. */
  shuffled<Value>(values: readonly Value[]): Value[];
}

/** What `invariant` is shown. */
export interface MachineSeen<Machine extends StateMachine, Model = undefined> {
  /** To look at, not to change. */
  readonly machine: Machine;
  /** The member's id, `"n1"` and so on. */
  readonly member: string;
  /** Of the last command that it has applied. */
  readonly index: number;
  readonly model: Model;
}

/** What `atEnd` is shown. */
export interface RunEnd<Machine extends StateMachine, Model = undefined> {
  /** By member; only those that are up. All have applied `commands`. */
  readonly machines: ReadonlyMap<string, Machine>;
  /** All that was ever committed, in order. */
  readonly commands: readonly AppliedCommand[];
  readonly model: Model;
}

/** Of all runs together. */
export interface SimulationSummary {
  readonly runs: number;
  /** The first seed; the others follow it. */
  readonly seed: number;
  /** Steps of the simulator. */
  readonly events: number;
  readonly simulatedMs: number;
  /** How often each fault was carried out. */
  readonly faults: Readonly<Partial<Record<ActionType, number>>>;
  /** Entries in the logs. */
  readonly committed: number;
  /** Calls of `propose` and `read` that were answered. */
  readonly answered: number;
  /** Those whose outcome nobody knows. */
  readonly unknown: number;
  readonly elections: number;
  readonly restarts: number;
  readonly snapshotsTaken: number;
  readonly snapshotsInstalled: number;
  /** Of everything that happened: the same on every machine, as long as nothing is changed. */
  readonly hash: string;
}

/** Options of any machine and model, as the simulator handles them. */
export type OwnOptions = SimulateOptions<StateMachine, unknown>;

export interface Settings {
  readonly firstSeed: number;
  readonly runs: number;
  readonly nodes: number | undefined;
  readonly profile: Profile;
  readonly durationMs: number;
  readonly callsPerSecond: number;
  readonly shrinkRuns: number;
}

/** The numbers among the options, each with its least, its most and its default. */
const NUMBERS = {
  runs: [1, 1_000_000, undefined],
  seed: [0, Number.MAX_SAFE_INTEGER, 1],
  nodes: [1, 7, undefined],
  durationMs: [100, 3_600_000, 3000],
  callsPerSecond: [1, 1000, 50],
  shrinkRuns: [0, 100_000, 200],
} as const;
const FUNCTIONS = ["machine", "workload", "model", "invariant", "atEnd", "digest"];
const REQUIRED = ["machine", "workload"];
const DEFAULT_RUNS = 20;

/** Throws `RAFT_INVALID_OPTION` with every problem named. `seedVariable`: QUORATE_SEED as it was found. */
export function settingsOf(options: OwnOptions, seedVariable: string | undefined): Settings {
  const problems = problemsOf(options, seedVariable);
  if (problems.length === 0) problems.push(...problemsOfMachine(options));
  if (problems.length > 0) throw new RaftError("RAFT_INVALID_OPTION", problems.join("; "));
  const { seed, runs, nodes, profile = "default" } = options;
  const isReplay = seedVariable !== undefined;
  const [, , firstSeed] = NUMBERS.seed;
  return {
    firstSeed: isReplay ? Number(seedVariable) : (seed ?? firstSeed),
    runs: isReplay ? 1 : (runs ?? (seed === undefined ? DEFAULT_RUNS : 1)),
    nodes,
    profile,
    durationMs: options.durationMs ?? NUMBERS.durationMs[2],
    callsPerSecond: options.callsPerSecond ?? NUMBERS.callsPerSecond[2],
    shrinkRuns: options.shrinkRuns ?? NUMBERS.shrinkRuns[2],
  };
}

function problemsOf(options: unknown, seedVariable: string | undefined): string[] {
  if (typeof options !== "object" || options === null) {
    return [`the options must be an object, not ${shown(options)}`];
  }
  const given = new Map<string, unknown>(Object.entries(options));
  const known = [...FUNCTIONS, ...Object.keys(NUMBERS), "profile"];
  const problems = [...given.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is not an option: there are ${known.join(", ")}`);
  for (const name of FUNCTIONS) {
    const value = given.get(name);
    if (value === undefined && REQUIRED.includes(name)) problems.push(`${name} is missing`);
    else if (value !== undefined && typeof value !== "function") {
      problems.push(`${name} must be a function, not ${shown(value)}`);
    }
  }
  for (const [name, [least, most]] of Object.entries(NUMBERS)) {
    const value = given.get(name);
    if (value === undefined || isWhole(value, least, most)) continue;
    problems.push(`${name} must be a whole number from ${least} to ${most}, not ${shown(value)}`);
  }
  const profile = given.get("profile");
  if (profile !== undefined && !PROFILES.some((each) => each === profile)) {
    problems.push(`profile must be one of ${PROFILES.join(", ")}, not ${shown(profile)}`);
  }
  const isSeed = seedVariable === undefined || /^\d+$/.test(seedVariable);
  if (!isSeed || !isWhole(Number(seedVariable ?? 0), ...rangeOf("seed"))) {
    problems.push(`QUORATE_SEED must be a whole number from 0, not ${shown(seedVariable)}`);
  }
  return problems;
}

function problemsOfMachine({ machine }: OwnOptions): string[] {
  return problemsOfMethods("what machine() returns", machine(), [
    "apply",
    "query",
    "snapshot",
    "restore",
  ]);
}

function rangeOf(name: keyof typeof NUMBERS): readonly [least: number, most: number] {
  const [least, most] = NUMBERS[name];
  return [least, most];
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return (
    typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
  );
}
