/** Load on Redis, without a library in between: what is asked in one turn on a connection leaves in one write. */

import type { Socket } from "node:net";
import { Connections } from "../load/connections.ts";
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
  readonly #connections: Connections<RedisConnection>;

  constructor(endpoint: string) {
    this.#connections = new Connections(endpoint, (socket) => new RedisConnection(socket));
  }

  prepare(job: Job): Promise<void> {
    return this.#connections.prepare(job);
  }

  put(token: number, key: string, value: string, outcome: Outcome): void {
    this.#send(requestOf("SET", key, value), { token, outcome });
  }

  get(token: number, key: string, outcome: Outcome): void {
    this.#send(requestOf("GET", key), { token, outcome });
  }

  #send(request: string, asked: Asked): void {
    this.#connections.of(asked.token)?.send(request, asked);
  }
}
