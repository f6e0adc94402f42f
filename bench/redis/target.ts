/** Load on Redis, without a library in between: what is asked in one turn on a connection leaves in one write. */

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Job } from "../load/job.ts";
import type { Outcome, Target } from "../load/target.ts";
import { Replies, requestOf } from "./replies.ts";

interface Asked {
  readonly token: number;
  readonly outcome: Outcome;
}

class RedisConnection {
  readonly socket: Socket;
  /** Not answered yet, from `#next` on: answers come in the order of the requests. */
  #asked: Asked[] = [];
  #next = 0;
  #requests = "";

  constructor(socket: Socket) {
    this.socket = socket;
    const replies = new Replies((error) => this.#onReply(error));
    socket.on("data", (chunk: Buffer) => {
      replies.push(chunk);
      this.#asked = this.#asked.slice(this.#next);
      this.#next = 0;
    });
  }

  send(request: string, asked: Asked): void {
    this.#asked.push(asked);
    if (this.#requests === "") setImmediate(() => this.#flush());
    this.#requests += request;
  }

  #onReply(error: string | undefined): void {
    const asked = this.#asked[this.#next];
    if (asked === undefined) throw new Error("an answer to nothing");
    this.#next += 1;
    const { token, outcome } = asked;
    if (error === undefined) outcome.done(token);
    else outcome.failed(token, new Error(error));
  }

  #flush(): void {
    const requests = this.#requests;
    this.#requests = "";
    this.socket.write(requests);
  }
}

export class RedisTarget implements Target {
  readonly #port: number;
  #connections: RedisConnection[] = [];

  constructor(endpoint: string) {
    this.#port = Number(endpoint.split(":").at(-1));
  }

  async prepare({ connections }: Job): Promise<void> {
    for (const { socket } of this.#connections.splice(connections)) socket.destroy();
    while (this.#connections.length < connections) {
      const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
      await once(socket, "connect");
      this.#connections.push(new RedisConnection(socket));
    }
  }

  put(token: number, key: string, value: string, outcome: Outcome): void {
    this.#send(requestOf("SET", key, value), { token, outcome });
  }

  get(token: number, key: string, outcome: Outcome): void {
    this.#send(requestOf("GET", key), { token, outcome });
  }

  #send(request: string, asked: Asked): void {
    this.#connections[asked.token % this.#connections.length]?.send(request, asked);
  }
}
