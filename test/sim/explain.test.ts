/** The files that a violation leaves. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { explain } from "../../sim/explain.ts";
import { generate } from "../../sim/generate.ts";

test("a page, a schedule and a test, named after the seed that the violation was found with", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quorate-explain-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const schedule = generate(6, { profile: "calm", nodes: 3, durationMs: 300 });
  const violation = { property: "S7", text: "a lie", node: 1, step: 10, timeUs: 290_000 };
  const story = await explain(schedule, violation, {
    seconds: 0,
    folder,
    onProgress: () => undefined,
  });

  const files = (await readdir(folder)).toSorted();
  expect(files.map((file) => file.slice(file.indexOf(".")))).toEqual([
    ".html",
    ".json",
    ".test.ts",
  ]);
  const page = await readFile(join(folder, files[0] ?? ""), "utf8");
  expect(page).toContain("<h1>quorate simulation: seed 6, shrunk, profile calm, 3 nodes</h1>");
  expect(story).toContain("seed 6, shrunk in");
});
