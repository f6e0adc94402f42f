/** Section `core`: proposals per second through three cores with no I/O, and what a proposal allocates. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface CoreRow {
  readonly batch: number;
  readonly proposalsPerSecond: number;
  /** In the three cores together. */
  readonly bytesPerProposal: number;
}

const SCRIPT = fileURLToPath(new URL("../core/main.js", import.meta.url));
const BATCHES = [1, 64];

export async function measureCore(
  measureMs: number,
  progress: (what: string) => void,
): Promise<CoreRow[]> {
  const rows: CoreRow[] = [];
  for (const batch of BATCHES) {
    progress(`core: batches of ${batch}`);
    rows.push({
      batch,
      proposalsPerSecond: await run("speed", batch, measureMs),
      bytesPerProposal: await run("allocation", batch, 200, [
        "--expose-gc",
        "--max-semi-space-size=256",
        "--min-semi-space-size=256",
      ]),
    });
  }
  return rows;
}

async function run(what: string, batch: number, ms: number, flags: string[] = []): Promise<number> {
  const args = [...flags, SCRIPT, what, String(batch), String(Math.round(ms))];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as number;
}
