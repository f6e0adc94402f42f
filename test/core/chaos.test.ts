/** Random runs of clusters against everything that Raft promises. A failure names the seed that replays it. */

import { expect, test } from "vitest";
import { Chaos } from "./support/chaos.ts";

const FIRST = Number(process.env["CHAOS_SEED"] ?? 1);
const COUNT = Number(process.env["CHAOS_SEEDS"] ?? (process.env["CHAOS_SEED"] ? 1 : 60));
const STEPS = 2_000;

test(`figure 3 holds in ${COUNT} random runs from seed ${FIRST}, and each ends with progress`, () => {
  let committed = 0;
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    try {
      committed += new Chaos(seed).run(STEPS).recover().ghost.commitIndex;
    } catch (cause) {
      throw new Error(`CHAOS_SEED=${seed} npx vitest run test/core/chaos.test.ts`, { cause });
    }
  }
  // A run in which nothing is committed shows nothing.
  expect(committed).toBeGreaterThan(15 * COUNT);
});
