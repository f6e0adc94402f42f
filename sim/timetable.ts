/** What is planned for certain times. */

import { KIND } from "./scheduler.ts";
import type { Scheduler } from "./scheduler.ts";

/** Does each at its time. Only the next stands in the scheduler's queue, which is the quicker the shorter it is. */
export function onTime<Planned extends { readonly atMs: number }>(
  scheduler: Scheduler,
  planned: readonly Planned[],
  act: (planned: Planned) => void,
): void {
  const inOrder = planned.toSorted((a, b) => a.atMs - b.atMs);
  const waitFor = (at: number): void => {
    const next = inOrder[at];
    if (next === undefined) return;
    scheduler.after(next.atMs * 1000 - scheduler.nowUs, KIND.operation, undefined, () => {
      waitFor(at + 1);
      act(next);
    });
  };
  waitFor(0);
}
