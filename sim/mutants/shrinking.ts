/** How small a story the simulator tells of a mutant that it has found, and how soon. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../counted.ts";
import { decisionsOf } from "../schedule-edits.ts";
import type { Schedule } from "../schedule.ts";
import type { Find } from "./hunt.ts";

export interface Shrinking {
  readonly nodes: number;
  /** Faults and operations. */
  readonly decisions: number;
  /** From the seed that was found to the story on disk. */
  readonly seconds: number;
}

/** What fits in a head: a story within this is a good one. */
const MOST_NODES = 3;
const MOST_DECISIONS = 12;

/** The seed's own run, telling the story and writing it take a little beside the shrinking. */
const GRACE_SECONDS = 60;

/** Lets a mutant's own simulator shrink what it has found; `undefined` where nothing came of it. */
export async function shrinkFind(
  folder: string,
  { seed }: Find,
  seconds: number,
): Promise<Shrinking | undefined> {
  const begin = performance.now();
  const out = join(folder, "stories");
  const main = join(folder, "dist", "sim", "main.js");
  const args = ["--seed", String(seed), "--shrink", String(seconds), "--out", out];
  const child = spawn(process.execPath, [main, ...args], { stdio: "ignore" });
  const late = setTimeout(() => child.kill("SIGKILL"), (seconds + GRACE_SECONDS) * 1000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(late);
  // A violation was found, shrunk and told.
  if (code !== 1) return undefined;
  const name = readdirSync(out).find((each) => each.endsWith(".json"));
  if (name === undefined) return undefined;
  const schedule = JSON.parse(readFileSync(join(out, name), "utf8")) as Schedule;
  return {
    nodes: schedule.nodes,
    decisions: decisionsOf(schedule),
    seconds: (performance.now() - begin) / 1000,
  };
}

export function shrinkingText(shrinking: Shrinking | undefined): string {
  if (shrinking === undefined) return "     not shrunk";
  const { nodes, decisions, seconds } = shrinking;
  return `     shrunk to ${counted(nodes, "node")} and ${counted(decisions, "decision")} in ${seconds.toFixed(1)} s`;
}

/** `within`: real seconds that were given to each. */
export function shareText(all: readonly (Shrinking | undefined)[], within: number): string {
  const good = all.filter(
    (each) => each !== undefined && each.nodes <= MOST_NODES && each.decisions <= MOST_DECISIONS,
  );
  const share = all.length === 0 ? 0 : Math.floor((100 * good.length) / all.length);
  return `at most ${MOST_NODES} nodes and ${MOST_DECISIONS} decisions within ${within} s: ${good.length} of ${all.length} (${share} in a hundred)`;
}
