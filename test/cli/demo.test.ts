/** `quorate demo`, in short. */

import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { Program, quorate } from "./support.ts";

async function leftovers(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith("quorate-demo-"));
}

test("the demo loses its leader and no write, and cleans up", async () => {
  const { code, stdout, stderr } = await quorate("demo", "--seed", "7", "--seconds", "1");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^quorate demo, seed 7\n/);
  const [, killed] = /SIGKILL to (n\d), the leader \(pid \d+\)/.exec(stdout) ?? [];
  const [, next, outageMs] =
    /(n\d) leads \(term \d+\)\. No write was acknowledged for ([\d,]+) ms/.exec(stdout) ?? [];
  expect(killed).toBeDefined();
  expect(next).not.toBe(killed);
  expect(Number(outageMs?.replace(",", ""))).toBeGreaterThan(0);
  expect(stdout.match(/ n\d .* all [\d,]+ acknowledged writes, each once\n/g)).toHaveLength(3);
  expect(stdout).toMatch(/Nothing is lost, nothing was done twice\.\n$/);
  expect(stdout).not.toContain("\u001b");
  expect(code).toBe(0);
  const [, folder = "?"] = /their data in .*(quorate-demo-\w+)/.exec(stdout) ?? [];
  expect(await leftovers()).not.toContain(folder);
});

test("a demo that is interrupted cleans up too", async () => {
  const program = new Program("demo", "--seconds", "600");
  const [, folder = "?"] = await program.shows(/their data in .*(quorate-demo-\w+)/);
  await program.shows(/leads/);
  program.signal("SIGINT");
  const { code, stderr } = await program.ended;
  expect(stderr).toBe("The demo was interrupted.\n");
  expect(code).toBe(1);
  expect(await leftovers()).not.toContain(folder);
});
