/** Numbers on a command line. */

/** Throws, with the name of the option, where `text` is no whole number from `least` to `most`. */
export function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} is a whole number from ${least} to ${most}, not ${text}`);
}
