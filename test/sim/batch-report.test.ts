/** The verdict on a batch of seeds. */

import { expect, test } from "vitest";
import { BatchReport } from "../../sim/batch-report.ts";
import { STATES } from "../../sim/recorder.ts";
import type { Counts, State } from "../../sim/recorder.ts";
import type { Profile } from "../../sim/schedule.ts";

/** What is said of fifty seeds that have reached all states but these. */
function verdictWithout(
  missing: readonly State[],
  batch: { readonly profile: Profile; readonly nodes?: number },
): string {
  const report = new BatchReport({ runs: 50, workers: 1, ...batch });
  const states = Object.fromEntries(
    STATES.map((state) => [state, missing.includes(state) ? 0 : 1]),
  ) as Counts["states"];
  const counts: Counts = { faults: {}, lost: {}, states, messages: 1, operations: 1, committed: 1 };
  for (let seed = 1; seed <= 50; seed += 1) {
    report.add({
      seed,
      hash: "",
      verdict: "ok",
      violation: undefined,
      nodes: batch.nodes ?? 3,
      events: 1,
      simulatedMs: 1000,
      realMs: 1,
      counts,
      command: "",
    });
  }
  return report.summary().verdict;
}

test("a batch that never came to what its profile can has tested too little", () => {
  expect(verdictWithout([], { profile: "default" })).toBe("ok");
  expect(verdictWithout(["truncations"], { profile: "default" })).toBe("unreached");
  expect(verdictWithout(["truncations"], { profile: "calm" })).toBe("ok");
});

test("of one or two nodes nothing is asked that only more of them can come to", () => {
  const impossible = ["truncations", "snapshotsInstalled", "damagesNoticed"] as const;
  for (const nodes of [1, 2]) {
    expect(verdictWithout(impossible, { profile: "default", nodes })).toBe("ok");
    expect(verdictWithout(["elections"], { profile: "default", nodes })).toBe("unreached");
  }
  expect(verdictWithout(impossible, { profile: "default", nodes: 3 })).toBe("unreached");
});
