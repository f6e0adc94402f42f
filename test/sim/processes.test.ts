/** Runs in processes of their own, of the built package: nothing of a test framework is near. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const run = promisify(execFile);
const built = (file: string): string =>
  fileURLToPath(new URL(`../../dist/sim/${file}`, import.meta.url));

async function evaluate(script: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(stdout);
}

const hashes = async (workers: number): Promise<unknown> => {
  const args = [
    built("main.js"),
    "--seed",
    "1",
    "--runs",
    "3",
    "--seconds",
    "2",
    "--json",
    "--workers",
    `${workers}`,
  ];
  const { stdout } = await run(process.execPath, args);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { seed?: number; hash?: string });
  return lines
    .filter(({ hash }) => hash !== undefined)
    .map(({ seed, hash }) => `${seed} ${hash}`)
    .toSorted();
};
const script = (extra: string): string => `
  import { generate } from ${JSON.stringify(built("generate.js"))};
  import { guardAgainstLeaks } from ${JSON.stringify(built("leak-guard.js"))};
  import { runSchedule } from ${JSON.stringify(built("simulation.js"))};
  const guard = guardAgainstLeaks();
  await runSchedule(generate(7, { durationMs: 2000 }), { enter: guard.enter, ${extra} });
  guard.stop();
  console.log(JSON.stringify([...guard.leaks]));`;

test("the same seeds give the same hashes in two processes, on one thread and on two", async () => {
  const alone = await hashes(1);
  expect(alone).toHaveLength(3);
  expect(await hashes(2)).toEqual(alone);
});

test("Ctrl-C ends a batch with the sum of what was done", async () => {
  const args = [built("main.js"), "--runs", "100000", "--seconds", "1", "--workers", "1", "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (lines.length === 2) child.kill("SIGINT");
  }
  const summary = JSON.parse(lines.at(-1) ?? "") as { seeds: number; verdict: string };
  expect(summary).toMatchObject({ seeds: lines.length - 1, verdict: "ok" });
  expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(130);
});

describe("a run", () => {
  test("makes no timer, no immediate, no file and asks for no random bytes", async () => {
    expect(await evaluate(script(""))).toEqual([]);
  });

  test("that did would be found out", async () => {
    const leak = `onEvent: ({ type }) => { if (type === "commit") setTimeout(() => undefined, 1); }`;
    expect(await evaluate(script(leak))).toContain("Timeout");
  });
});

test("what an event settles is run to its end, and what nobody handles is known, before the next event", async () => {
  const settled = `
    import { Scheduler } from ${JSON.stringify(built("scheduler.js"))};
    const seen = [];
    const scheduler = new Scheduler({ onStep: () => seen.push("end " + scheduler.steps) });
    process.on("unhandledRejection", () => seen.push("unhandled in " + scheduler.steps));
    scheduler.after(1, 1, undefined, async () => {
      scheduler.wantDrain();
      for (let n = 0; n < 1000; n += 1) await undefined;
      seen.push("settled in " + scheduler.steps);
      void Promise.reject(new Error("of which nobody hears"));
    });
    scheduler.after(2, 1, undefined, () => undefined);
    await scheduler.run(10);
    console.log(JSON.stringify(seen));`;
  expect(await evaluate(settled)).toEqual(["settled in 1", "unhandled in 1", "end 1", "end 2"]);
});

test("bad usage ends with exit code 2, what would be good, and a way to the help", async () => {
  const nowhere = "/nonexistent/folder/file";
  const wrong: readonly (readonly [file: string, args: string, sentence: string])[] = [
    ["main.js", "--profile nope", "--profile is one of default, calm, "],
    ["main.js", "--nodes 8", "--nodes is a whole number from 1 to 7, not 8"],
    ["main.js", "--nonsense", "Unknown option '--nonsense'"],
    ["main.js", `--seed 1 --report ${nowhere}`, "--report cannot be written: ENOENT"],
    ["main.js", `--seed 1 --history ${nowhere}`, "--history cannot be written: ENOENT"],
    ["explore/main.js", "--nodes 5", "--nodes is a whole number from 2 to 4, not 5"],
    ["explore/main.js", "--crashes some", "--crashes is a whole number from 0 to 9, not some"],
    ["mutants/main.js", "--only Q", "there is no mutant Q"],
    ["../bench/main.js", `--quick --report ${nowhere}`, "--report cannot be written: ENOENT"],
  ];
  for (const [file, args, sentence] of wrong) {
    const failure = await run(process.execPath, [built(file), ...args.split(" ")]).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 2, stdout: "" });
    const { stderr } = failure as { readonly stderr: string };
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/\nTry "npm run (sim|explore|mutants|bench) -- --help"\.\n$/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
  }
});

const explored = async (...args: string[]): Promise<string> =>
  (await run(process.execPath, [built("explore/main.js"), "--nodes", "2", ...args])).stdout;

test("an exploration says how much there is, and whether that was all", async () => {
  expect(await explored("--timeouts", "1")).toMatch(
    /^states    \d+, up to \d+ moves from the beginning: all there are within these bounds\nof .*\ntime .*\nverdict   no property is violated\n$/,
  );
  expect(await explored("--timeouts", "3", "--max-states", "1")).toMatch(/: more are left\n/);
});

test("a run says where its page is, and that one thread ran it", async () => {
  const page = join(await mkdtemp(join(tmpdir(), "quorate-sim-")), "run.html");
  const args = ["--seed", "1", "--seconds", "1", "--workers", "2", "--report", page];
  const { stdout } = await run(process.execPath, [built("main.js"), ...args]);
  expect(stdout).toContain(" on one thread: ");
  expect(stdout).toContain(`report    ${page}\n`);
  expect(await readFile(page, "utf8")).toContain("</html>");
  await rm(dirname(page), { recursive: true });
});

test("--help says what there is, of the simulator, the mutants and the benchmark", async () => {
  for (const file of ["main.js", "mutants/main.js", "../bench/main.js"]) {
    const { stdout } = await run(process.execPath, [built(file), "--help"]);
    expect(stdout).toMatch(/npm run (sim|explore|mutants|bench) -- \[options\]/);
  }
});
