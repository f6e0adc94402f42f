/** `quorate kv` and `quorate status` against a cluster of three processes. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalCluster } from "../../src/cli/local-cluster.ts";
import { freePorts, endpointsFrom, PATIENCE_MS, quorate, runningCluster } from "./support.ts";

let folder: string;
let cluster: LocalCluster;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quorate-kv-"));
  cluster = await runningCluster(folder);
  await cluster.leaderAfter(0, PATIENCE_MS);
}, 60_000);

afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function kv(...args: readonly string[]): ReturnType<typeof quorate> {
  return quorate("kv", ...args, "--endpoints", cluster.endpoints.join(","));
}

async function json(...args: readonly string[]): Promise<unknown> {
  return JSON.parse((await kv(...args, "--json")).stdout);
}

test("what was put is got, until it is deleted", async () => {
  expect(await kv("put", "a key", "a value")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ok, at log index \d+\n$/),
    stderr: "",
  });
  expect(await kv("get", "a key")).toEqual({ code: 0, stdout: "a value\n", stderr: "" });
  const gone = await kv("delete", "a key");
  expect(gone).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ok, at log index \d+\n$/),
  });
  const again = await kv("delete", "a key");
  expect(again.stdout).toMatch(/^ok, at log index \d+: there was no such key\n$/);
  expect(await kv("get", "a key")).toEqual({
    code: 1,
    stdout: "",
    stderr: "no such key: a key\n",
  });
});

test("numbers are numbers, and text that looks like one is text", async () => {
  await kv("put", "number", "42", "--number");
  await kv("put", "text", "42");
  expect(await json("get", "number")).toMatchObject({ value: 42 });
  expect(await json("get", "text")).toMatchObject({ key: "text", value: "42" });
  expect(await json("get", "neither")).toMatchObject({ value: null, modifiedIndex: null });
});

test("cas takes place where the key is as expected, and says what is there where it is not", async () => {
  expect(await kv("cas", "lock", "me", "--expect-absent")).toMatchObject({ code: 0 });
  const refused = await kv("cas", "lock", "you", "--expect-absent");
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /^mismatch: lock was left as it is: it holds me, written at log index \d+\n$/,
  );
  const { modifiedIndex } = (await json("get", "lock")) as { modifiedIndex: number };
  expect(await json("cas", "lock", "you", "--expect-index", String(modifiedIndex))).toMatchObject({
    key: "lock",
    status: "ok",
    previous: { value: "me", modifiedIndex },
  });
  expect(await kv("cas", "lock", "--delete", "--expect", "me")).toMatchObject({ code: 1 });
  expect(await kv("cas", "lock", "--delete", "--expect", "you")).toMatchObject({ code: 0 });
  expect(await kv("get", "lock")).toMatchObject({ code: 1 });
});

test("range lists keys in order, within its bounds", async () => {
  for (const key of ["r/b", "r/c", "r/a"]) await kv("put", key, `at ${key}`);
  expect((await kv("range", "r/", "r0")).stdout).toBe("r/a\tat r/a\nr/b\tat r/b\nr/c\tat r/c\n");
  expect((await kv("range", "r/", "r/b")).stdout).toBe("r/a\tat r/a\n");
  expect(await kv("range", "s/", "s0")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await json("range", "r/", "r0", "--limit", "2", "--reverse")).toMatchObject({
    entries: [{ key: "r/c" }, { key: "r/b", value: "at r/b" }],
    more: true,
  });
});

test("a local read is answered by any single member", async () => {
  const { index } = (await json("put", "everywhere", "yes")) as { index: number };
  for (const endpoint of cluster.endpoints) {
    await expect
      .poll(async () => await appliedAt(endpoint), { timeout: PATIENCE_MS })
      .toBeGreaterThanOrEqual(index);
    const { stdout } = await quorate("kv", "get", "everywhere", "--local", "--endpoints", endpoint);
    expect(stdout).toBe("yes\n");
  }
});

async function appliedAt(endpoint: string): Promise<number> {
  const { stdout } = await quorate("status", "--json", "--endpoints", endpoint);
  const [report] = JSON.parse(stdout) as [{ lastApplied: number }];
  return report.lastApplied;
}

test("status shows a row for each endpoint, and that one cannot be reached", async () => {
  const free = `127.0.0.1:${await freePorts()}`;
  const at = [...cluster.endpoints, free].join(",");
  const { code, stdout } = await quorate("status", "--endpoints", at);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^MEMBER +ADDRESS +ROLE +TERM +LEADER +COMMIT +APPLIED +LOG +SNAPSHOT$/);
  const leader = cluster.leadership?.id;
  for (const [position, [id, address]] of [...cluster.addresses].entries()) {
    const role = id === leader ? "leader" : "follower";
    const row = `^${id} +${address} +${role} +\\d+ +${leader} +\\d+ +\\d+ +1-\\d+ +none$`;
    expect(lines[1 + position]).toMatch(new RegExp(row));
  }
  expect(lines[4]).toMatch(new RegExp(`^- +${free} +unreachable \\(RAFT_CONNECTION_LOST: .*ECONN`));
  expect(code).toBe(0);
});

test("status --json is an array with one object for each endpoint", async () => {
  const free = `127.0.0.1:${await freePorts()}`;
  const at = [...cluster.endpoints, free].join(",");
  const reports: unknown = JSON.parse(
    (await quorate("status", "--json", "--endpoints", at)).stdout,
  );
  const leader = cluster.leadership;
  expect(reports).toMatchObject([
    ...[...cluster.addresses].map(([id, address]) => ({
      endpoint: address,
      reachable: true,
      id,
      currentTerm: leader?.term,
      leader: { id: leader?.id },
      firstIndex: 1,
    })),
    { endpoint: free, reachable: false, error: { code: "RAFT_CONNECTION_LOST" } },
  ]);
});

test("without a cluster, kv fails within its timeout and status at once, both with a code", async () => {
  const nowhere = ["--endpoints", endpointsFrom(await freePorts())];
  const put = await quorate("kv", "put", "k", "v", "--timeout", "300", ...nowhere);
  expect(put).toMatchObject({ code: 1, stdout: "" });
  expect(put.stderr).toMatch(/^RAFT_TIMEOUT: .*ECONNREFUSED/);
  expect(put.stderr).not.toContain("unknown");
  const get = await quorate("kv", "get", "k", "--json", "--timeout", "300", ...nowhere);
  expect(JSON.parse(get.stdout)).toMatchObject({
    error: {
      code: "RAFT_TIMEOUT",
      message: expect.stringContaining("ECONNREFUSED") as string,
      outcome: "rejected",
    },
  });
  expect(get.code).toBe(1);
  expect(await quorate("status", "--timeout", "60000", ...nowhere)).toMatchObject({ code: 1 });
});
