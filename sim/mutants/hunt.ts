/** Runs the simulator of a mutant, seed by seed, until a property is violated or the budget is used up. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Budget {
  readonly seeds: number;
  readonly seconds: number;
  readonly workers: number;
}

/** Who saw it first: the code's own assertions, or the checks from outside. */
type Witness = "assertion" | "outside";

export interface Find {
  readonly property: string;
  readonly text: string;
  readonly seed: number;
  readonly witness: Witness;
  /** Where it was explored and not run: within which bounds, and how deep. */
  readonly within?: string;
}

export interface Hunt {
  readonly found: Find | undefined;
  /** Run until then. */
  readonly seeds: number;
  readonly seconds: number;
  /** Seeds that ended by a mere error of the program, such as a TypeError, or never: they prove nothing. */
  readonly spoilt: number;
}

interface SeedLine {
  readonly seed: number;
  readonly violation: { readonly property: string; readonly text: string } | undefined;
}

/** A seed that takes longer has been caught in a loop. */
const STUCK_AFTER_MS = 120_000;
/** A mutant that only ever gets stuck, or crashes the simulator, is not tried for ever. */
const MAX_RESTARTS = 5;

export async function hunt(folder: string, { seeds, seconds, workers }: Budget): Promise<Hunt> {
  const begin = performance.now();
  const elapsed = (): number => (performance.now() - begin) / 1000;
  let run = 0;
  let spoilt = 0;
  for (let restarts = 0; restarts <= MAX_RESTARTS && run < seeds; restarts += 1) {
    const left = Math.max(0, seconds - elapsed());
    const part = await runSeeds(folder, { first: run + 1, count: seeds - run, workers, left });
    run += part.run;
    spoilt += part.spoilt;
    if (part.found !== undefined || part.isOver)
      return { found: part.found, seeds: run, seconds: elapsed(), spoilt };
    // Those that were under way when it broke off.
    run += workers;
    spoilt += workers;
  }
  return { found: undefined, seeds: run, seconds: elapsed(), spoilt };
}

interface Part {
  readonly run: number;
  readonly spoilt: number;
  readonly found: Find | undefined;
  /** Nothing is left to run, in seeds or in time. */
  readonly isOver: boolean;
}

async function runSeeds(
  folder: string,
  plan: {
    readonly first: number;
    readonly count: number;
    readonly workers: number;
    readonly left: number;
  },
): Promise<Part> {
  const { first, count, workers, left } = plan;
  const args = ["--seed", first, "--runs", count, "--workers", workers].map(String);
  const child = spawn(
    process.execPath,
    [join(folder, "dist", "sim", "main.js"), "--json", ...args],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  let run = 0;
  let spoilt = 0;
  let found: Find | undefined;
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, left * 1000);
  let stuck = setTimeout(() => child.kill("SIGKILL"), STUCK_AFTER_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(stuck);
    stuck = setTimeout(() => child.kill("SIGKILL"), STUCK_AFTER_MS);
    const result = seedLine(line);
    if (result === undefined || found !== undefined) continue;
    run += 1;
    if (result.violation === undefined) continue;
    const witness = witnessOf(result.violation);
    if (witness === undefined) {
      spoilt += 1;
      continue;
    }
    found = { ...result.violation, seed: result.seed, witness };
    child.kill("SIGKILL");
  }
  clearTimeout(late);
  clearTimeout(stuck);
  await exited(child);
  return { run, spoilt, found, isOver: isLate || run >= count };
}

/** `undefined`: the program has merely broken down, and no property has noticed anything. */
export function witnessOf({
  property,
  text,
}: {
  property: string;
  text: string;
}): Witness | undefined {
  if (property !== "S0" && property !== "S27") return "outside";
  if (/\b(TypeError|RangeError|ReferenceError|SyntaxError)\b/.test(text)) return undefined;
  return "assertion";
}

function seedLine(line: string): SeedLine | undefined {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null) return undefined;
  if (!("seed" in value) || typeof value.seed !== "number" || !("verdict" in value))
    return undefined;
  const { seed } = value;
  if (!("violation" in value) || typeof value.violation !== "object" || value.violation === null)
    return { seed, violation: undefined };
  const { violation } = value;
  const property = "property" in violation ? String(violation.property) : "unnamed";
  const text = "text" in violation ? String(violation.text) : "";
  return { seed, violation: { property, text } };
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("close", () => resolve()));
}
