/** What a batch of seeds came to: sums, states reached, the verdict. */

import { counted } from "./counted.ts";
import { STATES } from "./recorder.ts";
import type { State } from "./recorder.ts";
import type { Profile } from "./schedule.ts";
import type { SeedResult } from "./seed-run.ts";

/** A batch of so many seeds has to reach everything that its profile can. */
const ENOUGH_SEEDS = 50;

/** Where no seed draws a journal. */
const OF_JOURNALS = ["journalRuns", "segmentsMade", "segmentsGivenUp", "recordsMoved"] as const;

/** What no seed of a profile needs to reach. */
const UNREACHED: Readonly<Partial<Record<Profile, readonly State[]>>> = {
  calm: [
    "truncations",
    "snapshotsInstalled",
    "unsyncedBatchesLost",
    "restarts",
    "damagesNoticed",
    "duplicatesSuppressed",
    "unknownOutcomes",
    ...OF_JOURNALS,
  ],
  network: ["restarts", "damagesNoticed", "unsyncedBatchesLost", ...OF_JOURNALS],
  crash: ["damagesNoticed"],
  snapshots: ["damagesNoticed"],
  clock: [
    "restarts",
    "damagesNoticed",
    "unsyncedBatchesLost",
    "snapshotsInstalled",
    "truncations",
    ...OF_JOURNALS,
  ],
};

/** Of fewer than three nodes all are needed: nobody misses what is committed, or can be spared. */
const OF_THREE_NODES: readonly State[] = ["truncations", "snapshotsInstalled", "damagesNoticed"];

interface BatchOptions {
  readonly runs: number;
  readonly workers: number;
  readonly profile: Profile;
  /** Of all seeds; `undefined`: each draws its own. */
  readonly nodes?: number | undefined;
}

export interface BatchSummary {
  readonly seeds: number;
  readonly violations: number;
  readonly events: number;
  /** That clients have called. */
  readonly operations: number;
  readonly simulatedMs: number;
  readonly realMs: number;
  /** Of all threads: on a busy machine less than the time that passes on all of them. */
  readonly cpuMs: number;
  /** Threads that the seeds were run on. */
  readonly workers: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly lost: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, number>>;
  readonly unreached: readonly State[];
  readonly verdict: "ok" | "violation" | "unreached";
}

export class BatchReport {
  readonly #runs: number;
  readonly #workers: number;
  readonly #excused: readonly State[];
  readonly #beginMs = performance.now();
  readonly #beginCpu = process.cpuUsage();
  readonly #bad: SeedResult[] = [];
  readonly #faults = new Map<string, number>();
  readonly #lost = new Map<string, number>();
  readonly #states = new Map<string, number>(STATES.map((state) => [state, 0]));
  #seeds = 0;
  #events = 0;
  #operations = 0;
  #simulatedMs = 0;

  constructor({ runs, workers, profile, nodes = Infinity }: BatchOptions) {
    this.#runs = runs;
    this.#workers = workers;
    this.#excused = [...(UNREACHED[profile] ?? []), ...(nodes < 3 ? OF_THREE_NODES : [])];
  }

  get isGood(): boolean {
    return this.summary().verdict === "ok";
  }

  /** Whether all seeds were run. */
  get isWhole(): boolean {
    return this.#seeds === this.#runs;
  }

  add(result: SeedResult): void {
    this.#seeds += 1;
    this.#events += result.events;
    this.#operations += result.counts.operations;
    this.#simulatedMs += result.simulatedMs;
    addTo(this.#faults, result.counts.faults);
    addTo(this.#lost, result.counts.lost);
    addTo(this.#states, result.counts.states);
    if (result.violation !== undefined) this.#bad.push(result);
  }

  /** What has violated a property, by seed: which of them was done first is chance. */
  get bad(): readonly SeedResult[] {
    return this.#bad.toSorted((a, b) => a.seed - b.seed);
  }

  progress(): string {
    const found = this.#bad.length === 0 ? "" : `, ${counted(this.#bad.length, "violation")}`;
    return `${this.#seeds} of ${this.#runs} seeds, ${Math.round(this.#simulatedMs / 1000)} s simulated${found} `;
  }

  summary(): BatchSummary {
    const unreached =
      this.#seeds < ENOUGH_SEEDS
        ? []
        : STATES.filter((state) => this.#states.get(state) === 0 && !this.#excused.includes(state));
    const violations = this.#bad.length;
    const cpu = process.cpuUsage(this.#beginCpu);
    return {
      seeds: this.#seeds,
      violations,
      events: this.#events,
      operations: this.#operations,
      simulatedMs: this.#simulatedMs,
      realMs: Math.round(performance.now() - this.#beginMs),
      cpuMs: Math.round((cpu.user + cpu.system) / 1000),
      workers: this.#workers,
      faults: Object.fromEntries(this.#faults),
      lost: Object.fromEntries(this.#lost),
      states: Object.fromEntries(this.#states),
      unreached,
      verdict: violations > 0 ? "violation" : unreached.length > 0 ? "unreached" : "ok",
    };
  }

  /** For people. */
  text(): string {
    const summary = this.summary();
    const { seeds, events, operations, faults, states, lost, unreached, verdict } = summary;
    const simulatedS = summary.simulatedMs / 1000;
    const realS = Math.max(1, summary.realMs) / 1000;
    const cpuS = Math.max(1, summary.cpuMs) / 1000;
    const threads = this.#workers === 1 ? "one thread" : `${this.#workers} threads`;
    return [
      ...this.bad.map(violationText),
      `seeds     ${seeds}${this.isWhole ? "" : ` of ${this.#runs}: interrupted`}`,
      `time      ${Math.round(simulatedS)} s simulated in ${realS.toFixed(1)} s on ${threads}: ${Math.round(simulatedS / realS)} times real time`,
      `cpu       ${cpuS.toFixed(1)} s: ${Math.round(simulatedS / cpuS)} times`,
      `events    ${events} (${Math.round(events / realS)} a second)`,
      `clients   ${operations} operations (${(operations / simulatedS).toFixed(1)} a simulated second)`,
      `faults    ${listText(faults)}`,
      `lost      messages: ${listText(lost)}`,
      `reached   ${listText(states)}`,
      verdict === "ok"
        ? "verdict   all properties held"
        : verdict === "violation"
          ? `verdict   ${this.#bad.length} of ${seeds} seeds violated a property`
          : `verdict   never reached: ${unreached.map(words).join(", ")}; this batch has tested too little`,
    ].join("\n");
  }
}

function violationText({ seed, violation, command, hash }: SeedResult): string {
  if (violation === undefined) return "";
  const { property, text, step, timeUs } = violation;
  return [
    `seed ${seed} violates ${property} at event ${step}, ${(timeUs / 1000).toFixed(3)} ms:`,
    `  ${text}`,
    `  again: ${command}   (hash ${hash})`,
    "",
  ].join("\n");
}

function addTo(
  sums: Map<string, number>,
  counts: Readonly<Record<string, number | undefined>>,
): void {
  for (const [name, count] of Object.entries(counts)) {
    sums.set(name, (sums.get(name) ?? 0) + (count ?? 0));
  }
}

/** `snapshotsTaken` in words. */
function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
}

function listText(counts: Readonly<Record<string, number>>): string {
  const texts = Object.entries(counts).map(([name, count]) => `${words(name)} ${count}`);
  return texts.length === 0 ? "none" : texts.join(", ");
}
