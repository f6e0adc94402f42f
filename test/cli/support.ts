/** Runs the built command line in processes of its own. `npm test` builds it; see `npm run build`. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { LocalCluster, MEMBER_IDS } from "../../src/cli/local-cluster.ts";
import { freeBasePort } from "../../src/cli/ports.ts";
import { isRaftError } from "../../src/errors.ts";

/** The built command line. */
export const PROGRAM: string = fileURLToPath(
  new URL("../../dist/src/cli/main.js", import.meta.url),
);
if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: npm run build`);

/** A machine that is busy with other tests may take its time. */
export const PATIENCE_MS = 20_000;

/** Members that notice a dead leader soon. */
export const TIMING: readonly string[] = ["--election-timeout", "300", "--heartbeat", "50"];

/** The same, with every invariant checked after every step. */
export const QUICK: readonly string[] = [...TIMING, "--check-invariants"];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of `quorate` that can be watched. It is killed with the test if it has not ended. */
export class Program {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  #onOutput: () => void = () => undefined;

  constructor(...args: readonly string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#onOutput();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#onOutput();
    });
    this.ended = new Promise((resolve) =>
      child.once("close", (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
        this.#onOutput();
      }),
    );
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await this.ended;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The process of a member that it runs, as soon as there is one. Where there is a `/proc`. */
  async member(id: string): Promise<number> {
    const { pid } = this.#child;
    for (;;) {
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
      for (const child of children.split(" ").filter((each) => each !== "")) {
        const line = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "");
        if (line.includes(`--id\0${id}\0`)) return Number(child);
      }
      await nextTick();
    }
  }

  /** The first match in what it has printed, to either stream, now or later. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    return await new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        this.#onOutput = () => undefined;
        reject(new Error(`${why} without ${String(pattern)}:\n${this.#stdout}${this.#stderr}`));
      };
      this.#onOutput = () => {
        const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
        if (match !== null) resolve(match);
        else if (this.#child.exitCode !== null) fail("it has ended");
      };
      late.addEventListener("abort", () => fail("it goes on"));
      this.#onOutput();
    });
  }
}

/** Runs `quorate` to its end. */
export function quorate(...args: readonly string[]): Promise<Ended> {
  return new Program(...args).ended;
}

/** A folder that goes away with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "quorate-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Three ports from the number that is returned on, free a moment ago. */
export function freePorts(): Promise<number> {
  return freeBasePort(MEMBER_IDS.length, () => randomInt(2 ** 32) / 2 ** 32);
}

/** A running cluster of three processes, with a folder of its own; the caller stops it. */
export async function runningCluster(
  folder: string,
  nodeArguments: readonly string[] = QUICK,
): Promise<LocalCluster> {
  for (let attempt = 1; ; attempt += 1) {
    const cluster = new LocalCluster({
      folder: join(folder, String(attempt)),
      basePort: await freePorts(),
      nodeArguments,
      program: PROGRAM,
    });
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      if (attempt === 5 || !isRaftError(error, "RAFT_ADDRESS_IN_USE")) throw error;
    }
  }
}

export function endpointsFrom(basePort: number): string {
  return MEMBER_IDS.map((_, offset) => `127.0.0.1:${basePort + offset}`).join(",");
}

/** Listens on the port until the test is over. */
export async function occupy(port: number): Promise<void> {
  // The members' own attempts to reach whom they expect there must not keep it open.
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
}
