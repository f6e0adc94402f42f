/** Plans are carried out in time, and do not fill the queue. */

import { expect, test } from "vitest";
import { Scheduler } from "../../sim/scheduler.ts";
import { onTime } from "../../sim/timetable.ts";

test("each is done at its time, those of one time in the order planned, and one alone is queued", async () => {
  const scheduler = new Scheduler({
    onStep: () => undefined,
    onThrow: (error) => expect.fail(String(error)),
  });
  const done: string[] = [];
  const planned = [
    { atMs: 30, name: "c" },
    { atMs: 10, name: "a" },
    { atMs: 30, name: "d" },
    { atMs: 20, name: "b" },
  ];
  onTime(scheduler, planned, ({ name }) => {
    done.push(`${name} ${scheduler.nowUs}, ${scheduler.size} behind it`);
  });
  expect(scheduler.size).toBe(1);
  await scheduler.run(100_000);
  expect(done).toEqual([
    "a 10000, 1 behind it",
    "b 20000, 1 behind it",
    "c 30000, 1 behind it",
    "d 30000, 0 behind it",
  ]);
});
