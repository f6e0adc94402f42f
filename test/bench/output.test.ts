import { describe, expect, test } from "vitest";
import { optionsFrom } from "../../bench/options.ts";
import { expectedMs, FULL, QUICK } from "../../bench/plan.ts";
import { asJson } from "../../bench/report/json.ts";
import { asMarkdown } from "../../bench/report/summary.ts";
import { tablesOf } from "../../bench/report/tables.ts";
import { asText } from "../../bench/report/text.ts";
import { SECTIONS } from "../../bench/results.ts";
import { logRow, REFERENCE_MACHINE, results, row } from "./support.ts";

const compared = results({
  rows: [
    row({ lane: "bare", perSecond: 20_000 }),
    row({ lane: "quorate", perSecond: 12_345, failed: 3, failure: "busy" }),
  ],
});

describe("the command line", () => {
  test("measures everything in full, or what it is told to, in its own order", () => {
    expect(optionsFrom([])).toEqual({
      plan: { ...FULL, sections: SECTIONS },
      output: "text",
      report: undefined,
    });
    expect(
      optionsFrom(["--only", "log,core", "--seconds", "0.2", "--rounds", "2", "--json"]),
    ).toEqual({
      plan: { ...FULL, sections: ["core", "log"], measureMs: 200, warmUpMs: 200, rounds: 2 },
      output: "json",
      report: undefined,
    });
  });

  test("says what is wrong", () => {
    const wrong: [string[], string][] = [
      [["--only", "cor"], 'not "cor"'],
      [["--seconds", "0"], "--seconds takes a positive number up to 3600, not 0"],
      [["--seconds", "Infinity"], "not Infinity"],
      [["--concurrency", "1,x"], "--concurrency takes whole numbers"],
      [["--rounds", "1,3"], "--rounds takes one number, not 1,3"],
      [["--kills", "2,3"], "--kills takes one number, not 2,3"],
      [["--fast"], "--fast"],
    ];
    for (const [args, text] of wrong)
      expect(optionsFrom(args)).toEqual(expect.stringContaining(text));
  });

  test("a full run is planned to take less than half an hour, a quick one less than one", () => {
    expect(expectedMs({ ...FULL, sections: SECTIONS }, [])).toBeLessThan(30 * 60_000);
    expect(expectedMs({ ...QUICK, sections: SECTIONS }, [])).toBeLessThan(60_000);
  });
});

describe("what is printed", () => {
  test("has a line for each system, with its share of the bare line and its failures", () => {
    const line = asText(compared)
      .split("\n")
      .find((each) => each.includes("quorate  12 345"));
    expect(line).toMatch(/^ +256 .* 0\.62 .*35\.0 = 20\.0 \+ 8\.0 \+ 7\.0.*\(3 failed: busy\)$/);
  });

  test("has the ratios to etcd under the same load, ours alone, also for programs", () => {
    const rows = [500, 2000].flatMap((asked) => [
      row({ lane: "bare", section: "open", asked, perSecond: asked }),
      row({ lane: "etcd", section: "open", asked, perSecond: 500, p99Ms: 20 }),
      row({ lane: "quorate", section: "open", asked, perSecond: 500 + asked, p99Ms: 10 }),
    ]);
    const found = results({ rows });
    const cells = tablesOf(found)[0]?.rows.map(([load, lane, , ...ratios]) =>
      [load, lane, ...ratios.slice(0, 3)].join("|"),
    );
    expect(cells).toEqual([
      "500|bare|1.00||",
      "500|etcd|1.00||",
      "500|quorate|2.00|2.00|0.50",
      "2 000|bare|1.00||",
      "2 000|etcd|0.25||",
      "2 000|quorate|1.25|5.00|0.50",
    ]);
    const told = JSON.parse(asJson(found)) as { rows: object[]; verdicts: object[] };
    expect(told.rows[5]).toMatchObject({ ofBare: 1.25, overEtcd: { perSecond: 5, p99: 0.5 } });
    expect(told.rows[4]).not.toHaveProperty("overEtcd");
    expect(told.verdicts).toEqual([]);
  });

  test("tells a ratio to the table's etcd from one to this run's", () => {
    const rows = [
      row({ lane: "etcd", section: "reads", perSecond: 5000 }),
      row({ lane: "quorate", section: "reads", perSecond: 137_000 }),
    ];
    const machine = REFERENCE_MACHINE;
    expect(tablesOf(results({ machine, rows }))[0]?.rows[1]).toContain("10.00 (table)");
  });

  test("is in short one table by concurrency, without what was not measured", () => {
    const { rows } = compared;
    const more = [
      row({ lane: "quorate", concurrency: 1, perSecond: 1200, p99Ms: 1.25 }),
      row({ lane: "etcd", concurrency: 1, perSecond: 1000 }),
      row({ lane: "quorate", section: "values", concurrency: 16 }),
      row({ lane: "quorate on level", perSecond: 10_000, p99Ms: 20.5 }),
      row({ lane: "redis", perSecond: 12_500 }),
    ];
    const table = asMarkdown(results({ rows: [...rows, ...more] }))
      .split("\n\n")[0]
      ?.split("\n");
    expect(table).toEqual([
      "| at a time; on the journal (on `level`) | 1 | 256 |",
      "| --- | ---: | ---: |",
      "| **writes/s**, clients over TCP | 1 200 | 12 345 (10 000) |",
      "| p99, ms | 1.3 | 10.0 (20.5) |",
      "| times etcd | 1.20 |  |",
      "| times one Redis, `appendfsync always` |  | 0.99 (0.80) |",
      "| share of the bare line |  | 0.62 (0.50) |",
    ]);
  });

  test("is in short the longest log, and the longest on both storages", () => {
    const log = [
      logRow({ entries: 10, openMs: 7 }),
      logRow({ storage: "level", entries: 10, openMs: 8 }),
      logRow({ entries: 100, openMs: 9 }),
    ];
    const text = asMarkdown(results({ log }));
    expect(text).toContain("A log of 10 entries opens in 7 (8 on `level`) ms.");
    expect(text).toContain("A log of 100 entries opens in 9 ms.");
  });

  test("says where the systems were not warm", () => {
    const few = `for ${(FULL.firstWarmUpMs.low / 1000).toFixed(1)} s where few are measured.`;
    expect(asText(compared)).toContain(few);
    const { firstWarmUpMs } = QUICK;
    expect(asText({ ...compared, firstWarmUpMs })).toContain("the systems were NOT WARM");
  });

  test("says where the machine was not quiet, and why there is no etcd", () => {
    const { quietness } = compared;
    expect(asText(compared)).toContain("The machine was quiet");
    const busy = { ...quietness, othersDuring: 0.9 };
    expect(asText(results({ quietness: busy }))).toContain("NOT quiet");
    expect(asText(results({ absent: { etcd: "not installed" } }))).toContain(
      "No comparison with etcd: not installed.",
    );
  });

  test("says on the reference machine that a run is void, and elsewhere that the table does not apply", () => {
    expect(asText(compared)).toContain("its table does not apply");
    const { rows } = compared;
    const run = results({ machine: REFERENCE_MACHINE, rows });
    expect(asText(run)).toContain("THIS RUN IS VOID");
    expect((JSON.parse(asJson(run)) as { notes: string[] }).notes).toContainEqual(
      expect.stringContaining("THIS RUN IS VOID"),
    );
  });
});
