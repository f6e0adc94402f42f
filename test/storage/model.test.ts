/** A log store against the naive model, on a disk in memory and on a journal whose writes are torn. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JournalStore } from "../../src/storage/journal/store.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { FaultyDisk } from "../support/faulty-folder.ts";
import { seededRandom } from "../support/random.ts";
import { Harness, perform, steps } from "./log-store-model.ts";
import type { ModelDisk } from "./log-store-model.ts";

/** A journal in small files; the guard is beside it. */
function journalDisk(seed: number): ModelDisk {
  const random = seededRandom(seed);
  const files = new FaultyDisk(random);
  const besides = new MemoryDisk();
  const settings = { segmentBytes: 32 * 1024, random };
  return {
    orderedStore: () => new JournalStore(files.folder(), settings),
    guard: () => besides.guard(),
    crash: () => {
      files.crash(random() < 0.5 ? "kill" : "power");
      besides.crash();
    },
  };
}

describe.each([
  ["a disk in memory", () => new MemoryDisk()],
  ["a journal", journalDisk],
] as const)("a log store on %s", (_, newDisk: (seed: number) => ModelDisk) => {
  test("rules 4, 40, 53, 55: any writes, crashed at any point and opened again, leave what a naive model says", async () => {
    const property = fc.asyncProperty(steps, fc.nat(), async (sequence, seed) => {
      const harness = new Harness(newDisk(seed));
      await harness.open();
      for (const step of sequence) await perform(harness, step);
      await harness.finish();
    });
    // Rejects with the seed and the path that replay the failure.
    await expect(fc.assert(property, { numRuns: 500 })).resolves.toBeUndefined();
  });
});
