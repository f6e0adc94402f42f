/** Load on the bare line over TCP: what is sent in one turn on a connection leaves in one frame. */

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
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
  readonly #port: number;
  #connections: BareConnection[] = [];

  constructor(endpoint: string) {
    this.#port = Number(endpoint.split(":").at(-1));
  }

  async prepare({ connections }: Job): Promise<void> {
    for (const { socket } of this.#connections.splice(connections)) socket.destroy();
    while (this.#connections.length < connections) {
      const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
      await once(socket, "connect");
      this.#connections.push(new BareConnection(socket));
    }
  }

  put(token: number, key: string, value: string, outcome: Outcome): void {
    this.#connections[token % this.#connections.length]?.send([token, key, value], outcome);
  }

  get(token: number, key: string, outcome: Outcome): void {
    this.#connections[token % this.#connections.length]?.send([token, key], outcome);
  }
}
