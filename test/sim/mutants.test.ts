import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { mutate, readMutants, WITHOUT_ASSERTIONS } from "../../sim/mutants/mutant.ts";
import { scoreOf } from "../../sim/mutants/table.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "quorate-mutants-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mutants = readMutants(join(root, "test", "mutants"));

describe("the known bugs", () => {
  test.each(mutants.map((mutant) => [mutant.id, mutant] as const))(
    "%s replaces text that stands in the sources exactly once",
    (id, { changes }) => {
      const own = join(folder, id);
      for (const { file } of [...changes, ...WITHOUT_ASSERTIONS])
        cpSync(join(root, file), join(own, file));
      expect(() => mutate(own, changes)).not.toThrow();
      expect(() => mutate(own, WITHOUT_ASSERTIONS)).not.toThrow();
    },
  );

  test("text that has moved is an error that names the file", () => {
    const own = join(folder, "moved");
    cpSync(join(root, "src/core/quorum.ts"), join(own, "src/core/quorum.ts"));
    const change = { file: "src/core/quorum.ts", find: "return count / 3;", replace: "return 1;" };
    expect(() => mutate(own, [change])).toThrow(/src\/core\/quorum\.ts holds 0 times/);
  });
});

test.each([
  ["--workers", "65", "--workers is a whole number from 1 to 64, not 65"],
  ["--seconds", "3000000", "--seconds is a whole number from 1 to 86400, not 3000000"],
  ["--shrink", "100000", "--shrink is a whole number from 0 to 86400, not 100000"],
  ["--seeds", "2e3", "--seeds is a whole number from 1 to 10000000, not 2e3"],
])("%s %s is refused: nothing would be found with it", async (option, value, text) => {
  const program = join(root, "dist", "sim", "mutants", "main.js");
  // One that is only waited for.
  const args = [program, "--only", "D07", option, value];
  const ended: unknown = await promisify(execFile)(process.execPath, args, { cwd: root }).catch(
    (error: unknown) => error,
  );
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(text) as string });
});

test("the score counts what can be killed, and what waits apart", () => {
  const named = { what: "", breaks: [] };
  const spent = { seeds: 1, seconds: 1, spoilt: 0 };
  const found = { property: "S1", text: "", seed: 1, witness: "outside" } as const;
  const score = scoreOf([
    { ...named, ...spent, id: "A", type: "killed", found },
    { ...named, ...spent, id: "B", type: "survived" },
    { ...named, id: "C", type: "waiting", reason: "" },
    { ...named, id: "D", type: "broken", reason: "" },
    { ...named, id: "E", type: "equivalent", reason: "" },
  ]);
  expect(score.text).toBe("killed 1 of 3, 1 waiting");
});
