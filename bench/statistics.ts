/** The arithmetic of figures. */

/** The middle value; of an even number of them the mean of the two in the middle; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * How much more of one than of the other: the median of the ratios of each round, in which both were measured one right
 * after the other, so that what slows the machine for a while slows both. 0 of none.
 */
export function ratioOfRounds(some: readonly number[], other: readonly number[]): number {
  const pairs = some
    .slice(0, other.length)
    .map((value, round) => ({ value, by: other[round] ?? 0 }));
  return median(pairs.filter(({ by }) => by > 0).map(({ value, by }) => value / by));
}
