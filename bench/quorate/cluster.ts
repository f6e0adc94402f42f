/** Members in operating-system processes of their own on loopback, each with its own folder for its storage. */

import { join } from "node:path";
import { removeScratch, scratchFolder } from "../../sim/scratch.ts";
import { freeBasePort } from "../../src/cli/ports.ts";
import { Child } from "../child.ts";
import type { Job } from "../load/job.ts";
import type { Measured } from "../measured.ts";
import { measureWith } from "../system.ts";
import type { System, SystemName } from "../system.ts";
import type { StorageName } from "./storages.ts";

export interface MemberOptions {
  /** A `store` serves clients over TCP; a `map` takes its load from within the process of the leader. */
  readonly machine: "store" | "map";
  readonly storage: StorageName;
  /** As RaftNode takes them. */
  readonly snapshots?: boolean;
}

/** The members, without load. */
export class QuorateCluster {
  readonly endpoints: readonly string[];
  readonly folder: string;
  readonly #options: MemberOptions;
  readonly members: Map<string, Child> = new Map();

  private constructor(endpoints: readonly string[], options: MemberOptions) {
    this.endpoints = endpoints;
    this.folder = scratchFolder("bench-quorate");
    this.#options = options;
  }

  /** Resolves as soon as one of them leads. */
  static async start(size: number, options: MemberOptions): Promise<QuorateCluster> {
    const base = await freeBasePort(size, Math.random);
    const endpoints = Array.from({ length: size }, (_, n) => `127.0.0.1:${base + n}`);
    const cluster = new QuorateCluster(endpoints, options);
    await Promise.all(endpoints.map((_, n) => cluster.launch(`n${n + 1}`)));
    await cluster.leader();
    return cluster;
  }

  get pids(): number[] {
    return [...this.members.values()].map(({ pid }) => pid);
  }

  async launch(id: string): Promise<Child> {
    const peers = Object.fromEntries(this.endpoints.map((at, n) => [`n${n + 1}`, at]));
    const member = await Child.node(
      "quorate/member.js",
      JSON.stringify({ id, peers, folder: join(this.folder, id), ...this.#options }),
    );
    this.members.set(id, member);
    return member;
  }

  /** The member that leads, as soon as one does. */
  async leader(): Promise<Child> {
    const found = new AbortController();
    const signal = AbortSignal.any([found.signal, AbortSignal.timeout(PATIENCE_MS)]);
    try {
      return await Promise.any(
        [...this.members.values()].map(async (member) => {
          await member.untilLeader(signal);
          return member;
        }),
      );
    } finally {
      found.abort();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.stop()));
    removeScratch(this.folder);
  }
}

const PATIENCE_MS = 20_000;

export class QuorateSystem implements System {
  readonly name: SystemName;
  readonly #cluster: QuorateCluster;
  /** Of a cluster whose clients come over TCP. */
  readonly #load: Child | undefined;

  private constructor(name: SystemName, cluster: QuorateCluster, load: Child | undefined) {
    this.name = name;
    this.#cluster = cluster;
    this.#load = load;
  }

  static async start(
    form: "tcp" | "embedded",
    storage: StorageName,
    size = 3,
  ): Promise<QuorateSystem> {
    const machine = form === "tcp" ? "store" : "map";
    const cluster = await QuorateCluster.start(size, { machine, storage });
    const load =
      form === "tcp"
        ? await Child.node("load/main.js", "quorate", ...cluster.endpoints)
        : undefined;
    return new QuorateSystem(storage === "journal" ? "quorate" : "quorate on level", cluster, load);
  }

  async measure(job: Job): Promise<Measured> {
    return measureWith(this.#load ?? (await this.#cluster.leader()), this.#cluster.pids, job);
  }

  async stop(): Promise<void> {
    await this.#load?.stop();
    await this.#cluster.stop();
  }
}
