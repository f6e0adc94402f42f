/** The files that a violation leaves. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { explain } from "../../sim/explain.ts";
import { generate } from "../../sim/generate.ts";
import { commandOf } from "../../sim/seed-run.ts";

test("a page, a schedule and a test, named after the seed that the violation was found with", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quorate explain-"));
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
  // What is to be copied works, spaces in the folder's name or not.
  expect(story).toContain(`--schedule '${join(folder, "s7-seed-6.json")}'   (hash`);
  expect(story).toContain(`mv '${join(folder, "s7-seed-6.test.ts")}' test/sim/regressions/`);
});

test.each([
  ["runs/s7-seed-6.json", "runs/s7-seed-6.json"],
  ["it's mine.json", String.raw`'it'\''s mine.json'`],
  ["$HOME.json", "'$HOME.json'"],
])("the command that replays %s names one file", (file, word) => {
  const task = { seed: 6, nodes: 3, profile: "calm", seconds: 1, rate: undefined, file } as const;
  expect(commandOf(task)).toBe(`npm run sim -- --schedule ${word}`);
});
