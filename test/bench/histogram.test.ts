import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram } from "../../bench/load/histogram.ts";

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** The least value that at least `percent` per cent of them are not above. */
function percentileOf(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? 0;
}

const latencies = fc.array(
  fc.oneof(fc.nat(300), fc.nat(1_000_000), fc.nat(Number.MAX_SAFE_INTEGER)),
  { minLength: 1, maxLength: 200 },
);
const percents = fc.constantFrom(0, 1, 50, 90, 99, 99.9, 100);

describe("a histogram", () => {
  test("knows small values exactly", () => {
    const histogram = histogramOf([1, 2, 3, 4, 100]);
    expect([0, 20, 50, 80, 81].map((percent) => histogram.percentile(percent))).toEqual([
      1, 1, 3, 4, 100,
    ]);
  });

  test("knows every percentile to within one part in 128, and never too low", () => {
    fc.assert(
      fc.property(latencies, percents, (values, percent) => {
        const exact = percentileOf(values, percent);
        const found = histogramOf(values).percentile(percent);
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found - exact).toBeLessThanOrEqual(exact / 128);
      }),
    );
  });

  test("of several runs is that of all their values", () => {
    fc.assert(
      fc.property(latencies, latencies, (some, others) => {
        const added = Histogram.of(histogramOf(some).counts, histogramOf(others).counts);
        expect(added.counts).toEqual(histogramOf([...some, ...others]).counts);
        expect(added.total).toBe(some.length + others.length);
      }),
    );
  });

  test("drops fractions, takes what is below zero for zero, and has no percentile when empty", () => {
    expect(histogramOf([7.9, -3]).counts).toEqual([
      [0, 1],
      [7, 1],
    ]);
    expect(new Histogram().percentile(99)).toBe(0);
  });
});
