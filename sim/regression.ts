/** A test for the suite out of a schedule that broke something: it stays green once that is repaired. */

import type { Schedule } from "./schedule.ts";
import type { Violation } from "./trace.ts";

/** Where it belongs. Its imports are relative to that. */
export const REGRESSIONS_FOLDER = "test/sim/regressions";

export function regressionName({ seed }: Schedule, { property }: Violation): string {
  return `${property.toLowerCase()}-seed-${seed}`;
}

/** The text of a file for `REGRESSIONS_FOLDER`. */
export function regressionTest(schedule: Schedule, { property, text }: Violation): string {
  return `/** Once violated ${property}: ${text.replaceAll("*/", "* /").replaceAll("\n", " ")} */

import { expect, test } from "vitest";
import type { Schedule } from "../../../sim/schedule.ts";
import { runSchedule } from "../../../sim/simulation.ts";

const schedule = ${JSON.stringify(schedule, undefined, 2)} as Schedule;

test(${JSON.stringify(`${property} holds, ${schedule.nodes} nodes, seed ${schedule.seed}`)}, async () => {
  const { violation } = await runSchedule(schedule);
  expect(violation).toBeUndefined();
});
`;
}
