/**
 * A peer connection after its handshake: messages in both directions, and a sign of life from each side, for a network
 * that fell silent is otherwise noticed only when the system gives up retransmitting, after many minutes.
 */

import type { NodeId } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { Clock, Timer } from "../node/clock.ts";
import { frameOf } from "./frame.ts";
import type { FrameSocket, FrameSocketLimits } from "./frame-socket.ts";
import { decodeMessage, encodeMessage, isBulk } from "./messages.ts";
import type { PeerIdentity, PeerMessage } from "./transport.ts";

/** So many intervals without a byte, and the connection is given up. */
const SILENT_INTERVALS = 3;

/** MessagePack's nil: no peer message begins so. */
const SIGN_OF_LIFE = Buffer.from([0xc0]);

export interface PeerLinkOptions {
  readonly self: NodeId;
  readonly peer: PeerIdentity;
  readonly clock: Clock;
  readonly keepAliveMs: number;
  /** The peer's are the same: a larger message is not sent, because it would cost the connection. */
  readonly limits: FrameSocketLimits;
  onMessage(message: PeerMessage): void;
  /** A message was too large and is lost. */
  onTooLarge(bytes: number): void;
  /** Called once. */
  onClose(error: Error | undefined): void;
}

export class PeerLink {
  readonly #socket: FrameSocket;
  readonly #options: PeerLinkOptions;
  #timer: Timer | undefined;
  #silentIntervals = 0;
  /** When the last interval ended. A large message may take longer than one to arrive. */
  #receivedBytes = 0;

  constructor(socket: FrameSocket, options: PeerLinkOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.limit(options.limits);
  }

  get peer(): PeerIdentity {
    return this.#options.peer;
  }

  /** From here on messages arrive. */
  open(): void {
    this.#watch();
    this.#socket.serve({
      onFrame: (frame) => this.#onFrame(frame),
      onClose: (error) => {
        this.#timer?.cancel();
        this.#options.onClose(error);
      },
    });
  }

  send(message: PeerMessage): void {
    const frame = frameOf(encodeMessage(message));
    if (frame.bytes > this.#options.limits.maxBodyBytes) {
      this.#options.onTooLarge(frame.bytes);
      return;
    }
    this.#socket.send(frame, isBulk(message) ? "bulk" : "urgent");
  }

  close(error?: Error): void {
    this.#socket.close(error);
  }

  #onFrame(frame: Uint8Array): void {
    if (SIGN_OF_LIFE.equals(frame)) return;
    const message = decodeMessage(frame);
    const { self, peer } = this.#options;
    if (message.from !== peer.nodeId || message.to !== self) {
      throw new RaftError(
        "RAFT_BAD_FRAME",
        `a message from ${message.from} to ${message.to} on the connection from ${peer.nodeId} to ${self}`,
      );
    }
    this.#options.onMessage(message);
  }

  #watch(): void {
    this.#timer = this.#options.clock.setTimer(this.#options.keepAliveMs, () => {
      const { receivedBytes } = this.#socket;
      if (receivedBytes > this.#receivedBytes) this.#silentIntervals = 0;
      this.#receivedBytes = receivedBytes;
      this.#silentIntervals += 1;
      if (this.#silentIntervals > SILENT_INTERVALS) {
        this.close(
          new RaftError(
            "RAFT_CONNECTION_LOST",
            `${this.peer.nodeId} has not been heard of for long`,
          ),
        );
        return;
      }
      this.#socket.send(frameOf([SIGN_OF_LIFE]));
      this.#watch();
    });
  }
}
