/** What `npm run sim` refuses, before anything is run, and what it says then. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { optionsFrom } from "../../sim/command-line.ts";
import { generate } from "../../sim/generate.ts";
import { PROFILES } from "../../sim/schedule.ts";

vi.mock("node:os", async (original) => ({
  ...(await original<object>()),
  availableParallelism: () => 96,
}));

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-sim-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function withCall(part: object): object {
  const calm = generate(3, { profile: "calm" });
  return { ...calm, operations: [{ ...calm.operations[0], ...part }] };
}

function refusalOf(args: readonly string[]): string {
  try {
    optionsFrom(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "nothing is wrong";
}

describe("a number is whole, in decimal digits, and in its range:", () => {
  test.each([
    [["--runs", "0"], "--runs is a whole number from 1 to 10000000, not 0"],
    [["--seed", "1e3"], /--seed is a whole number from 0 to \d+, not 1e3/],
    [["--seed", "0x10"], /--seed is .* not 0x10/],
    [["--seed", ""], /--seed is .* not an empty text/],
    [["--seed", " "], /--seed is /],
    [["--seed=-1"], /--seed is .* not -1/],
    [
      ["--seed", "9007199254740991", "--runs", "2"],
      /--seed is a whole number from 0 to 9007199254740990/,
    ],
    [["--workers", "99"], "--workers is a whole number from 1 to 64, not 99"],
    [["--nodes", "8"], "--nodes is a whole number from 1 to 7, not 8"],
    [["--seconds", "2.5"], "--seconds is a whole number from 1 to 3600, not 2.5"],
    [["--rate", "0"], "--rate is a whole number from 1 to 1000, not 0"],
  ])("%j", (args, text) => {
    expect(refusalOf(args)).toMatch(text);
  });
});

test("a machine may have more cores than there can be threads", () => {
  expect(optionsFrom(["--seed", "1"]).workers).toBe(64);
});

test("a profile is one of those there are", () => {
  expect(refusalOf(["--profile", "calmm"])).toMatch(
    /--profile is one of default, calm, .*, not "calmm"/,
  );
  expect(refusalOf(["--profile", ""])).toMatch(/not ""$/);
});

describe("a schedule", () => {
  test("is all of a run: what seeds are told is refused beside it", () => {
    const path = file("right.json", JSON.stringify(generate(3, { nodes: 3, profile: "calm" })));
    expect(optionsFrom(["--schedule", path])).toMatchObject({ schedule: path, runs: 1 });
    expect(refusalOf(["--schedule", path, "--seed", "5", "--nodes", "3"])).toBe(
      "--schedule says all of a run: leave out --seed and --nodes",
    );
  });

  test.each([
    ["text", "not JSON", "cannot be read: "],
    ["null", "null", "holds no schedule: its seed is missing"],
    [
      "a part",
      JSON.stringify({ faults: [], operations: [] }),
      "holds no schedule: its seed is missing",
    ],
    [
      "another kind",
      JSON.stringify({ ...generate(3, { profile: "calm" }), clocks: 5 }),
      "holds no schedule: its clocks is missing, or no list",
    ],
    [
      "a journal without files",
      JSON.stringify({ ...generate(3, { profile: "calm" }), journal: {} }),
      "holds no schedule: its journal needs segmentBytes of 8192 at least",
    ],
    [
      "nothing for a journal",
      JSON.stringify({ ...generate(3, { profile: "calm" }), journal: null }),
      "holds no schedule: its journal needs segmentBytes of 8192 at least",
    ],
    [
      "more nodes than there are places",
      JSON.stringify({ ...generate(3, { profile: "calm" }), nodes: 8 }),
      "holds no schedule: its nodes is a whole number from 1 to 7, not 8",
    ],
    [
      "a disk that takes no time",
      JSON.stringify({ ...generate(3, { profile: "calm" }), disk: {} }),
      "holds no schedule: its disk.readMinUs is missing, or no number",
    ],
    [
      "a call at no time",
      JSON.stringify({ ...generate(3, { profile: "calm" }), operations: [{ id: 1 }] }),
      "holds no schedule: its operations[0].atMs is missing, or no number",
    ],
    [
      "a call of nothing",
      JSON.stringify(withCall({ type: "swap" })),
      "holds no schedule: its operations[0].type is none of get, put, ",
    ],
    [
      "a fault at no time",
      JSON.stringify({ ...generate(3, { profile: "calm" }), faults: [{ id: 0, when: {} }] }),
      "holds no schedule: its faults[0].when.type is missing, or no string",
    ],
    [
      "a fault that does nothing",
      JSON.stringify({
        ...generate(3, { profile: "calm" }),
        faults: [{ id: 0, when: { type: "at", atMs: 5 } }],
      }),
      "holds no schedule: its faults[0].action is missing, or no object",
    ],
  ])("that holds %s is refused by name", (_, text, refusal) => {
    const path = file("wrong.json", text);
    expect(refusalOf(["--schedule", path])).toContain(`--schedule ${path} ${refusal}`);
  });

  test("of any seed and profile is one", () => {
    for (const profile of PROFILES)
      for (let seed = 1; seed <= 12; seed += 1) {
        const path = file("made.json", JSON.stringify(generate(seed, { profile })));
        expect(refusalOf(["--schedule", path])).toBe("nothing is wrong");
      }
  });

  test("that is not there is refused", () => {
    expect(refusalOf(["--schedule", join(folder, "nope.json")])).toContain(
      "nope.json cannot be read: ENOENT",
    );
  });
});

describe("files", () => {
  test("of one run are not written of many", () => {
    expect(refusalOf(["--report", "a.html"])).toBe(
      "--report and --history are of one run: say which --seed, and no --runs",
    );
  });

  test.each([
    ["--history", "-", '--history takes the name of a file, not "-"'],
    ["--report", "", '--report takes the name of a file, not ""'],
    ["--report", "/dev/null/a.html", "--report cannot be written: "],
    ["--out", "", '--out takes the name of a folder, not ""'],
    ["--out", "/dev/null/failures", "--out cannot be made a folder: /dev/null is a file"],
  ])("%s %j is refused", (option, name, text) => {
    expect(refusalOf(["--seed", "1", option, name])).toContain(text);
  });

  test("are not the same for the report and the history", () => {
    const path = join(folder, "both");
    expect(refusalOf(["--seed", "1", "--report", path, "--history", path])).toBe(
      `--report and --history are two files, not both ${path}`,
    );
  });
});
