/** `quorate start`: three processes that come and go together. */

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import {
  endpointsFrom,
  freePorts,
  occupy,
  Program,
  TIMING,
  quorate,
  temporaryFolder,
} from "./support.ts";

interface Started {
  readonly program: Program;
  readonly basePort: number;
  readonly pids: readonly number[];
}

async function start(folder: string, basePort?: number): Promise<Started> {
  const port = basePort ?? (await freePorts());
  const program = new Program("start", "--data", folder, "--base-port", String(port), ...TIMING);
  const match = await program.shows(/n1 .* pid (\d+)\n.*n2 .* pid (\d+)\n.*n3 .* pid (\d+)\n/);
  await program.shows(/n\d leads \(term \d+\)\./);
  return { program, basePort: port, pids: match.slice(1).map(Number) };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("Ctrl-C leaves no process, and started again it carries on", async () => {
  const folder = await temporaryFolder();
  const first = await start(folder);
  const endpoints = ["--endpoints", endpointsFrom(first.basePort)];
  await quorate("kv", "put", "kept", "yes", ...endpoints);
  expect(first.pids.map(isRunning)).toEqual([true, true, true]);
  first.program.signal("SIGINT");
  const { code, stdout } = await first.program.ended;
  expect(code).toBe(0);
  expect(stdout).toContain("All members have stopped; the data stays.");
  expect(stdout).toContain(`npx quorate kv put greeting hello ${endpoints.join(" ")}`);
  expect(first.pids.map(isRunning)).toEqual([false, false, false]);
  expect((await readdir(folder)).toSorted()).toEqual(["n1", "n2", "n3"]);

  const second = await start(folder, first.basePort);
  expect((await quorate("kv", "get", "kept", ...endpoints)).stdout).toBe("yes\n");
  second.program.signal("SIGTERM");
  expect(await second.program.ended).toMatchObject({ code: 0 });
});

test("a second start in the same folder is refused, and the first goes on", async () => {
  const folder = await temporaryFolder();
  const { program, basePort } = await start(folder);
  const other = String(await freePorts());
  const { code, stderr } = await quorate("start", "--data", folder, "--base-port", other);
  expect(stderr).toMatch(/^RAFT_LOCKED: n\d: the database in .* is open already/);
  expect(code).toBe(1);
  const put = await quorate("kv", "put", "k", "v", "--endpoints", endpointsFrom(basePort));
  expect(put.code).toBe(0);
  program.signal("SIGINT");
  await program.ended;
});

test("a port that is taken is an error, and nothing is left running", async () => {
  const folder = await temporaryFolder();
  const basePort = await freePorts();
  await occupy(basePort + 1);
  const { code, stderr } = await quorate(
    "start",
    "--data",
    folder,
    "--base-port",
    String(basePort),
  );
  expect(stderr).toBe(
    `RAFT_ADDRESS_IN_USE: n2: cannot listen on 127.0.0.1:${basePort + 1}: somebody else does: --base-port takes other ports\n`,
  );
  expect(code).toBe(1);
  // The folders are not locked any more, nor are the other ports taken.
  await start(folder);
});

test("a member that is killed is reported, and started again", async () => {
  const { program, pids } = await start(await temporaryFolder());
  process.kill(pids[1] ?? 0, "SIGKILL");
  await program.shows(/n2 was killed \(SIGKILL\); it is started again\./);
  const [, pid] = await program.shows(/n2 is back \(pid (\d+)\)\./);
  expect(isRunning(Number(pid))).toBe(true);
  program.signal("SIGINT");
  await program.ended;
  expect(isRunning(Number(pid))).toBe(false);
});

test("a member that is killed while another is still being started is reported, and started again", async ({
  skip,
}) => {
  skip(!existsSync("/proc/self/cmdline"), "there is no list of processes here");
  const place = ["--data", await temporaryFolder(), "--base-port", String(await freePorts())];
  const program = new Program("start", "--verbose", ...place, ...TIMING);
  const [early, slow] = [await program.member("n1"), await program.member("n3")];
  process.kill(slow, "SIGSTOP");
  onTestFinished(() => void (isRunning(slow) && process.kill(slow, "SIGKILL")));
  // By then it has long been heard to listen.
  await program.shows(/n1 info {2}\S+ in term \d/);
  process.kill(early, "SIGKILL");
  while (isRunning(early)) await nextTick();
  process.kill(slow, "SIGCONT");

  await program.shows(/n1 was killed \(SIGKILL\); it is started again\./);
  await program.shows(/n1 is back \(pid \d+\)\./);
  program.signal("SIGINT");
  expect(await program.ended).toMatchObject({ code: 0 });
});

test("Ctrl-C does not wait for a member that does not come up", async ({ skip }) => {
  skip(!existsSync("/proc/self/cmdline"), "there is no list of processes here");
  const program = new Program(
    "start",
    "--data",
    await temporaryFolder(),
    "--base-port",
    String(await freePorts()),
  );
  const slow = await program.member("n3");
  process.kill(slow, "SIGSTOP");
  onTestFinished(() => void (isRunning(slow) && process.kill(slow, "SIGKILL")));
  program.signal("SIGINT");

  expect(await program.ended).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(isRunning(slow)).toBe(false);
});

test("a member that cannot be started again stays down, which is said once", async () => {
  const { program, basePort, pids } = await start(await temporaryFolder());
  process.kill(pids[1] ?? 0, "SIGKILL");
  await program.shows(/n2 was killed/);
  await occupy(basePort + 1);
  await program.shows(/n2 stays down: RAFT_ADDRESS_IN_USE/);
  program.signal("SIGINT");
  const { stdout } = await program.ended;
  expect(stdout.match(/stays down/g)).toHaveLength(1);
});

test("the members stop when their parent is killed", async () => {
  const folder = await temporaryFolder();
  const { program, basePort } = await start(folder);
  program.signal("SIGKILL");
  await program.ended;
  await expect
    .poll(async () => (await quorate("status", "--endpoints", endpointsFrom(basePort))).code, {
      timeout: 10_000,
    })
    .toBe(1);
  // They have let go of their data too.
  await expect
    .poll(() => quorate("node", ...lonely(join(folder, "n1"))).then(({ stderr }) => stderr), {
      timeout: 10_000,
    })
    .not.toContain("RAFT_LOCKED");
});

/** A member whose peers are not those of the data: it ends at once, for that reason or because of the lock. */
function lonely(data: string): readonly string[] {
  return ["--id", "n1", "--peers", "n1=127.0.0.1:1", "--data", data];
}
