/** A forked process of the benchmark: waited for until it is ready, given jobs, watched, ended with its parent. */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FromChild, Job, LoadResult } from "./load/job.ts";

interface ChildEvents {
  message: [FromChild];
}

export class Child extends EventEmitter<ChildEvents> {
  readonly #process: ChildProcess;
  /** As of the last message: of a member of a cluster. */
  isLeader = false;

  private constructor(child: ChildProcess) {
    super();
    this.#process = child;
    child.on("message", (message: FromChild) => {
      if (message.type === "role") this.isLeader = message.role === "leader";
      this.emit("message", message);
    });
  }

  /** `script` is a module of this folder, built. Rejects where it ends before it is ready. */
  static async start(
    script: string,
    args: readonly string[],
    nodeFlags: readonly string[] = [],
  ): Promise<Child> {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const child = new Child(fork(path, args, { execArgv: [...nodeFlags] }));
    await child.#until(({ type }) => type === "ready");
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
      this.#process.send(job);
      const answer = await this.#until(({ type }) => type === "result" || type === "error");
      if (answer.type === "result") return answer.result;
      throw new Error(answer.type === "error" ? answer.message : answer.type);
    } finally {
      this.off("message", watch);
    }
  }

  async untilLeader(signal: AbortSignal): Promise<void> {
    if (!this.isLeader) await this.#until(() => this.isLeader, signal);
  }

  /** Lets it end by itself; resolves when it has. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    if (this.#process.connected) this.#process.disconnect();
    await exit;
  }

  /** The first message from now on that is `wanted`. Rejects where the process ends first. */
  #until(wanted: (message: FromChild) => boolean, signal?: AbortSignal): Promise<FromChild> {
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

  get #name(): string {
    return this.#process.spawnargs.join(" ");
  }
}
