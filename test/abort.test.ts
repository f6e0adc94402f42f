/** Signals that many calls share. */

import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { onAbort } from "../src/abort.ts";

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

test("who shares a signal is told in turn, once, and is one listener of it", () => {
  const controller = new AbortController();
  const told: number[] = [];
  for (let n = 0; n < 100; n += 1) {
    const leave = onAbort(controller.signal, () => {
      told.push(n);
      leave();
    });
  }
  expect(listeners(controller.signal)).toBe(1);
  controller.abort();

  expect(told).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(listeners(controller.signal)).toBe(0);
});

test("who has left is not told, and the last one leaves nothing on the signal", () => {
  const controller = new AbortController();
  const told: string[] = [];
  const leaveFirst = onAbort(controller.signal, () => told.push("first"));
  const leaveSecond = onAbort(controller.signal, () => told.push("second"));
  leaveFirst();
  expect(listeners(controller.signal)).toBe(1);
  leaveSecond();
  leaveSecond();
  expect(listeners(controller.signal)).toBe(0);

  onAbort(controller.signal, () => told.push("third"));
  controller.abort();
  expect(told).toEqual(["third"]);
});
