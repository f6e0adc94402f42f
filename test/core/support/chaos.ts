/**
 * A random run of a cluster: messages are lost, doubled and reordered, disks take their time, processes die and come
 * back with what was durable, snapshots are taken and sent. The same seed gives the same run.
 */

import type { Message } from "../../../src/core/message.ts";
import type { RaftOptions } from "../../../src/core/options.ts";
import { seededRandom } from "../../support/random.ts";
import { must } from "../../../sim/explore/disk.ts";
import { Ghost } from "./ghost.ts";
import { ELECTION_MS, Server } from "./server.ts";
import type { SnapshotStore } from "./server.ts";

interface Flight {
  readonly message: Message;
  /** A snapshot that is on its way is answered to its sender when it has arrived, or has not. */
  readonly snapshotOf?: Server;
}

export class Chaos {
  readonly servers: Server[];
  readonly ghost: Ghost;
  /** What happened, for whoever looks into a failure. */
  readonly story: string[] = [];
  readonly #random: () => number;
  readonly #lossRate: number;
  readonly #crashRate: number;
  /** How often a server's patience ends at once. */
  readonly #unrest: number;
  #inFlight: Flight[] = [];
  #cut = new Set<string>();
  #commands = 0;
  #readBatch = 0;
  /** What was committed when a read came in. */
  readonly #readFloor = new Map<number, number>();
  readonly #tell: boolean;

  constructor(seed: number, tell = false) {
    this.#random = seededRandom(seed);
    this.#tell = tell;
    const ids = this.#pick(["abc", "abc", "abcd", "abcde"]);
    const options = this.#swarm();
    this.#lossRate = this.#pick([0, 0.05, 0.3]);
    this.#crashRate = this.#pick([0, 0.005, 0.02]);
    this.#unrest = this.#pick([0.01, 0.05, 0.2]);
    const snapshots: SnapshotStore = new Map();
    this.servers = ids
      .split("")
      .map(
        (id, at) =>
          new Server({ id, voters: ids, snapshots, options: { ...options, seed: seed * 8 + at } }),
      );
    this.ghost = new Ghost(this.servers);
    for (const server of this.servers) {
      if (this.#chance(0.8)) server.hold("writes");
      if (this.#chance(0.5)) server.hold("applies");
      if (this.#chance(0.5)) server.hold("reads");
    }
  }

  run(steps: number): this {
    for (let step = 0; step < steps; step += 1) this.#act();
    return this;
  }

  /** All faults end: a leader is found, everybody gets everything (the liveness half). */
  recover(): this {
    this.#cut = new Set();
    for (const server of this.servers) {
      server.held.clear();
      server.turn();
      this.#after(server);
    }
    const command = "the last one";
    let proposed = false;
    for (let passed = 0; passed < 200 * ELECTION_MS; passed += 1) {
      for (const server of this.servers) this.#after(server.advance(1));
      this.#deliverAll();
      const leader = this.#leader();
      if (leader !== undefined && !proposed) {
        this.#after(leader.propose(command));
        proposed = leader.proposed.at(-1)?.accepted === 1;
      }
      if (proposed && this.servers.every((each) => each.applied.at(-1)?.command === command))
        return this;
      if (proposed && leader?.applied.at(-1)?.command === "") proposed = false;
    }
    throw new Error("no progress although everything works");
  }

  #act(): void {
    const roll = this.#random();
    const server = this.#pick(this.servers);
    if (roll < 0.5) for (let count = 0; count < 4; count += 1) this.#deliver();
    else if (roll < 0.6) this.#pass(server);
    else if (roll < 0.78) this.#finish(server);
    else if (roll < 0.87) this.#propose();
    else if (roll < 0.9) this.#read();
    else if (roll < 0.92) this.#snapshot(server);
    else if (roll < 0.923) this.#transfer(server);
    else if (roll < 0.928) this.#partition();
    else if (roll < 0.95) this.#pause(server);
    else if (roll < 0.95 + this.#crashRate) this.#crash(server);
  }

  #deliver(): void {
    if (this.#inFlight.length === 0) return;
    // Mostly in order, at times not at all.
    const reorder = this.#chance(0.3);
    const at = reorder ? Math.floor(this.#random() * this.#inFlight.length) : 0;
    const flight = this.#inFlight[at];
    if (flight === undefined) return;
    if (!this.#chance(0.05)) this.#inFlight.splice(at, 1);
    this.#arrive(flight, this.#chance(this.#lossRate));
  }

  #deliverAll(): void {
    for (let count = 0; this.#inFlight.length > 0; count += 1) {
      must(count < 20_000, "a network comes to rest (live-lock?)");
      const flight = this.#inFlight.shift();
      if (flight !== undefined) this.#arrive(flight, false);
    }
  }

  #arrive({ message, snapshotOf }: Flight, lost: boolean): void {
    const delivered = !lost && !this.#cut.has(message.from) && !this.#cut.has(message.to);
    if (snapshotOf !== undefined && message.type === "InstallSnapshot") {
      const { id } = message.snapshot;
      snapshotOf.step({ type: "snapshotSent", peer: message.to, id, delivered });
      this.#after(snapshotOf);
    }
    if (!delivered) return;
    const target = this.servers.find(({ id }) => id === message.to);
    must(target !== undefined, "messages go to members");
    this.#say(() => `${message.to} <- ${JSON.stringify(message)}`);
    this.#after(target.receive(message));
  }

  #pass(server: Server): void {
    server.now += this.#chance(this.#unrest) ? 2 * ELECTION_MS : Math.floor(this.#random() * 8);
    this.#say(() => `${server.id} tick ${server.now}`);
    this.#after(server.step({ type: "tick" }));
  }

  #finish(server: Server): void {
    if (server.writes.length > 0 && this.#chance(0.7)) server.finishWrite();
    if (server.applyTask !== undefined && this.#chance(0.5)) server.finishApply();
    if (server.readRequests.length > 0 && this.#chance(0.5)) server.finishRead();
    if (server.held.has("turns") && this.#chance(0.5)) server.release("turns");
    this.#say(() => `${server.id} finished, durable ${server.state.durability.durable}`);
    this.#after(server);
  }

  #propose(): void {
    const server = this.#leader() ?? this.#pick(this.servers);
    this.#commands += 1;
    const size = this.#pick([1, 1, 3]);
    const texts = Array.from({ length: size }, (_, at) => `${this.#commands}.${at}`);
    this.#say(() => `${server.id} propose ${texts.join()}`);
    this.#after(server.propose(...texts));
  }

  #read(): void {
    const server = this.#pick(this.servers.filter(({ role }) => role === "leader"));
    if (server === undefined) return;
    this.#readBatch += 1;
    this.#readFloor.set(this.#readBatch, this.ghost.commitIndex);
    this.#after(server.read(this.#readBatch));
  }

  #snapshot(server: Server): void {
    const { lastApplied, snapshot } = server.state;
    if (lastApplied <= snapshot.lastIncluded.index) return;
    // A snapshot is captured between applies; a task that is under way has not changed anything yet.
    const kept = this.#pick([0, 2, 1000]);
    this.#say(() => `${server.id} snapshot ${lastApplied}`);
    this.#after(server.snapshot(Math.max(0, lastApplied - kept)));
  }

  #transfer(server: Server): void {
    this.#after(server.step({ type: "transfer", target: this.#pick(this.servers).id }));
  }

  #partition(): void {
    this.#cut = new Set(this.servers.filter(() => this.#chance(0.2)).map(({ id }) => id));
  }

  /** A server takes inputs without a turn for a while. */
  #pause(server: Server): void {
    if (server.held.has("turns")) server.release("turns");
    else server.hold("turns");
    this.#after(server);
  }

  #crash(server: Server): void {
    const survivors = Math.floor(this.#random() * (server.writes.length + 1));
    server.held.delete("turns");
    this.#say(() => `${server.id} crash, ${survivors} writes survive`);
    this.#after(server.restart(survivors));
  }

  #after(server: Server): void {
    this.ghost.afterStep(server);
    for (const message of server.sent()) {
      this.ghost.onMessage(server, message);
      this.#inFlight.push({ message });
    }
    for (const { peer, term, snapshot } of server.sendSnapshots.splice(0)) {
      const message: Message = {
        type: "InstallSnapshot",
        from: server.id,
        to: peer,
        term,
        snapshot,
      };
      this.#inFlight.push({ message, snapshotOf: server });
    }
    for (const { batch, index } of server.reads.splice(0)) {
      const floor = this.#readFloor.get(batch) ?? 0;
      must(index === undefined || index >= floor, "a read sees what was committed before it");
    }
    // As a network would: what is too much is lost.
    if (this.#inFlight.length > 200) this.#inFlight.splice(0, 50);
  }

  #leader(): Server | undefined {
    return this.servers
      .filter(({ role }) => role === "leader")
      .toSorted((a, b) => b.state.currentTerm - a.state.currentTerm)[0];
  }

  #swarm(): Partial<RaftOptions> {
    return {
      preVote: this.#chance(0.5),
      checkQuorum: this.#chance(0.5),
      maxAppendBytes: this.#pick([1, 150, 100_000]),
      maxInflightAppends: this.#pick([1, 2, 100]),
      maxInflightBytes: this.#pick([1, 300, 100_000]),
      maxUncommittedBytes: this.#pick([1, 1000, 100_000]),
      maxTailBytes: this.#pick([1, 300, 100_000]),
      maxApplyBytes: this.#pick([1, 150, 100_000]),
      maxPendingReads: this.#pick([1, 100]),
      maxWritesInFlight: this.#pick([1, 1, 2, 4]),
    };
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)] as T;
  }

  #say(line: () => string): void {
    if (this.#tell) this.story.push(line());
  }
}
