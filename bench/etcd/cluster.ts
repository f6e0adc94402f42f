/** Three members of etcd on loopback with its default settings, as Debian's `etcd-server` installs it. */

import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { removeScratch, scratchFolder } from "../../sim/scratch.ts";
import { freeBasePort } from "../../src/cli/ports.ts";
import { Child, killServer, spawnServer } from "../child.ts";
import type { Job } from "../load/job.ts";
import type { Measured } from "../measured.ts";
import { measureWith } from "../system.ts";
import type { System } from "../system.ts";

const SOURCE = fileURLToPath(new URL("../../../bench/etcd/load/main.go", import.meta.url));

/** What is built once, for however many clusters. */
export interface EtcdTools {
  readonly version: string;
  readonly loadProgram: string;
}

/** Builds the load program; in words why not, where etcd, Go or the sources of its client are not installed. */
export async function prepareEtcd(): Promise<EtcdTools | string> {
  const run = promisify(execFile);
  let version: string;
  try {
    const { stdout } = await run("etcd", ["--version"]);
    version = stdout.split("\n", 1)[0]?.replace("etcd Version: ", "") ?? "";
  } catch {
    return "etcd is not installed (Debian: etcd-server)";
  }
  const loadProgram = join(scratchFolder("bench-etcd-load"), "etcd-load");
  try {
    const env = { ...process.env, GO111MODULE: "off", GOPATH: "/usr/share/gocode" };
    await run("go", ["build", "-o", loadProgram, SOURCE], { env });
  } catch (error) {
    const text = error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : "";
    return `its load program cannot be built (Debian: golang-go golang-etcd-server-dev): ${text}`;
  }
  return { version, loadProgram };
}

export class EtcdSystem implements System {
  readonly name = "etcd";
  readonly #folder: string;
  readonly #members: readonly ChildProcess[];
  readonly #load: Child;

  private constructor(folder: string, members: readonly ChildProcess[], load: Child) {
    this.#folder = folder;
    this.#members = members;
    this.#load = load;
  }

  static async start({ loadProgram }: EtcdTools): Promise<EtcdSystem> {
    const folder = scratchFolder("bench-etcd");
    const base = await freeBasePort(6, Math.random);
    const names = [1, 2, 3].map((n) => `m${n}`);
    const clientUrl = (n: number): string => `http://127.0.0.1:${base + 2 * n}`;
    const peerUrl = (n: number): string => `http://127.0.0.1:${base + 2 * n + 1}`;
    const cluster = names.map((name, n) => `${name}=${peerUrl(n)}`).join(",");
    const members = names.map((name, n) => {
      const flags = {
        name,
        "data-dir": join(folder, name),
        "listen-client-urls": clientUrl(n),
        "advertise-client-urls": clientUrl(n),
        "listen-peer-urls": peerUrl(n),
        "initial-advertise-peer-urls": peerUrl(n),
        "initial-cluster": cluster,
      };
      return spawnServer(
        "etcd",
        Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
      );
    });
    const addresses = names.map((_, n) => clientUrl(n).replace("http://", ""));
    const load = await Child.start(loadProgram, addresses);
    return new EtcdSystem(folder, members, load);
  }

  async measure(job: Job): Promise<Measured> {
    const pids = this.#members.flatMap(({ pid }) => pid ?? []);
    return measureWith(this.#load, pids, job);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await Promise.all(this.#members.map(killServer));
    removeScratch(this.#folder);
  }
}
