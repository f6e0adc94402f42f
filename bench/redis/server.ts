/** One Redis on loopback that syncs before it answers: no replica, no vote. Debian's `redis-server`. */

import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { removeScratch, scratchFolder } from "../../sim/scratch.ts";
import { freeBasePort } from "../../src/cli/ports.ts";
import { Child, killServer, spawnServer } from "../child.ts";
import type { Job } from "../load/job.ts";
import type { Measured } from "../measured.ts";
import { measureWith } from "../system.ts";
import type { System } from "../system.ts";

export interface RedisTools {
  readonly version: string;
}

/** In words why not, where it is not installed. */
export async function prepareRedis(): Promise<RedisTools | string> {
  try {
    const { stdout } = await promisify(execFile)("redis-server", ["--version"]);
    return { version: /v=(\S+)/.exec(stdout)?.[1] ?? "" };
  } catch {
    return "redis-server is not installed (Debian: redis-server)";
  }
}

export class RedisSystem implements System {
  readonly name = "redis";
  readonly #folder: string;
  readonly #server: ChildProcess;
  readonly #load: Child;

  private constructor(folder: string, server: ChildProcess, load: Child) {
    this.#folder = folder;
    this.#server = server;
    this.#load = load;
  }

  /** Its defaults, but for the log, which is synced for each turn of its loop, and for dumps beside it: there are none. */
  static async start(): Promise<RedisSystem> {
    const folder = scratchFolder("bench-redis");
    const port = await freeBasePort(1, Math.random);
    const flags = {
      port: String(port),
      bind: "127.0.0.1",
      dir: folder,
      appendonly: "yes",
      appendfsync: "always",
      save: "",
    };
    const server = spawnServer(
      "redis-server",
      Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
    );
    await untilItListens(port);
    return new RedisSystem(
      folder,
      server,
      await Child.node("load/main.js", "redis", `127.0.0.1:${port}`),
    );
  }

  async measure(job: Job): Promise<Measured> {
    return measureWith(this.#load, [this.#server.pid ?? 0], job);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await killServer(this.#server);
    removeScratch(this.#folder);
  }
}

const PATIENCE_MS = 10_000;

async function untilItListens(port: number): Promise<void> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect", { signal: patience });
      return;
    } catch (error) {
      if (patience.aborted) throw error;
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}
