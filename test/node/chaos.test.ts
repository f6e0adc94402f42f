/** Random histories of real nodes. `SEED=7 npx vitest run test/node/chaos.test.ts` replays one. */

import { env } from "node:process";
import { expect, test } from "vitest";
import { live, weatherOf } from "./support/chaos.ts";
import type { Tally } from "./support/chaos.ts";

const FIRST = Number(env["SEED"] ?? 1);
const COUNT = Number(env["SEEDS"] ?? (env["SEED"] === undefined ? 60 : 1));

test("through crashes, cuts and a bad network nothing acknowledged is lost and nothing rejected appears", async () => {
  const tallies: Tally[] = [];
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
    try {
      tallies.push(await live(seed, weatherOf(seed)));
    } catch (cause) {
      throw new Error(
        `seed ${seed}; replay: SEED=${seed} npx vitest run test/node/chaos.test.ts\n${JSON.stringify(weatherOf(seed))}`,
        { cause },
      );
    }
  }

  // The histories were worth the while.
  if (COUNT < 20) return;
  const total = (of: keyof Tally): number => tallies.reduce((sum, tally) => sum + tally[of], 0);
  expect(total("applied")).toBeGreaterThan(COUNT * 10);
  expect(total("rejected")).toBeGreaterThan(COUNT * 10);
  expect(total("unknown")).toBeGreaterThan(COUNT);
  expect(total("reads")).toBeGreaterThan(COUNT);
  expect(total("leaders")).toBeGreaterThan(COUNT);
  expect(total("restored")).toBeGreaterThan(COUNT / 4);
});
