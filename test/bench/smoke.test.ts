/** The benchmark as a program, as short as can be: that its processes start, measure and end. The built code. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
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

test("figures are printed, also where the page cannot be written", async ({ skip }) => {
  skip(!existsSync("/dev/full"), "there is no device here that is always full");
  const args = "--quick --only values --seconds 0.1 --json --report /dev/full".split(" ");
  const ended: unknown = await promisify(execFile)(process.execPath, [PROGRAM, ...args]).catch(
    (error: unknown) => error,
  );
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("ENOSPC") as string });
  expect(JSON.parse((ended as { stdout: string }).stdout)).toMatchObject({ rows: [{}, {}] });
});

test("whoever closes the terminal leaves no folder behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quorate-smoke-"));
  const bench = spawn(process.execPath, [PROGRAM, "--quick", "--only", "values"], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(bench, "exit");
  for await (const text of bench.stderr.setEncoding("utf8"))
    if (String(text).includes("measuring")) bench.kill("SIGHUP");
  await ended;
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
