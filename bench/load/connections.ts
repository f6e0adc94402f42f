/** The connections of a load to a server on loopback, which its operations share. */

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Job } from "./job.ts";

export class Connections<Connection extends { readonly socket: Socket }> {
  readonly #port: number;
  readonly #speakOver: (socket: Socket) => Connection;
  readonly #list: Connection[] = [];

  constructor(endpoint: string, speakOver: (socket: Socket) => Connection) {
    this.#port = Number(endpoint.split(":").at(-1));
    this.#speakOver = speakOver;
  }

  /** As many as the job asks for: opens or closes some. */
  async prepare({ connections }: Job): Promise<void> {
    for (const { socket } of this.#list.splice(connections)) socket.destroy();
    while (this.#list.length < connections) {
      const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
      await once(socket, "connect");
      this.#list.push(this.#speakOver(socket));
    }
  }

  /** The same for each operation of a writer. */
  of(token: number): Connection | undefined {
    return this.#list[token % this.#list.length];
  }
}
