/** The bare line as a system under test: what this machine can do. */

import { join } from "node:path";
import { removeScratch, scratchFolder } from "../../sim/scratch.ts";
import { freeBasePort } from "../../src/cli/ports.ts";
import { Child } from "../child.ts";
import type { Job } from "../load/job.ts";
import type { Measured } from "../measured.ts";
import { measureWith } from "../system.ts";
import type { System } from "../system.ts";

export class BareSystem implements System {
  readonly name = "bare";
  readonly #folder: string;
  readonly #members: readonly Child[];
  readonly #load: Child;

  private constructor(folder: string, members: readonly Child[], load: Child) {
    this.#folder = folder;
    this.#members = members;
    this.#load = load;
  }

  static async start(form: "tcp" | "embedded"): Promise<BareSystem> {
    const folder = scratchFolder("bench-bare");
    const base = await freeBasePort(3, Math.random);
    const [port = "", ...others] = [base, base + 1, base + 2].map(String);
    const member = (role: string, at: string, ...rest: string[]): Promise<Child> =>
      Child.node("bare/member.js", role, at, join(folder, at), ...rest);
    const followers = await Promise.all(others.map((at) => member("follower", at)));
    const leader = await member("leader", port, ...others);
    const load =
      form === "tcp" ? await Child.node("load/main.js", "bare", `127.0.0.1:${port}`) : leader;
    return new BareSystem(folder, [leader, ...followers], load);
  }

  async measure(job: Job): Promise<Measured> {
    const pids = this.#members.map(({ pid }) => pid);
    return measureWith(this.#load, pids, job);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await Promise.all(this.#members.map((member) => member.stop()));
    removeScratch(this.#folder);
  }
}
