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

/** How much more of one than of the other: the ratio of the medians of their rounds. 0 where there is nothing of the other. */
export function ratioOfMedians(some: readonly number[], other: readonly number[]): number {
  const by = median(other);
  return by > 0 ? median(some) / by : 0;
}
