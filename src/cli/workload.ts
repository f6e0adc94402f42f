/** Writes as fast as it can through clients of its own, keeps a ledger of the outcomes, and checks members against it. */

import { setTimeout as delay } from "node:timers/promises";
import type { LogIndex } from "../core/types.ts";
import { isRaftError, RaftError } from "../errors.ts";
import { KvClient } from "../kv/client.ts";
import { systemClock } from "../node/clock.ts";
import { TcpClientLink } from "../transport/tcp.ts";
import { Ledger, tokenText } from "./ledger.ts";
import type { WriteOutcome } from "./ledger.ts";

/** Then the next list begins: what an append answers holds the whole of it. */
const APPENDS_PER_LIST = 20;

const PAGE = 1000;

export interface WorkloadOptions {
  readonly endpoints: readonly string[];
  readonly writersPerClient: number;
  /** Decides what each writer writes. */
  readonly seed: number;
  /** One for each client: how long its writes may take with all their attempts. */
  readonly deadlinesMs: readonly number[];
}

export class Workload {
  readonly ledger: Ledger = new Ledger();
  readonly #options: WorkloadOptions;
  readonly #clients: readonly KvClient[];
  readonly #writers: Promise<void>[] = [];
  #stopping = false;
  #highestIndex: LogIndex = 0;
  #lastAcknowledgedAt = 0;
  #longestGapMs = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#clients = options.deadlinesMs.map((deadlineMs) => connect(options.endpoints, deadlineMs));
  }

  /** Begins to write. */
  start(): void {
    this.restartGap();
    const { writersPerClient } = this.#options;
    for (const [at, client] of this.#clients.entries()) {
      for (let writer = 0; writer < writersPerClient; writer += 1) {
        this.#writers.push(this.#write(client, at * writersPerClient + writer));
      }
    }
  }

  /** Lets every writer end the write it is at. Rejects with what a writer did not expect. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#writers);
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** Resolves when so many writes have been acknowledged; rejects with `RAFT_TIMEOUT`, or with a writer's failure. */
  async untilAcknowledged(total: number, timeoutMs: number): Promise<void> {
    const failed = Promise.all(this.#writers);
    const deadline = systemClock.now() + timeoutMs;
    while (this.ledger.count("acknowledged") < total) {
      await Promise.race([delay(5), failed]);
      if (systemClock.now() > deadline) {
        throw new RaftError(
          "RAFT_TIMEOUT",
          `${this.ledger.count("acknowledged")} and not ${total} writes within ${timeoutMs} ms`,
        );
      }
    }
  }

  /** The longest time without an acknowledgement since `restartGap`, the present one included. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, systemClock.now() - this.#lastAcknowledgedAt);
  }

  restartGap(): void {
    this.#longestGapMs = 0;
    this.#lastAcknowledgedAt = systemClock.now();
  }

  /**
   * All that the member at `endpoint` holds, by reads that it answers alone, once it has applied every acknowledged
   * write. Rejects with `RAFT_TIMEOUT` where it does not get there. Only after `stop`.
   */
  async stateAt(endpoint: string, timeoutMs: number): Promise<ReadonlyMap<string, string>> {
    const client = connect([endpoint], timeoutMs);
    try {
      await this.#untilApplied(client, this.#highestIndex, timeoutMs);
      return await readAll(client);
    } finally {
      await client.close();
    }
  }

  /** Resolves when the member at `endpoint` has applied what is acknowledged by now. */
  async caughtUp(endpoint: string, timeoutMs: number): Promise<void> {
    const client = connect([endpoint], timeoutMs);
    try {
      await this.#untilApplied(client, this.#highestIndex, timeoutMs);
    } finally {
      await client.close();
    }
  }

  async #untilApplied(client: KvClient, index: LogIndex, timeoutMs: number): Promise<void> {
    const deadline = systemClock.now() + timeoutMs;
    for (;;) {
      const { id, lastApplied } = await client.status();
      if (lastApplied >= index) return;
      if (systemClock.now() > deadline) {
        const text = `${id} has applied ${lastApplied} and not ${index} within ${timeoutMs} ms`;
        throw new RaftError("RAFT_TIMEOUT", text);
      }
      await delay(10);
    }
  }

  async #write(client: KvClient, writer: number): Promise<void> {
    const next = generator(this.#options.seed + writer);
    for (let number = 1; !this.#stopping; number += 1) {
      if (next() % 4 > 0) {
        const key = `${writer}/put/${number}`;
        const value = `value ${next()}`;
        const outcome = await this.#outcomeOf(client.put(key, value));
        this.ledger.put(key, value, outcome);
      } else {
        const key = `${writer}/list/${Math.floor(number / APPENDS_PER_LIST)}`;
        const outcome = await this.#outcomeOf(client.append(key, tokenText(number)));
        this.ledger.append(key, number, outcome);
      }
    }
  }

  async #outcomeOf(write: Promise<{ readonly index: LogIndex }>): Promise<WriteOutcome> {
    try {
      const { index } = await write;
      this.#highestIndex = Math.max(this.#highestIndex, index);
      const now = systemClock.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAcknowledgedAt);
      this.#lastAcknowledgedAt = now;
      return "acknowledged";
    } catch (error) {
      if (!isRaftError(error)) throw error;
      return error.outcome;
    }
  }
}

function connect(endpoints: readonly string[], deadlineMs: number): KvClient {
  return KvClient.connect({
    endpoints,
    link: new TcpClientLink({ clock: systemClock }),
    deadlineMs,
    // What is measured is the cluster's outage, not how long clients hold back after it.
    retryMaxMs: 50,
  });
}

async function readAll(client: KvClient): Promise<ReadonlyMap<string, string>> {
  const state = new Map<string, string>();
  for (let start = ""; ;) {
    const options = { consistency: "local" } as const;
    const { entries, more } = await client.range({ start, limit: PAGE }, options);
    for (const { key, value } of entries) state.set(key, String(value));
    const last = entries.at(-1);
    if (!more || last === undefined) return state;
    start = `${last.key}\0`;
  }
}

/** Numbers below 2^31, the same for the same seed: a linear congruence, which is enough to vary a load. */
function generator(seed: number): () => number {
  let state = BigInt(seed) * 2654435761n;
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 33n);
  };
}
