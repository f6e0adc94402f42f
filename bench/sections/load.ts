/** The sections that put load on systems: which systems, and which loads. */

import { BareSystem } from "../bare/cluster.ts";
import { EtcdSystem } from "../etcd/cluster.ts";
import type { Job } from "../load/job.ts";
import type { Opponents } from "../opponents.ts";
import { roundsOf, SYSTEMS } from "../plan.ts";
import type { Plan } from "../plan.ts";
import { QuorateSystem } from "../quorate/cluster.ts";
import type { QuietWatch } from "../quiet-watch.ts";
import { RedisSystem } from "../redis/server.ts";
import type { LoadRow, LoadSection } from "../results.ts";
import type { System } from "../system.ts";
import { measureInTurns } from "./turns.ts";
import type { Lane } from "./turns.ts";

/** Many loads on few connections: ours, and those of the bare line. */
const CONNECTIONS = 8;

/** Enough for the disk to be kept busy with big values, and few enough to fit in what a leader takes in. */
const VALUES_CONCURRENCY = 16;
const NODES_CONCURRENCY = 256;

export interface LoadOptions {
  readonly plan: Plan;
  readonly opponents: Opponents;
  readonly watch: QuietWatch;
  readonly progress: (what: string) => void;
  readonly onRows: (rows: readonly LoadRow[]) => void;
}

export class LoadSections {
  readonly #options: LoadOptions;
  /** Once it was tried. */
  #etcdConnections: number | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async run(section: LoadSection): Promise<void> {
    const { plan } = this.#options;
    const levels = plan.levels.map((concurrency) => this.#job({ concurrency }));
    switch (section) {
      case "multiplexed":
      case "embedded":
        return this.#inTurns(section, levels);
      case "sockets":
        return this.#inTurns(
          section,
          plan.levels.map((concurrency) => this.#job({ concurrency, connections: concurrency })),
        );
      case "open":
        return this.#inTurns(
          section,
          plan.rates.map((perSecond) => this.#job({ perSecond })),
        );
      case "reads":
        return this.#inTurns(
          section,
          plan.levels.map((concurrency) => this.#job({ operation: "get", concurrency })),
        );
      case "nodes":
        return this.#nodes();
      case "values":
        return this.#inTurns(
          section,
          plan.valueSizes.map((valueBytes) =>
            this.#job({ concurrency: VALUES_CONCURRENCY, valueBytes }),
          ),
        );
    }
  }

  async #nodes(): Promise<void> {
    for (const nodes of this.#options.plan.nodes) {
      const system = await QuorateSystem.start("tcp", "journal", nodes);
      await this.#measure(
        "nodes",
        [{ system, nodes, connections: CONNECTIONS }],
        [this.#job({ concurrency: NODES_CONCURRENCY })],
      );
    }
  }

  async #inTurns(section: LoadSection, jobs: readonly ((lane: Lane) => Job)[]): Promise<void> {
    const { progress, opponents } = this.#options;
    const { etcd, redis } = opponents;
    const form = section === "embedded" ? "embedded" : "tcp";
    const lanes: Lane[] = [];
    for (const name of SYSTEMS[section]) {
      progress(`${section}: starting ${name}`);
      if (name === "bare") lanes.push(laneOf(await BareSystem.start(form)));
      if (name === "quorate") lanes.push(laneOf(await QuorateSystem.start(form, "journal")));
      if (name === "quorate on level") lanes.push(laneOf(await QuorateSystem.start(form, "level")));
      if (name === "redis" && redis !== undefined) lanes.push(laneOf(await RedisSystem.start(), 1));
      if (name === "etcd" && etcd !== undefined) {
        const system = await EtcdSystem.start(etcd);
        // With a socket for each client there is nothing to choose.
        if (section !== "sockets") this.#etcdConnections ??= await this.#bestConnections(system);
        lanes.push({ ...laneOf(system), connections: this.#etcdConnections ?? CONNECTIONS });
      }
    }
    await this.#measure(section, lanes, jobs);
  }

  async #measure(
    section: LoadSection,
    lanes: readonly Lane[],
    jobs: readonly ((lane: Lane) => Job)[],
  ): Promise<void> {
    const { plan, watch, onRows, progress } = this.#options;
    try {
      progress(`${section}: measuring`);
      const { firstWarmUpMs } = plan;
      const often = (concurrency: number): number => roundsOf(plan, section, concurrency);
      const turns = { section, firstWarmUpMs, roundsOf: often, jobs };
      await measureInTurns(lanes, turns, watch, onRows);
    } finally {
      await Promise.all(lanes.map(({ system }) => system.stop()));
    }
  }

  async #bestConnections(etcd: EtcdSystem): Promise<number> {
    let best = { connections: CONNECTIONS, perSecond: 0 };
    for (const connections of this.#options.plan.etcdConnections) {
      const job = this.#job({ concurrency: 256, connections })({
        ...laneOf(etcd),
        connections,
      });
      const { perSecond } = await etcd.measure({
        ...job,
        measureMs: Math.min(1000, job.measureMs),
      });
      if (perSecond > best.perSecond) best = { connections, perSecond };
    }
    this.#options.progress(`etcd does best with ${best.connections} connections`);
    return best.connections;
  }

  #job(over: Partial<Job>): (lane: Lane) => Job {
    const { measureMs, warmUpMs, valueBytes } = this.#options.plan;
    return ({ connections }) => ({
      operation: "put",
      concurrency: 0,
      connections,
      valueBytes,
      warmUpMs,
      measureMs,
      ...over,
    });
  }
}

function laneOf(system: System, nodes = 3): Lane {
  return { system, nodes, connections: CONNECTIONS };
}
