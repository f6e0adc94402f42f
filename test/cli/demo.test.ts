/** `quorate demo`, in short. */

import { existsSync } from "node:fs";
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

test("the demo kills who leads by then", async ({ skip }) => {
  skip(!existsSync("/proc/self/cmdline"), "there is no list of processes here");
  const program = new Program("demo", "--seconds", "10");
  const [, endpoints = ""] = await program.shows(/processes, (\S+, \S+, \S+), with/);
  const [, first = ""] = await program.shows(/(n\d) leads \(term \d+\)\./);
  const slow = await program.member(first);
  process.kill(slow, "SIGSTOP");
  while ((await leaderAt(endpoints.replaceAll(" ", ""))) === undefined);
  process.kill(slow, "SIGCONT");

  const [, killed] = await program.shows(/SIGKILL to (n\d), the leader/);
  expect(killed).not.toBe(first);
  program.signal("SIGINT");
  await program.ended;
});

/** Who says of itself that it leads. */
async function leaderAt(endpoints: string): Promise<string | undefined> {
  const { stdout } = await quorate(
    "status",
    "--endpoints",
    endpoints,
    "--timeout",
    "300",
    "--json",
  );
  const members = JSON.parse(stdout) as { readonly id?: string; readonly role?: string }[];
  return members.find(({ role }) => role === "leader")?.id;
}

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
