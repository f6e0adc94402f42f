/** The `Connection` of the contract over a socket, the same on the client's side and on the member's. */

import { RaftError } from "../errors.ts";
import { frameOf } from "./frame.ts";
import type { FrameSocket } from "./frame-socket.ts";
import type { Connection } from "./transport.ts";

export class TcpConnection implements Connection {
  readonly #socket: FrameSocket;
  readonly #maxQueueBytes: number;

  /** Frames must all arrive, so a queue of more than `maxQueueBytes` ends the connection instead of losing some. */
  constructor(socket: FrameSocket, maxQueueBytes: number) {
    this.#socket = socket;
    this.#maxQueueBytes = maxQueueBytes;
  }

  get remote(): string {
    return this.#socket.remote;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(body: Uint8Array): void {
    const frame = frameOf([body]);
    if (this.bufferedBytes + frame.bytes > this.#maxQueueBytes) {
      this.#socket.close(
        new RaftError(
          "RAFT_CONNECTION_LOST",
          `${this.remote} leaves more than ${this.#maxQueueBytes} bytes unread`,
        ),
      );
      return;
    }
    this.#socket.send(frame);
  }

  close(): void {
    this.#socket.close();
  }
}
