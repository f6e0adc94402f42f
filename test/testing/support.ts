/** Which cases of a conformance suite an implementation fails. */

import type { ConformanceCase } from "../../src/testing/index.ts";

export async function failedCases(cases: readonly ConformanceCase[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of cases) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}
