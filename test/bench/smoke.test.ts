/** The benchmark as a program, as short as can be: that its processes start, measure and end. The built code. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Results } from "../../bench/results.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/bench/main.js", import.meta.url));
const SHORT = "--quick --only embedded,values --seconds 0.2 --concurrency 4 --json";

test("a short run finds figures for every system, and writes its page", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quorate-smoke-"));
  const report = join(folder, "bench.html");
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [
    PROGRAM,
    ...SHORT.split(" "),
    "--report",
    report,
  ]);
  const { rows } = JSON.parse(stdout) as Results;

  expect(rows.map(({ section, lane }) => `${section} ${lane}`)).toEqual([
    "embedded bare",
    "embedded quorate",
    "embedded quorate on level",
    "values quorate",
    "values quorate",
  ]);
  expect(
    rows.filter(({ perSecond, p50Ms, failed }) => !(perSecond > 0 && p50Ms > 0 && failed === 0)),
  ).toEqual([]);
  expect(await readFile(report, "utf8")).toContain("</html>");
  await rm(folder, { recursive: true });
});
