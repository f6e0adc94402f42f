/** One member as a child process. It stops when we close the channel to it, and so also when we are killed. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import type { NodeId } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { MemberEvent } from "./member-event.ts";

/** How long a member may take to stop before it is killed. */
const STOP_TIMEOUT_MS = 5000;

/** How much of its log is kept in case it dies. */
const KEPT_LINES = 20;

export interface MemberProcessOptions {
  readonly program: string;
  readonly arguments: readonly string[];
  onEvent(event: MemberEvent): void;
  onLine(line: string): void;
}

export interface MemberExit {
  readonly id: NodeId;
  /** Its exit code, or the signal that killed it. */
  readonly reason: number | NodeJS.Signals;
  /** What it said was the reason. */
  readonly failure: RaftError | undefined;
  /** The end of its log. */
  readonly lastLines: readonly string[];
}

export class MemberProcess {
  /** Resolves when the member listens; rejects where it ends before. */
  readonly started: Promise<void>;
  /** Never rejects. */
  readonly exited: Promise<MemberExit>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #failure: RaftError | undefined;

  constructor(id: NodeId, options: MemberProcessOptions) {
    const child = spawn(
      process.execPath,
      [options.program, "node", "--id", id, "--stop-with-parent", ...options.arguments],
      { stdio: ["ignore", "ignore", "pipe", "ipc"] },
    );
    this.#child = child;
    child.on("message", (message) => {
      const event = message as MemberEvent;
      if (event.type === "failed")
        this.#failure = new RaftError(event.code, `${id}: ${event.message}`);
      options.onEvent(event);
    });
    if (child.stderr === null) throw new Error("standard error is a pipe");
    const log = createInterface(child.stderr);
    log.on("line", (line) => {
      this.#lines.push(line);
      if (this.#lines.length > KEPT_LINES) this.#lines.shift();
      options.onLine(line);
    });
    this.exited = this.#end(child, log).then((reason) => ({
      id,
      reason,
      failure: this.#failure,
      lastLines: this.#lines,
    }));
    this.started = new Promise((resolve, reject) => {
      child.on("message", (message) => {
        if ((message as MemberEvent).type === "started") resolve();
      });
      void this.exited.then((exit) => reject(endedEarly(exit)));
    });
    // Whoever launched it waits for this; nobody else has to.
    this.started.catch(() => undefined);
  }

  /** Its process is gone and its last words have been read. The child's "close" does not come after a `disconnect`. */
  async #end(child: ChildProcess, log: Interface): Promise<number | NodeJS.Signals> {
    const logEnd = new Promise<void>((resolve) => log.once("close", resolve));
    const reason = await new Promise<number | NodeJS.Signals>((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ?? code ?? 0));
      child.once("error", (cause) => {
        this.#failure ??= new RaftError("RAFT_INTERNAL", "the member cannot be run", { cause });
        resolve(1);
      });
    });
    await logEnd;
    return reason;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** Asks it to stop, and kills it where it does not. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
  }
}

function endedEarly({ id, reason, failure, lastLines }: MemberExit): RaftError {
  if (failure !== undefined) return failure;
  const log = lastLines.map((line) => `\n  ${line}`).join("");
  return new RaftError("RAFT_STOPPED", `${id} has ended with ${reason} before it listened${log}`);
}
