/** Load on a cluster of key-value stores, through `KvClient` over TCP: one client a connection. */

import { KvClient } from "../../src/kv/client.ts";
import { TcpClientLink } from "../../src/transport/tcp.ts";
import type { Job } from "../load/job.ts";
import type { Outcome, Target } from "../load/target.ts";

export class QuorateTarget implements Target {
  readonly #endpoints: readonly string[];
  #clients: KvClient[] = [];

  constructor(endpoints: readonly string[]) {
    this.#endpoints = endpoints;
  }

  async prepare({ connections }: Job): Promise<void> {
    const gone = this.#clients.splice(connections);
    while (this.#clients.length < connections) {
      this.#clients.push(
        KvClient.connect({ endpoints: this.#endpoints, link: new TcpClientLink() }),
      );
    }
    await Promise.all(gone.map((client) => client.close()));
    await Promise.all(this.#clients.map((client) => client.waitForLeader()));
  }

  put(token: number, key: string, value: string, outcome: Outcome): void {
    settle(this.#client(token).put(key, value), token, outcome);
  }

  get(token: number, key: string, outcome: Outcome): void {
    settle(this.#client(token).get(key), token, outcome);
  }

  #client(token: number): KvClient {
    const client = this.#clients[token % this.#clients.length];
    if (client === undefined) throw new Error("there is no connection");
    return client;
  }
}

function settle(call: Promise<unknown>, token: number, outcome: Outcome): void {
  call.then(
    () => outcome.done(token),
    (error: unknown) => outcome.failed(token, error),
  );
}
