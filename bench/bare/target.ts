/** Load on the bare line over TCP: what is sent in one turn on a connection leaves in one frame. */

import type { Socket } from "node:net";
import { Connections } from "../load/connections.ts";
import type { Job } from "../load/job.ts";
import type { Outcome, Target } from "../load/target.ts";
import { onFrames, pack, unpack, writeFrame } from "./frames.ts";

class BareConnection {
  readonly socket: Socket;
  #outcome: Outcome | undefined;
  #requests: unknown[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    onFrames(socket, (body) => {
      for (const token of unpack(body) as number[]) this.#outcome?.done(token);
    });
  }

  send(request: readonly [token: number, ...rest: string[]], outcome: Outcome): void {
    this.#outcome = outcome;
    if (this.#requests.push(request) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const requests = this.#requests;
    this.#requests = [];
    writeFrame(this.socket, pack(requests));
  }
}

export class BareTarget implements Target {
  readonly #connections: Connections<BareConnection>;

  constructor(endpoint: string) {
    this.#connections = new Connections(endpoint, (socket) => new BareConnection(socket));
  }

  prepare(job: Job): Promise<void> {
    return this.#connections.prepare(job);
  }

  put(token: number, key: string, value: string, outcome: Outcome): void {
    this.#connections.of(token)?.send([token, key, value], outcome);
  }

  get(token: number, key: string, outcome: Outcome): void {
    this.#connections.of(token)?.send([token, key], outcome);
  }
}
