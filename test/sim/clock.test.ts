/** Clocks that are wrong, and processes that are not run. */

import { expect, test } from "vitest";
import { Oscillator, SimClock } from "../../sim/clock.ts";
import { Rng } from "../../sim/random.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import type { Actor } from "../../sim/scheduler.ts";

function rig(offsetUs = 0, driftPpm = 0) {
  const scheduler = new Scheduler({
    onStep: () => undefined,
    onThrow: (error) => expect.fail(String(error)),
  });
  const actor: Actor = { slot: 0, isAlive: true, gateUs: 0 };
  const oscillator = new Oscillator(scheduler, offsetUs, driftPpm);
  const clock = new SimClock(scheduler, oscillator, actor, new Rng(1, "clock"));
  return { scheduler, actor, oscillator, clock };
}

test("a clock that drifts runs its timers by its own time", async () => {
  const { scheduler, clock } = rig(5000, 100_000);
  let firedUs = 0;
  clock.setTimer(110, () => (firedUs = scheduler.nowUs));
  await scheduler.run(1_000_000);
  expect(firedUs).toBe(100_000);
  expect(clock.now()).toBe(5 + 1100);
});

test("a jump forward makes timers due", async () => {
  const { scheduler, clock, oscillator } = rig();
  let firedUs = 0;
  clock.setTimer(100, () => (firedUs = scheduler.nowUs));
  await scheduler.run(10_000);
  oscillator.jump(80_000);
  clock.rearm();
  await scheduler.run(1_000_000);
  expect(firedUs).toBe(20_000);
});

test("a cancelled timer never runs", async () => {
  const { scheduler, clock } = rig();
  clock.setTimer(100, () => expect.fail("it was cancelled")).cancel();
  await scheduler.run(1_000_000);
  expect(clock.timers).toBe(0);
});

test("while a process is paused its clock goes on, and what is due runs afterwards, in order", async () => {
  const { scheduler, clock, actor } = rig();
  const ran: string[] = [];
  clock.setTimer(10, () => ran.push(`10 at ${clock.now()}`));
  clock.setTimer(20, () => ran.push(`20 at ${clock.now()}`));
  actor.gateUs = 50_000;
  await scheduler.run(100_000);
  expect(ran).toEqual(["10 at 50", "20 at 50"]);
});

test("a slow process runs nothing else during a turn", async () => {
  const { scheduler, clock } = rig();
  clock.turnCostUs = 1000;
  const ranUs: number[] = [];
  for (let n = 0; n < 3; n += 1) clock.defer(() => ranUs.push(scheduler.nowUs));
  await scheduler.run(100_000);
  const [first = 0, second = 0, third = 0] = ranUs;
  expect(second - first).toBeGreaterThanOrEqual(1000);
  expect(third - second).toBeGreaterThanOrEqual(1000);
});

test("of a dead process nothing runs", async () => {
  const { scheduler, clock, actor } = rig();
  clock.setTimer(1, () => expect.fail("it is dead"));
  clock.defer(() => expect.fail("it is dead"));
  actor.isAlive = false;
  await scheduler.run(100_000);
});

test("events run in the order of time, then of scheduling", async () => {
  const { scheduler } = rig();
  const rng = new Rng(3, "order");
  const planned = Array.from({ length: 500 }, (_, order) => ({ us: rng.below(50), order }));
  const ran: typeof planned = [];
  for (const each of planned) scheduler.after(each.us, 1, undefined, () => ran.push(each));
  await scheduler.run(100);
  expect(ran).toEqual(planned.toSorted((a, b) => a.us - b.us || a.order - b.order));
});
