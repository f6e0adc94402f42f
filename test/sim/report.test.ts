/** What the page of a run is told to draw: only what was so. */

import { describe, expect, test } from "vitest";
import { generate } from "../../sim/generate.ts";
import { reportHtml } from "../../sim/report.ts";
import type { ReportData } from "../../sim/report.ts";
import type { Action, Schedule } from "../../sim/schedule.ts";
import { runSchedule } from "../../sim/simulation.ts";
import type { TraceEvent } from "../../sim/trace.ts";

const CUT = { direction: "both", clients: false } as const;

async function dataOf(part: Partial<Schedule>): Promise<ReportData> {
  const events: TraceEvent[] = [];
  const calm = generate(6, { profile: "calm", nodes: 3, durationMs: 2000 });
  const outcome = await runSchedule(
    { ...calm, ...part },
    { onEvent: (event) => events.push(event) },
  );
  const page = reportHtml(outcome, events, { name: "a run", command: "again" });
  const [, json = ""] =
    /<script type="application\/json" id="data">(.*)<\/script>\n/.exec(page) ?? [];
  return JSON.parse(json) as ReportData;
}

describe("a fault", () => {
  test("that would outlast the storm ends where all is healed", async () => {
    const action: Action = { type: "isolate", target: 0, forMs: 60_000, ...CUT };
    const { faults, calmUs } = await dataOf({
      faults: [{ id: 0, when: { type: "at", atMs: 1500 }, action }],
    });
    expect(calmUs).toBe(2_000_000);
    expect(faults).toMatchObject([{ fromUs: 1_500_000, toUs: calmUs }]);
  });

  test("that is armed, for a crash that comes later, is over at once", async () => {
    const action: Action = { type: "crash-on-write", target: 0, writes: 3, downMs: 700 };
    const { faults } = await dataOf({
      faults: [{ id: 0, when: { type: "at", atMs: 200 }, action }],
    });
    expect(faults).toMatchObject([{ fromUs: 200_000, toUs: 200_000 }]);
  });

  test("that strikes again while it lasts ends as often, each time after so long", async () => {
    const action: Action = { type: "isolate", target: "subject", forMs: 900, ...CUT };
    const { faults } = await dataOf({
      faults: [
        {
          id: 0,
          when: {
            type: "on",
            event: "becomes-leader",
            fromMs: 0,
            untilMs: 2000,
            times: 2,
            delayMs: 0,
          },
          action,
        },
      ],
      durationMs: 4000,
    });
    expect(faults).toHaveLength(2);
    expect(faults[1]?.fromUs).toBeLessThan(faults[0]?.toUs ?? 0);
    expect(faults.map(({ fromUs, toUs }) => toUs - fromUs)).toEqual([900_000, 900_000]);
  });
});
