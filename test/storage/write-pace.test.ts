/** When a journal holds the event loop for a write. */

import { expect, test } from "vitest";
import { WritePace } from "../../src/storage/journal/write-pace.ts";

/** Of a minute in which writes of a disk follow each other, how long the event loop was held. */
function heldMs(tookMs: (write: number) => number): number {
  const pace = new WritePace();
  let now = 0;
  let held = 0;
  for (let write = 0; now < 60_000; write += 1) {
    const end = now + tookMs(write);
    if (pace.holds(500, now)) {
      pace.onHeld(now, end);
      held += end - now;
    }
    now = end;
  }
  return held;
}

test("small writes are done at once, up to 1 KiB", () => {
  const pace = new WritePace();
  expect(pace.holds(1024, 0)).toBe(true);
  expect(pace.holds(1025, 0)).toBe(false);
});

test("a write that takes half a millisecond changes nothing", () => {
  const pace = new WritePace();
  pace.onHeld(10, 10.5);
  expect(pace.holds(100, 10.5)).toBe(true);
});

test("after a slow write the event loop is left alone, longer with each, and less so after quick ones", () => {
  const pace = new WritePace();
  pace.onHeld(10, 12);
  expect(pace.holds(100, 15.9)).toBe(false);
  expect(pace.holds(100, 16)).toBe(true);
  pace.onHeld(16, 18);
  expect(pace.holds(100, 25.9)).toBe(false);
  expect(pace.holds(100, 26)).toBe(true);
  pace.onHeld(26, 26.1);
  pace.onHeld(27, 29);
  expect(pace.holds(100, 36.9)).toBe(false);
  expect(pace.holds(100, 37)).toBe(true);
});

test("a disk that is always slow holds it for less than a hundredth of the time, and is tried again", () => {
  const held = heldMs(() => 8);
  expect(held).toBeLessThan(600);
  expect(held).toBeGreaterThan(8 * 20);
});

test("a quick disk that is slow now and then goes on holding it", () => {
  expect(heldMs((write) => (write % 200 === 0 ? 2 : 0.1))).toBeGreaterThan(45_000);
});
