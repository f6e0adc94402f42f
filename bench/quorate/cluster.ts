/** Members in operating-system processes of their own on loopback, each with its own `level` database. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeBasePort } from "../../src/cli/ports.ts";
import { Child } from "../child.ts";
import type { Job } from "../load/job.ts";
import { measureWith } from "../system.ts";
import type { Measured, System } from "../system.ts";

export type Form = "tcp" | "embedded";

export class QuorateSystem implements System {
  readonly name: string;
  readonly #folder: string;
  readonly #members: readonly Child[];
  /** Of a cluster whose clients come over TCP. */
  readonly #load: Child | undefined;

  private constructor(form: Form, folder: string, members: readonly Child[], load?: Child) {
    this.name = form === "tcp" ? "quorate" : "quorate embedded";
    this.#folder = folder;
    this.#members = members;
    this.#load = load;
  }

  static async start(form: Form, size = 3): Promise<QuorateSystem> {
    const folder = await mkdtemp(join(tmpdir(), "quorate-bench-"));
    const base = await freeBasePort(size, Math.random);
    const endpoints = Array.from({ length: size }, (_, n) => `127.0.0.1:${base + n}`);
    const peers = JSON.stringify(Object.fromEntries(endpoints.map((at, n) => [`n${n + 1}`, at])));
    const machine = form === "tcp" ? "store" : "map";
    const members = await Promise.all(
      endpoints.map((at, n) =>
        Child.start("quorate/member.js", [
          `n${n + 1}`,
          at,
          join(folder, `n${n + 1}`),
          peers,
          machine,
        ]),
      ),
    );
    await anyLeader(members);
    const load =
      form === "tcp" ? await Child.start("load/main.js", ["quorate", ...endpoints]) : undefined;
    return new QuorateSystem(form, folder, members, load);
  }

  async measure(job: Job): Promise<Measured> {
    const load = this.#load ?? (await anyLeader(this.#members));
    const pids = this.#members.map(({ pid }) => pid);
    return measureWith(load, pids, job);
  }

  async stop(): Promise<void> {
    await this.#load?.stop();
    await Promise.all(this.#members.map((member) => member.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const PATIENCE_MS = 20_000;

/** The member that leads, as soon as one does. */
async function anyLeader(members: readonly Child[]): Promise<Child> {
  const found = new AbortController();
  const signal = AbortSignal.any([found.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    return await Promise.any(
      members.map(async (member) => {
        await member.untilLeader(signal);
        return member;
      }),
    );
  } finally {
    found.abort();
  }
}
