/** Numbers on a command line. */

import { availableParallelism } from "node:os";

/** Threads: at the most, and where nobody says how many. */
export const MOST_WORKERS = 64;
export const USUAL_WORKERS: number = Math.min(MOST_WORKERS, availableParallelism());

/** Throws, with the name of the option, where `text` is no whole number from `least` to `most`, in decimal digits. */
export function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const shown = text === "" ? "an empty text" : text;
  throw new RangeError(`--${name} is a whole number from ${least} to ${most}, not ${shown}`);
}
