/** Promises that must settle without a timer and without I/O, as simulated time knows neither. */

import { nextImmediate } from "../scheduler.ts";

/** What a promise is that does not. */
export const NEVER = "what never settles without a timer or I/O";

/** Whether it does: before the next turn of the event loop every promise that can settle has. Rejects as it does. */
export function settles(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), nextImmediate().then(() => false)]);
}
