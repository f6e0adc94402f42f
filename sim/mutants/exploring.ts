/** Explores a mutant's cores, bounds by bounds, until a property is violated in one of them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { witnessOf } from "./hunt.ts";
import type { Hunt } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";

/** What is not said is the least: two elections, and nothing else that may go wrong. */
const BOUNDS: readonly (readonly string[])[] = [
  ["--proposals", "1"],
  ["--heartbeats", "2"],
  ["--crashes", "1", "--slow-writes", "1"],
  ["--timeouts", "1", "--proposals", "1", "--heartbeats", "1", "--snapshots", "1"],
  ["--pre-vote"],
  ["--proposals", "1", "--timeouts", "3"],
  ["--nodes", "4"],
];
const LEAST = ["--proposals", "0", "--crashes", "0", "--slow-writes", "0"];
/** Most are found soon within the bounds that suit them, so all are tried a little before any is tried at length. */
const MAX_STATES = [40_000, 400_000] as const;

/** An exploration asks for the time now and then only. */
const GRACE_SECONDS = 60;

/** Nobody but the core takes part. */
export function isExplorable({ changes }: Mutant): boolean {
  return changes.some(({ file }) => file.startsWith("src/core/"));
}

/** Of `seconds` each try gets its share. */
export async function exploreAll(folder: string, seconds: number): Promise<Hunt> {
  let states = 0;
  let spent = 0;
  const tries = MAX_STATES.flatMap((most) => BOUNDS.map((bounds) => ({ most, bounds })));
  for (const { most, bounds } of tries) {
    const share = Math.max(1, Math.floor(seconds / tries.length));
    const result = await exploreWithin(folder, [...bounds, "--max-states", String(most)], share);
    if (result === undefined) continue;
    states += result.states;
    spent += result.seconds;
    const { violation, depth } = result;
    const witness = violation && witnessOf(violation);
    if (violation === undefined || witness === undefined) continue;
    const within = `${bounds.join(" ")}: ${depth} moves`;
    const found = { ...violation, seed: 0, witness, within };
    return { found, seeds: states, seconds: spent, spoilt: 0 };
  }
  return { found: undefined, seeds: states, seconds: spent, spoilt: 0 };
}

interface Explored {
  readonly states: number;
  readonly depth: number;
  readonly seconds: number;
  readonly violation?: { readonly property: string; readonly text: string };
}

/** `undefined` where it never came to an end: a core can be caught in a loop. */
async function exploreWithin(
  folder: string,
  bounds: readonly string[],
  seconds: number,
): Promise<Explored | undefined> {
  const main = join(folder, "dist", "sim", "explore", "main.js");
  const args = [main, "--json", ...LEAST, ...bounds, "--seconds", String(seconds)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: (seconds + GRACE_SECONDS) * 1000,
    killSignal: "SIGKILL",
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return output === "" ? undefined : (JSON.parse(output) as Explored);
}
