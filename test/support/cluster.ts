/** Real nodes on memory disks and a memory network, in virtual time: everything but the machine is real. */

import { FaultyOrderedStore } from "../../src/testing/faulty-store.ts";
import type { NodeOptions } from "../../src/node/options.ts";
import { RaftNode } from "../../src/node/node.ts";
import { LogStore } from "../../src/storage/log-store.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import type { DeliveryPolicy } from "../../src/transport/memory.ts";
import { Journal } from "./journal.ts";
import { seededRandom } from "./random.ts";
import { SlowOrderedStore } from "./slow-store.ts";
import { VirtualClock } from "./virtual-clock.ts";

export type JournalNode = RaftNode<number, undefined, readonly string[]>;
export type JournalOptions = Partial<NodeOptions<number, undefined, readonly string[]>>;

export interface ClusterOptions {
  readonly size?: number;
  readonly seed?: number;
  readonly policy?: DeliveryPolicy;
  /** For every member, or by member. */
  readonly node?: JournalOptions | ((id: string) => JournalOptions);
  readonly machine?: (id: string, clock: VirtualClock) => Journal;
  /** How long a disk takes for a sync or a read; left out: no time. */
  readonly diskMs?: (random: () => number) => number;
  /** Stands between a node and its storage. */
  readonly storage?: (storage: Storage, id: string) => Storage;
}

export interface Server {
  readonly id: string;
  readonly disk: MemoryDisk;
  readonly store: FaultyOrderedStore;
  readonly machine: Journal;
  readonly node: JournalNode;
  /** Until it is stopped or crashed. */
  isUp: boolean;
}

export class Cluster {
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly network: MemoryNetwork;
  readonly servers = new Map<string, Server>();
  readonly log: string[] = [];
  readonly #options: ClusterOptions;

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed ?? 1);
    const say = (text: string): void => void this.log.push(text);
    this.network = new MemoryNetwork({
      clock: this.clock,
      logger: { info: say, warn: say, error: say },
      policy: options.policy,
    });
  }

  /** All members, started one after the other. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = Cluster.prepare(options);
    for (const id of cluster.ids) await cluster.boot(id);
    return cluster;
  }

  /** With no member started yet. */
  static prepare(options: ClusterOptions = {}): Cluster {
    return new Cluster(options);
  }

  get ids(): string[] {
    return Array.from({ length: this.#options.size ?? 3 }, (_, n) => `n${n + 1}`);
  }

  /** Those that are up. */
  get running(): Server[] {
    return [...this.servers.values()].filter(({ isUp }) => isUp);
  }

  /** Starts a member on its disk, or on a new one. */
  async boot(
    id: string,
    disk: MemoryDisk = this.servers.get(id)?.disk ?? new MemoryDisk(),
    overrides: JournalOptions = {},
  ): Promise<Server> {
    const { diskMs, node, machine: makeMachine } = this.#options;
    const slow = new SlowOrderedStore(disk.orderedStore(), this.clock, () =>
      diskMs === undefined ? 0 : diskMs(this.random),
    );
    const store = new FaultyOrderedStore(slow);
    const machine = makeMachine?.(id, this.clock) ?? new Journal();
    const storage = new LogStore(store, disk.guard());
    const say = (text: string): void => void this.log.push(text);
    const starting = RaftNode.start({
      id,
      members: this.ids.map((each) => ({ id: each, address: `${each}:1` })),
      machine,
      storage: this.#options.storage?.(storage, id) ?? storage,
      transport: this.network.transport(`${id}:1`),
      clock: this.clock,
      random: this.random,
      logger: { info: say, warn: say, error: say },
      invariants: "all",
      ...(typeof node === "function" ? node(id) : node),
      ...overrides,
    });
    const server: Server = {
      id,
      disk,
      store,
      machine,
      node: await this.clock.settle(starting),
      isUp: true,
    };
    this.servers.set(id, server);
    return server;
  }

  server(id: string): Server {
    const server = this.servers.get(id);
    if (server === undefined) throw new Error(`there is no ${id}`);
    return server;
  }

  node(id: string): JournalNode {
    return this.server(id).node;
  }

  /** Like kill -9 and a power cut: what was not synced is lost, nothing of the process is heard of any more. */
  crash(id: string): void {
    const server = this.server(id);
    const { disk, node } = server;
    server.isUp = false;
    this.network.crash(id);
    disk.crash(Math.floor(this.random() * (disk.unsyncedBatches + 1)));
    // The dead process cannot be unscheduled; without disk and network nothing that it does is seen by anybody.
    void node.stop();
  }

  /** Stops a member in good order. */
  async shutDown(id: string): Promise<void> {
    const server = this.server(id);
    server.isUp = false;
    await this.clock.settle(server.node.stop());
  }

  /** Neither side hears the other. */
  cutOff(id: string): void {
    for (const other of this.ids) {
      this.network.cut(id, other);
      this.network.cut(other, id);
    }
  }

  /** The member that leads in the highest term, once there is one. `but` shall not count. */
  async leader(but?: JournalNode): Promise<JournalNode> {
    const leading = (): JournalNode | undefined =>
      this.running
        .map(({ node }) => node)
        .filter((node) => node !== but && node.status().role === "leader")
        .toSorted((a, b) => b.status().currentTerm - a.status().currentTerm)[0];
    await this.clock.until(() => leading() !== undefined);
    const leader = leading();
    if (leader === undefined) throw new Error("there is a leader");
    return leader;
  }

  followersOf(leader: JournalNode): JournalNode[] {
    return this.running.map(({ node }) => node).filter((node) => node !== leader);
  }

  /** Everything that is committed anywhere is applied everywhere. */
  async agreement(): Promise<readonly string[]> {
    await this.clock.until(() => {
      for (const { node } of this.running) if (node.failure !== undefined) throw node.failure;
      const all = this.running.map(({ node }) => node.status());
      const commit = Math.max(...all.map(({ commitIndex }) => commitIndex));
      return all.every(({ lastApplied }) => lastApplied === commit);
    });
    const [first, ...others] = this.running.map(({ machine }) => machine.commands);
    for (const other of others) {
      if (JSON.stringify(other) !== JSON.stringify(first)) throw new Error("two members disagree");
    }
    return first ?? [];
  }

  async stop(): Promise<void> {
    for (const { id } of this.running) await this.shutDown(id);
  }
}
