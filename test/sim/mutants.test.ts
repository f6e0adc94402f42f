import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
