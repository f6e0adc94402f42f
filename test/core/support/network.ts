/** A cluster of cores with a network that does as it is told: it delivers, drops and keeps back, never by itself. */

import type { Message } from "../../../src/core/message.ts";
import type { RaftOptions } from "../../../src/core/options.ts";
import { must } from "../../../sim/explore/disk.ts";
import { Server } from "./server.ts";
import type { Setup, SnapshotStore } from "./server.ts";

export interface NetworkSetup {
  /** A letter each; `abc` unless told otherwise. */
  readonly voters?: string;
  readonly learners?: string;
  readonly options?: Partial<RaftOptions>;
  /** What differs from server to server. */
  readonly servers?: Readonly<Record<string, Setup>>;
}

const MAX_STEPS = 100_000;

export class Network {
  readonly servers = new Map<string, Server>();
  readonly snapshots: SnapshotStore = new Map();
  /** Said and not delivered. */
  inFlight: Message[] = [];
  /** Messages that this is true of are lost. */
  drops: (message: Message) => boolean = () => false;
  readonly #cut = new Set<string>();

  constructor(setup: NetworkSetup = {}) {
    const { voters = "abc", learners = "", options, servers = {} } = setup;
    for (const id of voters + learners) {
      const own = servers[id] ?? {};
      const server = new Server({
        id,
        voters,
        learners,
        snapshots: this.snapshots,
        ...own,
        options: { ...options, ...own.options },
      });
      this.servers.set(id, server);
    }
  }

  server(id: string): Server {
    const server = this.servers.get(id);
    must(server !== undefined, `there is a server ${id}`);
    return server;
  }

  all(): Server[] {
    return [...this.servers.values()];
  }

  /** Nobody hears from `id`, and it hears from nobody. */
  isolate(...ids: string[]): this {
    for (const id of ids) this.#cut.add(id);
    return this;
  }

  heal(): this {
    this.#cut.clear();
    this.drops = () => false;
    return this;
  }

  /** Takes what the servers have said; what is lost is lost here. */
  collect(): this {
    for (const server of this.all()) {
      for (const message of server.sent()) if (!this.#isLost(message)) this.inFlight.push(message);
      this.#sendSnapshots(server);
    }
    return this;
  }

  /** Delivers everything, also what is said in answer, until all is quiet. */
  settle(): this {
    this.collect();
    for (let count = 0; this.inFlight.length > 0; count += 1) {
      must(count < MAX_STEPS, "a network comes to rest (live-lock?)");
      const message = this.inFlight.shift();
      if (message !== undefined && !this.#isLost(message)) this.server(message.to).receive(message);
      this.collect();
    }
    return this;
  }

  /** Time passes for everybody at once, a millisecond a step, with messages delivered in between. */
  advance(ms: number): this {
    for (let passed = 0; passed < ms; passed += 1) {
      for (const server of this.all()) server.advance(1);
      this.settle();
    }
    return this;
  }

  /** `id` calls an election and wins it, as soon as those that hear it let it. */
  elect(id: string): this {
    const server = this.server(id);
    for (let attempt = 0; attempt < 20 && server.role !== "leader"; attempt += 1) {
      for (const other of this.all())
        if (other !== server) other.now += 10 * other.options.electionTimeoutMs;
      server.timeOut();
      this.settle();
    }
    must(server.role === "leader", `${id} wins an election`);
    return this.beat(id);
  }

  /** One round of heartbeats of a leader. */
  beat(id: string): this {
    const server = this.server(id);
    server.now += server.options.heartbeatIntervalMs;
    server.step({ type: "tick" });
    return this.settle();
  }

  #isLost(message: Message): boolean {
    return this.#cut.has(message.from) || this.#cut.has(message.to) || this.drops(message);
  }

  /** The chunks of a snapshot travel at once, or not at all. */
  #sendSnapshots(server: Server): void {
    const requests = server.sendSnapshots;
    server.sendSnapshots = [];
    for (const { peer, term, snapshot } of requests) {
      const message: Message = {
        type: "InstallSnapshot",
        from: server.id,
        to: peer,
        term,
        snapshot,
      };
      const delivered = !this.#isLost(message);
      if (delivered) this.inFlight.push(message);
      server.step({ type: "snapshotSent", peer, id: snapshot.id, delivered });
    }
  }
}
