/**
 * A random life of a cluster: clients at every member, a network that loses, repeats, delays and reorders, links that
 * break one way or both, members that crash to their last sync and come back. What must hold is checked as it goes and
 * once more when the storm is over.
 */

import { isRaftError } from "../../../src/errors.ts";
import { Cluster } from "../../support/cluster.ts";
import type { JournalNode, JournalOptions, Server } from "../../support/cluster.ts";
import { Journal } from "../../support/journal.ts";
import { seededRandom } from "../../support/random.ts";

export interface Weather {
  readonly size: number;
  readonly node: JournalOptions;
  readonly applyMs: number;
  readonly ballastBytes: number;
  readonly diskMs: number;
  readonly steps: number;
  /** All members crash at once, now and then. */
  readonly blackouts: boolean;
}

type Fate =
  | { readonly type: "pending" | "rejected" | "unknown" }
  | { readonly type: "applied"; readonly index: number; readonly position: number };

/** How a history ended, to see that it was not an idle one. */
export interface Tally {
  readonly applied: number;
  readonly rejected: number;
  readonly unknown: number;
  readonly reads: number;
  readonly leaders: number;
  readonly restored: number;
}

/** A weather for every seed: tiny limits, all options, one to five members. */
export function weatherOf(seed: number): Weather {
  const random = seededRandom(seed * 7919);
  const oneOf = <Value>(values: readonly Value[]): Value => {
    const value = values[Math.floor(random() * values.length)];
    if (value === undefined) throw new Error("there is something to choose from");
    return value;
  };
  const snapshot = oneOf([
    { everyEntries: 3, keepEntries: 1 },
    { everyEntries: 10, keepEntries: 4, keepBytes: 100 },
    { everyBytes: 150, keepEntries: 3 },
    {},
  ]);
  return {
    size: oneOf([1, 2, 3, 3, 3, 5]),
    node: {
      electionTimeoutMs: 150,
      heartbeatIntervalMs: 30,
      preVote: random() < 0.7,
      checkQuorum: random() < 0.7,
      maxAppendBytes: oneOf([1, 150, 100_000]),
      maxInflightAppends: oneOf([1, 2, 128]),
      maxTailBytes: oneOf([1, 200, 1_000_000]),
      maxApplyBytes: oneOf([1, 200, 1_000_000]),
      maxUncommittedBytes: oneOf([300, 1_000_000]),
      maxWritesInFlight: oneOf([1, 3]),
      snapshot,
    },
    applyMs: oneOf([0, 0, 3]),
    ballastBytes: oneOf([0, 0, 0, 300_000]),
    diskMs: oneOf([0, 5, 40]),
    steps: 160,
    blackouts: random() < 0.3,
  };
}

export async function live(seed: number, weather: Weather): Promise<Tally> {
  const storm = new Storm(seed, weather);
  await storm.begin();
  for (let step = 0; step < weather.steps; step += 1) await storm.step();
  return storm.end();
}

class Storm {
  readonly #weather: Weather;
  readonly #random: () => number;
  readonly #cluster: Cluster;
  readonly #fates = new Map<string, Fate>();
  readonly #acknowledged: string[] = [];
  /** What was applied at each index, by whoever was first. */
  readonly #history = new Map<number, string>();
  readonly #leaders = new Map<number, string>();
  readonly #aborts: AbortController[] = [];
  #calm = false;
  #reads = 0;
  #restored = 0;
  #failure: Error | undefined;

  constructor(seed: number, weather: Weather) {
    this.#weather = weather;
    this.#random = seededRandom(seed);
    const { applyMs, ballastBytes, diskMs } = weather;
    this.#cluster = Cluster.prepare({
      size: weather.size,
      seed,
      node: weather.node,
      diskMs: (random) => Math.floor(random() * random() * diskMs),
      machine: (_, clock) =>
        new Journal({
          clock,
          applyMs,
          ballastBytes,
          onApplied: (index, command) => this.#onApplied(index, command),
        }),
      policy: () => this.#delays(),
    });
  }

  async begin(): Promise<void> {
    for (const id of this.#cluster.ids) await this.#boot(id);
  }

  async step(): Promise<void> {
    this.#load();
    await this.#harm();
    await this.#cluster.clock.advance(this.#below(30));
    for (const { node } of this.#cluster.running) {
      if (node.failure !== undefined) throw node.failure;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The storm is over: everybody is back, everything that waits is answered, and the books are checked. */
  async end(): Promise<Tally> {
    const cluster = this.#cluster;
    this.#calm = true;
    cluster.network.healAll();
    for (const id of cluster.ids) if (!cluster.server(id).isUp) await this.#boot(id);
    const isAnswered = (): boolean =>
      [...this.#fates.values()].every((fate) => fate.type !== "pending");
    await cluster.clock.until(isAnswered);
    const leader = await cluster.leader();
    await cluster.clock.settle(this.#propose(leader, "the end"));
    const journal = await cluster.agreement();
    this.#audit(journal);
    for (const { machine } of cluster.running) this.#restored += machine.restored;
    await cluster.stop();
    if (this.#failure !== undefined) throw this.#failure;
    const count = (type: Fate["type"]): number =>
      [...this.#fates.values()].filter((fate) => fate.type === type).length;
    return {
      applied: count("applied"),
      rejected: count("rejected"),
      unknown: count("unknown"),
      reads: this.#reads,
      leaders: this.#leaders.size,
      restored: this.#restored,
    };
  }

  #audit(journal: readonly string[]): void {
    const commands = journal.map((line) => line.slice(line.indexOf(":") + 1));
    if (new Set(commands).size !== commands.length) throw new Error("a command was applied twice");
    const position = new Map(journal.map((line, at) => [line, at + 1]));
    const present = new Set(commands);
    for (const [command, fate] of this.#fates) {
      if (fate.type === "rejected" && present.has(command))
        throw new Error(`${command} was rejected, and is there`);
      if (fate.type !== "applied") continue;
      const at = position.get(`${fate.index}:${command}`);
      if (at === undefined) throw new Error(`${command} was acknowledged, and is lost`);
      if (at !== fate.position) throw new Error(`${command} had another result than others saw`);
    }
  }

  #load(): void {
    for (const { node } of this.#cluster.running) {
      for (let count = this.#below(4); count > 0; count -= 1) {
        const command = `c${this.#fates.size}`;
        this.#keep(this.#propose(node, command));
      }
      if (this.#random() < 0.3) this.#keep(this.#read(node));
    }
    while (this.#aborts.length > 3) this.#aborts.shift()?.abort();
  }

  async #propose(node: JournalNode, command: string): Promise<void> {
    this.#fates.set(command, { type: "pending" });
    let signal: AbortSignal | undefined;
    if (this.#random() < 0.2) {
      const controller = new AbortController();
      this.#aborts.push(controller);
      signal = controller.signal;
    }
    try {
      const { index, result } = await node.propose(Buffer.from(command), { signal });
      this.#settle(command, { type: "applied", index, position: result });
      this.#acknowledged.push(`${index}:${command}`);
    } catch (error) {
      if (!isRaftError(error)) throw error;
      this.#settle(command, { type: error.outcome });
    }
  }

  async #read(node: JournalNode): Promise<void> {
    const known = [...this.#acknowledged];
    try {
      const { answer } = await node.read(undefined);
      const seen = new Set(answer);
      for (const line of known) if (!seen.has(line)) throw new Error(`a read has missed ${line}`);
      this.#reads += 1;
    } catch (error) {
      if (!isRaftError(error)) throw error;
      if (error.code === "RAFT_QUERY_FAILED") throw error;
    }
  }

  #settle(command: string, fate: Fate): void {
    if (this.#fates.get(command)?.type !== "pending")
      throw new Error(`${command} was answered twice`);
    this.#fates.set(command, fate);
  }

  #keep(task: Promise<void>): void {
    task.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
  }

  #onApplied(index: number, command: string): void {
    const former = this.#history.get(index);
    if (former === undefined) this.#history.set(index, command);
    else if (former !== command)
      this.#failure ??= new Error(`${former} and ${command} were both applied at ${index}`);
  }

  async #harm(): Promise<void> {
    const { network, ids } = this.#cluster;
    const [one, other] = [this.#anyone(ids), this.#anyone(ids)];
    const dice = this.#random();
    if (dice < 0.05) network.cut(one, other);
    else if (dice < 0.08) this.#cluster.cutOff(one);
    else if (dice < 0.16) network.healAll();
    else if (dice < 0.2) this.#crash(one);
    else if (dice < 0.205 && this.#weather.blackouts) for (const id of ids) this.#crash(id);
    else if (dice < 0.3) await this.#revive(one);
    else if (dice < 0.31) this.#cluster.clock.leap(this.#below(3_600_000));
    else if (dice < 0.33) this.#transfer(one, other);
  }

  #crash(id: string): void {
    if (this.#cluster.server(id).isUp) this.#cluster.crash(id);
  }

  async #revive(id: string): Promise<void> {
    if (!this.#cluster.server(id).isUp) await this.#boot(id);
  }

  #transfer(from: string, to: string): void {
    const { node, isUp } = this.#cluster.server(from);
    if (!isUp) return;
    this.#keep(
      node.transferLeadership(to).catch((error: unknown) => {
        if (!isRaftError(error)) throw error;
      }),
    );
  }

  async #boot(id: string): Promise<void> {
    const old: Server | undefined = this.#cluster.servers.get(id);
    this.#restored += old?.machine.restored ?? 0;
    const { node } = await this.#cluster.boot(id);
    node.on("role", ({ role, term }) => {
      if (role !== "leader") return;
      const known = this.#leaders.get(term) ?? id;
      if (known !== id) this.#failure ??= new Error(`${known} and ${id} both lead in ${term}`);
      this.#leaders.set(term, id);
    });
  }

  #delays(): readonly number[] {
    if (this.#calm) return [0];
    const dice = this.#random();
    if (dice < 0.05) return [];
    if (dice < 0.1) return [0, this.#below(60)];
    if (dice < 0.6) return [0];
    return [this.#below(12)];
  }

  #anyone(ids: readonly string[]): string {
    return ids[this.#below(ids.length)] ?? "";
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
