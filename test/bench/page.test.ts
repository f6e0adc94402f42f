import { describe, expect, test } from "vitest";
import { chartSvg, linearTicks, logTicks, shortNumber } from "../../bench/report/chart.ts";
import { chartGroups } from "../../bench/report/charts.ts";
import { asPage } from "../../bench/report/page.ts";
import { logRow, results, row } from "./support.ts";

const found = results({
  rows: [
    row({ lane: "bare", concurrency: 1, perSecond: 1700 }),
    row({ lane: "quorate", concurrency: 1, perSecond: 1200 }),
    row({ lane: "quorate", concurrency: 64, perSecond: 12_000, failed: 1, failure: "<full>" }),
  ],
  failover: { electedMs: [600, 550], writableMs: [700, 580], electionTimeoutMs: 500 },
});

describe("a chart", () => {
  test("places points by their axes, larger values higher", () => {
    const svg = chartSvg({
      title: "a < b",
      x: { title: "clients", scale: "log", ticks: [1, 100].map((at) => ({ at, text: `${at}` })) },
      y: { title: "ms", scale: "linear" },
      series: [
        {
          name: "ours",
          colour: "red",
          points: [
            { x: 1, y: 0 },
            { x: 10, y: 5 },
            { x: 100, y: 10 },
          ],
        },
      ],
    });
    expect(svg).toContain('points="62.0,258.0 253.0,152.0 444.0,46.0"');
    expect(svg).toContain("a &lt; b");
    expect(svg).not.toContain("NaN");
  });

  test("without points is not drawn", () => {
    const axis = { title: "", scale: "log" } as const;
    expect(chartSvg({ title: "", x: axis, y: axis, series: [] })).toBe("");
  });

  test("has ticks that enclose its values, more of them where there are few powers of ten", () => {
    expect(logTicks([12_345, 20])).toEqual([10, 100, 1000, 10_000, 100_000]);
    expect(logTicks([0.2, 0.7, 0])).toEqual([0.1, 0.2, 0.5, 1]);
    expect(linearTicks([3, 20])).toEqual([0, 5, 10, 15, 20]);
    expect(linearTicks([0])).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  });

  test("tells numbers in short", () => {
    expect([0.125, 128, 1024, 14_250, 2_400_000].map(shortNumber)).toEqual([
      "0.125",
      "128",
      "1.02k",
      "14.3k",
      "2.4M",
    ]);
  });
});

describe("the page of a run", () => {
  test("has a chart for each thing that was measured, and none for others", () => {
    expect(chartGroups(found).map(({ title, charts }) => [title, charts.length])).toEqual([
      ["Throughput against concurrency", 1],
      ["p99 against concurrency", 1],
      ["Latency by percentile, closed loop", 2],
      ["After a SIGKILL of the leader, on the journal", 1],
    ]);
    expect(asPage(found).match(/<svg /g)).toHaveLength(5);
  });

  test("draws both storages, each by its name", () => {
    const rows = [row({ lane: "quorate" }), row({ lane: "quorate on level" })];
    const log = [logRow({ openMs: 5 }), logRow({ storage: "level", openMs: 7 })];
    const charts = chartGroups(results({ rows, log })).flatMap((group) => group.charts);
    const namesOf = (title: string): string[] | undefined =>
      charts.find((chart) => chart.title === title)?.series.map(({ name }) => name);
    expect(namesOf("writes, few connections")).toEqual(["quorate", "quorate on level"]);
    const opening = charts.find(({ title }) => title === "opening the log after a SIGKILL");
    expect(opening?.series.map(({ name, points }) => [name, points[0]?.y])).toEqual([
      ["open", 5],
      ["applied", 10],
      ["open, level", 7],
      ["applied, level", 10],
    ]);
  });

  test("needs nothing from elsewhere, and takes no text for markup", () => {
    const page = asPage(found);
    expect(page).not.toMatch(/\b(src|href)=|url\(|@import/);
    expect(page).toContain("&lt;full&gt;");
    expect(page).not.toContain("<full>");
  });

  test("has the targets, the command and what is to be said of the machine", () => {
    const page = asPage(found);
    expect(page).toContain('<b class="FAIL">FAIL</b>');
    expect(page).toContain("npm run bench");
    expect(page).toContain("The machine was quiet");
  });
});
