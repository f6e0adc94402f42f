/** How far back the log may have to reach, and what it takes to know. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry } from "../../src/core/types.ts";
import { LogMarks } from "../../src/node/log-marks.ts";

function command(index: number, size: number): Entry {
  const payload = Buffer.alloc(size);
  return { kind: "command", term: 1, index, time: 0, payload, encoded: undefined };
}

function sumOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

test("rule 59: a cut keeps no more entries and bytes than wanted, and 64 entries more would be too much", () => {
  const policies = fc.record({ keepEntries: fc.nat(300), keepBytes: fc.nat(2000) });
  const logs = fc.array(fc.nat(60), { minLength: 1, maxLength: 600 });
  fc.assert(
    fc.property(policies, logs, fc.nat(50), (policy, sizes, cutEvery) => {
      const marks = new LogMarks(policy);
      for (const [at, size] of sizes.entries()) {
        marks.add(command(at + 1, size));
        if (at % (cutEvery + 1) === 0) marks.cut();
      }
      const cut = marks.cut();
      const kept = sizes.slice(cut);
      expect(kept.length).toBeLessThanOrEqual(policy.keepEntries);
      expect(sumOf(kept)).toBeLessThanOrEqual(policy.keepBytes);

      const isAll = cut === 0 || kept.length === policy.keepEntries;
      const more = sumOf(sizes.slice(Math.max(0, cut - 64)));
      expect(isAll || more > policy.keepBytes).toBe(true);
    }),
  );
});

test.each([
  [{ keepEntries: 0, keepBytes: 1_000_000 }, 1],
  [{ keepEntries: 1_000_000, keepBytes: 0 }, 1],
  [{ keepEntries: 1000, keepBytes: 1_000_000 }, 0],
])("with %o a log that is never cut is not remembered entry by entry", (policy, size) => {
  const marks = new LogMarks(policy);
  let most = 0;
  for (let index = 1; index <= 100_000; index += 1) {
    marks.add(command(index, size));
    most = Math.max(most, marks.size);
  }
  expect(most).toBeLessThan(200);
  expect(marks.cut()).toBeGreaterThanOrEqual(99_000);
});
