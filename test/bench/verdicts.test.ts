import { describe, expect, test } from "vitest";
import { shareOfBare } from "../../bench/comparison.ts";
import { validityOf } from "../../bench/reference.ts";
import { verdictsOf } from "../../bench/verdicts.ts";
import { logRow, REFERENCE_MACHINE, results, row } from "./support.ts";

describe("a verdict", () => {
  test("is given on what was measured, and on nothing else", () => {
    expect(verdictsOf(results({}))).toEqual([]);
    expect(verdictsOf(results({ rows: [row({ lane: "etcd" })] }))).toEqual([]);
  });

  test("on writes and their p99 is the ratio of our median to that of etcd", () => {
    const rows = [
      row({
        lane: "quorate",
        rounds: [
          { perSecond: 5000, p99Ms: 10 },
          { perSecond: 500, p99Ms: 100 },
          { perSecond: 6000, p99Ms: 12 },
        ],
      }),
      row({
        lane: "etcd",
        rounds: [
          { perSecond: 1000, p99Ms: 40 },
          { perSecond: 100, p99Ms: 400 },
          { perSecond: 1000, p99Ms: 16 },
        ],
      }),
    ];
    const [writes, p99] = verdictsOf(results({ rows }));
    expect(writes).toMatchObject({ actual: 5, target: 4, bound: "at least", passed: true });
    expect(p99).toMatchObject({ actual: 0.3, target: 0.5, bound: "at most", passed: true });
  });

  test("is on the journal, and tells the same figure of level beside it", () => {
    const rows = [
      row({ lane: "bare", perSecond: 1000 }),
      row({ lane: "etcd", perSecond: 100, p99Ms: 40 }),
      row({ lane: "quorate", perSecond: 600, p99Ms: 10, cpuMicros: [10, 9] }),
      row({ lane: "quorate on level", perSecond: 300, p99Ms: 20, cpuMicros: [20, 9] }),
    ];
    const log = [
      logRow({ entries: 1_000_000, openMs: 400 }),
      logRow({ storage: "level", entries: 1_000_000, openMs: 150 }),
    ];
    const verdicts = verdictsOf(results({ rows, log }));
    expect(verdicts.map(({ unit, actual, onLevel }) => [unit, actual, onLevel])).toEqual([
      [" x etcd", 6, 3],
      [" x etcd", 0.25, 0.5],
      [" of the bare line", 0.6, 0.3],
      [" us", 19, 29],
      [" ms", 400, 150],
    ]);
    const others = rows.filter(({ lane }) => lane !== "quorate");
    expect(verdictsOf(results({ rows: others, log: log.slice(1) }))).toEqual([]);
  });

  test("is not given on latencies where nothing was answered, nor on what the system does not tell", () => {
    const nothing = { perSecond: 0, p99Ms: 0 };
    const rows = [
      row({ lane: "etcd", perSecond: 100, p99Ms: 40 }),
      row({ lane: "quorate", ...nothing, cpuMicros: [0, 0, 0] }),
    ];
    const log = [
      logRow({ entries: 1_000_000, filledBytes: 0, folderBytes: 1000 }),
      logRow({ entries: 10_000_000, filledBytes: 0, folderBytes: 10_000 }),
    ];
    const verdicts = verdictsOf(results({ rows, log }));
    expect(verdicts.map(({ what, passed }) => [what, passed])).toEqual([
      ["writes, multiplexed, at 256", false],
      ["opening a log of a million entries", true],
    ]);
  });

  test("is failed by too few, and passed by exactly enough", () => {
    const bare = row({ lane: "bare", perSecond: 1000 });
    const passed = [499, 500].map(
      (perSecond) =>
        verdictsOf(results({ rows: [bare, row({ lane: "quorate", perSecond })] })).find(
          ({ unit }) => unit === " of the bare line",
        )?.passed,
    );
    expect(passed).toEqual([false, true]);
  });

  test("on processor time adds up all servers", () => {
    const rows = [row({ lane: "quorate", cpuMicros: [30, 6, 5] })];
    const verdict = verdictsOf(results({ rows }))[0];
    expect(verdict).toMatchObject({ actual: 41, target: 40, passed: false });
  });

  test("on the core, the kills and the log", () => {
    const verdicts = verdictsOf(
      results({
        core: [
          { batch: 1, proposalsPerSecond: 150_000, bytesPerProposal: 1 },
          { batch: 64, proposalsPerSecond: 1_500_000, bytesPerProposal: 1 },
        ],
        failover: { electedMs: [1], writableMs: [600, 900, 700], electionTimeoutMs: 500 },
        log: [
          logRow({ entries: 100_000, openMs: 100, filledBytes: 100, folderBytes: 100 }),
          logRow({ storage: "level", entries: 1_000_000, openMs: 9999 }),
          logRow({ entries: 1_000_000, openMs: 2500, filledBytes: 150, folderBytes: 1000 }),
          logRow({ entries: 10_000_000, openMs: 9000, filledBytes: 1230, folderBytes: 10_000 }),
        ],
      }),
    );
    expect(verdicts.map(({ passed, actual }) => [passed, actual])).toEqual([
      [false, 150_000],
      [true, 1_500_000],
      [true, 1.4],
      [true, 2500],
      [false, 0.12],
    ]);
  });
});

describe("the share of the bare line", () => {
  test("is taken under the same load", () => {
    const ours = row({ lane: "quorate", section: "open", asked: 2000, perSecond: 300 });
    const bare = [500, 2000].map((asked) =>
      row({ lane: "bare", section: "open", asked, perSecond: asked / 2 }),
    );
    expect(shareOfBare(bare, ours)).toBe(0.3);
    expect(shareOfBare(bare, { ...ours, asked: 7 })).toBeUndefined();
  });
});

describe("on the reference machine", () => {
  const machine = REFERENCE_MACHINE;
  const bareAtTable = row({ lane: "bare", perSecond: 94_000 });

  test("a run whose bare line is below 0.8 of the table is void", () => {
    const short = row({ lane: "bare", section: "sockets", perSecond: 27_000 });
    expect(validityOf({ machine, rows: [bareAtTable, short] }).shortfalls).toEqual([
      "sockets at 256: 0.77 of the table",
    ]);
    expect(validityOf({ machine, rows: [bareAtTable] })).toEqual({
      applies: true,
      compared: 1,
      shortfalls: [],
    });
  });

  test("the table says nothing of another machine", () => {
    const rows = [row({ lane: "bare", perSecond: 1 })];
    expect(validityOf({ machine: { ...machine, cores: 8 }, rows })).toEqual({
      applies: false,
      compared: 0,
      shortfalls: [],
    });
  });

  test("an etcd that is driven to less than 0.8 of the table is taken from the table, scaled", () => {
    const rows = [
      row({ lane: "bare", perSecond: 47_000 }),
      row({ lane: "etcd", perSecond: 5000, p99Ms: 500 }),
      row({ lane: "quorate", perSecond: 28_000, p99Ms: 51 }),
    ];
    const [writes, p99] = verdictsOf(results({ machine, rows }));
    // Half of the table's bare line, so half of its 11 200 writes, and twice its p99 of 51 ms.
    expect(writes).toMatchObject({ actual: 5, note: expect.stringContaining("scaled") as string });
    expect(p99).toMatchObject({ actual: 0.5, passed: true });
  });

  test("of such an etcd the p99 is its own where that is less", () => {
    const rows = [
      row({ lane: "bare", perSecond: 47_000 }),
      row({ lane: "etcd", perSecond: 5000, p99Ms: 60 }),
      row({ lane: "quorate", perSecond: 28_000, p99Ms: 48 }),
    ];
    expect(verdictsOf(results({ machine, rows }))[1]).toMatchObject({ actual: 0.8, passed: false });
  });

  test("an etcd that does better than the table, scaled, is taken as it is", () => {
    const rows = [
      row({ lane: "bare", perSecond: 9400 }),
      row({ lane: "etcd", perSecond: 5000 }),
      row({ lane: "quorate", perSecond: 10_000 }),
    ];
    expect(verdictsOf(results({ machine, rows }))[0]).toMatchObject({ actual: 2, note: undefined });
  });

  test("without a bare line at that level it is not scaled, and not said to be", () => {
    const section = "reads";
    const rows = [
      row({ lane: "etcd", section, perSecond: 5000 }),
      row({ lane: "quorate", section, perSecond: 137_000 }),
    ];
    const [reads] = verdictsOf(results({ machine, rows }));
    expect(reads).toMatchObject({ actual: 10, note: "etcd as in the table" });
  });

  test("an etcd that is driven to 0.8 of it is taken as it is", () => {
    const rows = [
      bareAtTable,
      row({ lane: "etcd", perSecond: 9000 }),
      row({ lane: "quorate", perSecond: 36_000 }),
    ];
    expect(verdictsOf(results({ machine, rows }))[0]).toMatchObject({ actual: 4, note: undefined });
  });
});
