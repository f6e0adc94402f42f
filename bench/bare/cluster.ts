/** The bare line as a system under test: what this machine can do. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeBasePort } from "../../src/cli/ports.ts";
import { Child } from "../child.ts";
import type { Job } from "../load/job.ts";
import { measureWith } from "../system.ts";
import type { Measured, System } from "../system.ts";

export class BareSystem implements System {
  readonly name: string;
  readonly #folder: string;
  readonly #members: readonly Child[];
  readonly #load: Child;

  private constructor(name: string, folder: string, members: readonly Child[], load: Child) {
    this.name = name;
    this.#folder = folder;
    this.#members = members;
    this.#load = load;
  }

  static async start(form: "tcp" | "embedded"): Promise<BareSystem> {
    const folder = await mkdtemp(join(tmpdir(), "bare-bench-"));
    const base = await freeBasePort(3, Math.random);
    const ports = [1, 2].map((n) => String(base + n));
    const followers = await Promise.all(
      ports.map((port) => Child.start("bare/member.js", ["follower", port, join(folder, port)])),
    );
    const leader = await Child.start("bare/member.js", [
      "leader",
      String(base),
      join(folder, "leader"),
      ...ports,
    ]);
    const load =
      form === "tcp" ? await Child.start("load/main.js", ["bare", `127.0.0.1:${base}`]) : leader;
    const name = form === "tcp" ? "bare" : "bare embedded";
    return new BareSystem(name, folder, [leader, ...followers], load);
  }

  async measure(job: Job): Promise<Measured> {
    const pids = this.#members.map(({ pid }) => pid);
    return measureWith(this.#load, pids, job);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await Promise.all(this.#members.map((member) => member.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
