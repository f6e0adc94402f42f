import { describe, expect, test } from "vitest";
import { bytesWrittenIn } from "../../bench/disk-probe.ts";
import { measuredOf, medianOf } from "../../bench/measured.ts";
import type { Sample } from "../../bench/measured.ts";
import { median, ratioOfMedians } from "../../bench/statistics.ts";

function usage(cpuMicros: number, wroteBytes: number, residentBytes: number) {
  return { cpuMicros, wroteBytes, residentBytes, anonymousBytes: 1 };
}

const begin: Sample = {
  servers: [usage(1_000_000, 500, 10), usage(0, 0, 30)],
  load: usage(5_000_000, 0, 0),
  machine: { allMicros: 10_000_000, ownMicros: 9_000_000 },
  diskBytes: 1_000_000,
};
const end: Sample = {
  servers: [usage(1_040_000, 1500, 20), usage(60_000, 3000, 10)],
  load: usage(6_000_000, 0, 0),
  machine: { allMicros: 14_000_000, ownMicros: 12_000_000 },
  diskBytes: 1_007_000,
};
const answered = {
  count: 1000,
  elapsedMs: 2000,
  latency: [
    [100, 98],
    [200, 2],
  ] as const,
  failed: 0,
};

describe("the figures of a measurement", () => {
  test("are what the processes used between its moments, for each operation", () => {
    const measured = measuredOf(answered, begin, end);
    expect(measured).toMatchObject({
      perSecond: 500,
      p50Ms: 0.1,
      p99Ms: 0.2,
      cpuMicros: [60, 40],
      diskBytes: 7,
      wroteBytes: 4,
      residentBytes: 20,
      loadCores: 0.5,
      othersCores: 0.5,
    });
  });

  test("are zero where nothing was answered and nothing is known", () => {
    const nothing = { servers: [undefined], load: undefined, machine: undefined, diskBytes: 0 };
    const measured = measuredOf({ ...answered, count: 0, latency: [] }, nothing, nothing);
    expect(measured).toMatchObject({ perSecond: 0, p99Ms: 0, cpuMicros: [0], othersCores: 0 });
  });

  test("tell of a server that ended meanwhile, and give nothing back for it", () => {
    const [first] = end.servers;
    const measured = measuredOf(answered, begin, { ...end, servers: [first, undefined] });
    expect(measured).toMatchObject({
      cpuMicros: [40, 0],
      failed: 1,
      failure: "a server has ended",
    });
    const other = measuredOf(answered, begin, { ...end, servers: [undefined, first] });
    expect(other).toMatchObject({ cpuMicros: [1040, 0], failed: 1 });
  });

  test("of several rounds are the medians, one by one, with all latencies and failures", () => {
    const measured = measuredOf(answered, begin, end);
    const rounds = [
      { ...measured, perSecond: 1, p99Ms: 9, failed: 2, failure: "busy" },
      { ...measured, perSecond: 3, p99Ms: 7 },
      { ...measured, perSecond: 2, p99Ms: 8 },
    ];
    expect(medianOf(rounds)).toMatchObject({ perSecond: 2, p99Ms: 8, failed: 2, failure: "busy" });
    expect(medianOf(rounds).latency).toEqual([
      [100, 294],
      [200, 6],
    ]);
  });
});

describe("what a disk was given", () => {
  const diskstats = [
    "   7       0 loop0 1 1 1 1 1 1 11 1 0 1 1",
    " 254       0 vda 2 2 2 2 2 2 22 2 0 2 2",
    " 259  262145 nvme1n1p1 3 3 3 3 3 3 33 3 0 3 3",
  ].join("\n");

  test("is told in sectors on the line of its device", () => {
    expect(bytesWrittenIn(diskstats, 0xfe00)).toBe(22 * 512);
    expect(bytesWrittenIn(diskstats, 0x4001_0301)).toBe(33 * 512);
  });

  test("is nothing where the device is not a disk", () => {
    expect(bytesWrittenIn(diskstats, 0x0017)).toBe(0);
    expect(bytesWrittenIn("", 0xfe00)).toBe(0);
  });
});

describe("the arithmetic", () => {
  test("of medians", () => {
    expect([median([]), median([4]), median([9, 1]), median([3, 1, 2])]).toEqual([0, 4, 5, 2]);
  });

  test("of both is what a ratio is of", () => {
    expect(ratioOfMedians([100, 10, 120], [50, 5, 40])).toBe(2.5);
    expect(ratioOfMedians([100], [50, 20, 25])).toBe(4);
    expect(ratioOfMedians([1], [0])).toBe(0);
  });
});
