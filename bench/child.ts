/**
 * A process of the benchmark: told and heard by lines of JSON, given jobs, watched. It ends when its standard input
 * does, and so with its parent at the latest.
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { FromChild, Job, LoadResult } from "./load/job.ts";

interface ChildEvents {
  message: [FromChild];
}

/** Those that are alive: all that this run uses of the machine. */
const alive = new Set<ChildProcess>();

/** Ids of all processes of this run, this one included. */
export function ownPids(): number[] {
  return [process.pid, ...[...alive].flatMap(({ pid }) => pid ?? [])];
}

/** Whatever happens to this process, none of its own stays behind. */
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Runs a command that is not spoken to, as one of this run's processes. */
export function spawnServer(command: string, args: readonly string[]): ChildProcess {
  return watched(spawn(command, args, { stdio: "ignore" }));
}

function watched(child: ChildProcess): ChildProcess {
  alive.add(child);
  child.on("exit", () => alive.delete(child));
  child.on("error", () => alive.delete(child));
  return child;
}

export class Child extends EventEmitter<ChildEvents> {
  readonly #process: ChildProcess;
  readonly #name: string;
  /** As of the last message: of a member of a cluster. */
  isLeader = false;
  /** How long a member took to open its log. */
  openMs = 0;
  #appliedMs: number | undefined;

  private constructor(child: ChildProcess) {
    super();
    this.#process = child;
    this.#name = child.spawnargs.join(" ");
    if (child.stdout === null) throw new Error("nobody listens to it");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message = JSON.parse(line) as FromChild;
      this.#heard(message);
      this.emit("message", message);
    });
  }

  /** A module of this folder, built. Rejects where it ends before it is ready. */
  static node(script: string, ...args: readonly string[]): Promise<Child> {
    const path = fileURLToPath(new URL(script, import.meta.url));
    return Child.start(process.execPath, [path, ...args]);
  }

  /** Rejects where it ends before it is ready, with what it has said of that. */
  static async start(command: string, args: readonly string[]): Promise<Child> {
    const stdio = ["pipe", "pipe", "inherit"] as const;
    const child = new Child(watched(spawn(command, args, { stdio: [...stdio] })));
    const first = await child.until(({ type }) => type === "ready" || type === "error");
    if (first.type === "error") throw new Error(first.message);
    return child;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The answer to a job. `onMoment` is called as the measured time begins and ends. */
  async run(job: Job, onMoment: (moment: "begin" | "end") => void): Promise<LoadResult> {
    const watch = ({ type }: FromChild): void => {
      if (type === "begin" || type === "end") onMoment(type);
    };
    this.on("message", watch);
    try {
      this.#process.stdin?.write(`${JSON.stringify(job)}\n`);
      const answer = await this.until(({ type }) => type === "result" || type === "error");
      if (answer.type === "result") return answer.result;
      throw new Error(answer.type === "error" ? answer.message : answer.type);
    } finally {
      this.off("message", watch);
    }
  }

  async untilLeader(signal?: AbortSignal): Promise<void> {
    if (!this.isLeader) await this.until(() => this.isLeader, signal);
  }

  /** How long a member took until it had applied the log that it found. */
  async untilApplied(): Promise<number> {
    if (this.#appliedMs === undefined) await this.until(() => this.#appliedMs !== undefined);
    return this.#appliedMs ?? 0;
  }

  /** The first message from now on that is `wanted`. Rejects where the process ends first. */
  until(wanted: (message: FromChild) => boolean, signal?: AbortSignal): Promise<FromChild> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.off("message", onMessage);
        this.#process.off("exit", onExit);
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onMessage = (message: FromChild): void => {
        if (wanted(message)) end(() => resolve(message));
      };
      const onExit = (): void => end(() => reject(new Error(`${this.#name} has ended`)));
      const onAbort = (): void => end(() => reject(new Error(`${this.#name} was given up`)));
      this.on("message", onMessage);
      this.#process.on("exit", onExit);
      signal?.addEventListener("abort", onAbort);
    });
  }

  /** Lets it end by itself; resolves when it has. */
  async stop(): Promise<void> {
    if (!alive.has(this.#process)) return;
    const exit = once(this.#process, "exit");
    this.#process.stdin?.end();
    await exit;
  }

  #heard(message: FromChild): void {
    if (message.type === "role") this.isLeader = message.role === "leader";
    if (message.type === "ready") this.openMs = message.openMs ?? 0;
    if (message.type === "applied") this.#appliedMs = message.afterMs;
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    await killServer(this.#process);
  }
}

export async function killServer(server: ChildProcess): Promise<void> {
  if (!alive.has(server)) return;
  const exit = once(server, "exit");
  server.kill("SIGKILL");
  await exit;
}
