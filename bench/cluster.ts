/** Three members in three operating-system processes on loopback, each with its own `level` database. */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Usage {
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

export class BenchCluster {
  readonly endpoints: readonly string[];
  readonly #folder: string;
  readonly #members: readonly ChildProcess[];

  private constructor(
    folder: string,
    endpoints: readonly string[],
    members: readonly ChildProcess[],
  ) {
    this.#folder = folder;
    this.endpoints = endpoints;
    this.#members = members;
  }

  static async start(size: number): Promise<BenchCluster> {
    const folder = await mkdtemp(join(tmpdir(), "quorate-bench-"));
    const ports = await freePorts(size);
    const endpoints = ports.map((port) => `127.0.0.1:${port}`);
    const peers = JSON.stringify(Object.fromEntries(endpoints.map((at, n) => [`n${n + 1}`, at])));
    const script = fileURLToPath(new URL("member.js", import.meta.url));
    const members = endpoints.map((at, n) =>
      fork(script, [`n${n + 1}`, at, join(folder, `n${n + 1}`), peers]),
    );
    await Promise.all(members.map((member) => once(member, "message")));
    return new BenchCluster(folder, endpoints, members);
  }

  /** What each member has used since its start. */
  async usage(): Promise<readonly Usage[]> {
    return Promise.all(
      this.#members.map(async (member) => {
        const answer = once(member, "message");
        member.send("usage");
        const [usage] = (await answer) as [Usage];
        return usage;
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        const exit = once(member, "exit");
        member.disconnect();
        await exit;
      }),
    );
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
