/**
 * How often which latency came: counts in buckets that widen with the value, so that each is known to within one part in
 * 128, from a microsecond to hours. Small enough to travel between processes; histograms of several runs add up.
 */

const SUB_BITS = 7;
const SUB_BUCKETS = 2 ** SUB_BITS;

/** Pairs of bucket and count, ascending. */
export type Counts = readonly (readonly [bucket: number, count: number])[];

export class Histogram {
  readonly #counts: number[] = [];
  #total = 0;

  static of(...parts: readonly Counts[]): Histogram {
    const histogram = new Histogram();
    for (const [bucket, count] of parts.flat()) histogram.#add(bucket, count);
    return histogram;
  }

  get total(): number {
    return this.#total;
  }

  get counts(): Counts {
    return this.#counts.flatMap((count, bucket) => (count > 0 ? [[bucket, count] as const] : []));
  }

  /** A whole number of any unit from 0 on; what is below counts as 0, a fraction is dropped. */
  record(value: number): void {
    this.#add(bucketOf(Math.max(0, Math.floor(value))), 1);
  }

  /** The least value that at least `percent` per cent are not above, as the upper end of its bucket; 0 when empty. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (const [bucket, count] of this.counts) {
      seen += count;
      if (seen >= wanted) return upperEnd(bucket);
    }
    return 0;
  }

  /** Of each bucket: its upper end, and which share is above those before it (1 for the first). */
  distribution(): { readonly above: number; readonly value: number }[] {
    let seen = 0;
    return this.counts.map(([bucket, count]) => {
      const above = 1 - seen / this.#total;
      seen += count;
      return { above, value: upperEnd(bucket) };
    });
  }

  #add(bucket: number, count: number): void {
    while (this.#counts.length <= bucket) this.#counts.push(0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#total += count;
  }
}

/** Below 128 every value has a bucket; above, each doubling has 128 of them. */
function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const shift = Math.floor(Math.log2(value)) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + Math.floor(value / 2 ** shift) - SUB_BUCKETS;
}

/** The greatest whole number in the bucket. */
function upperEnd(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return ((bucket % SUB_BUCKETS) + SUB_BUCKETS + 1) * 2 ** shift - 1;
}
