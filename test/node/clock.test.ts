/** The machine's clock; its timers are those of Node, here in fake time. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deadlineSignal, systemClock } from "../../src/node/clock.ts";

const BEYOND_32_BITS = 2 ** 31 + 1000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("rule 66: a timer of more than 2^31 - 1 ms fires when it is due, not at once", () => {
  let fired = 0;
  systemClock.setTimer(BEYOND_32_BITS, () => (fired += 1));

  vi.advanceTimersByTime(BEYOND_32_BITS - 1);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});

test("a timer that was cancelled does not fire, in whichever stretch of it", () => {
  let fired = 0;
  const timer = systemClock.setTimer(BEYOND_32_BITS, () => (fired += 1));

  vi.advanceTimersByTime(2 ** 31);
  timer.cancel();
  vi.advanceTimersByTime(BEYOND_32_BITS);
  expect(fired).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

test("a timer keeps the process alive as long as somebody waits for it", () => {
  vi.useRealTimers();
  const before = timersAlive();
  const timer = systemClock.setTimer(60_000, () => undefined);

  expect(timersAlive()).toBe(before + 1);
  timer.cancel();
  expect(timersAlive()).toBe(before);
});

test("rule 66: the time is monotonic, whatever happens to the date", () => {
  const before = systemClock.now();
  vi.setSystemTime(0);
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});

test("a deadline's signal fires after its time, or with its parent", () => {
  const parent = new AbortController();
  const first = deadlineSignal(systemClock, 100, parent.signal);
  const second = deadlineSignal(systemClock, 1000, parent.signal);

  vi.advanceTimersByTime(100);
  expect([first.signal.aborted, second.signal.aborted]).toEqual([true, false]);
  parent.abort();
  expect(second.signal.aborted).toBe(true);
  first.dispose();
  second.dispose();
  expect(vi.getTimerCount()).toBe(0);
});

test("a deadline's signal that is disposed of leaves nothing behind", () => {
  const deadline = deadlineSignal(systemClock, 100, undefined);
  deadline.dispose();
  vi.advanceTimersByTime(1000);
  expect(deadline.signal.aborted).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});
