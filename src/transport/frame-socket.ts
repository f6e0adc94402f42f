/**
 * Frames over one socket: the only file that reads from and writes to sockets.
 *
 * All that is sent in one turn leaves in one write as the turn ends: before the event loop goes on, for each round of it
 * costs the latency of a call to the system. While that write has not left, what follows waits in the send
 * queue, where an urgent frame overtakes bulk data; so the system's own buffers are all that it may wait for.
 *
 * Incoming frames stay where they are until somebody asks: by `nextFrame` during the handshake, by `serve` afterwards.
 */

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { formatAddress } from "../address.ts";
import { messageOf, RaftError } from "../errors.ts";
import { systemClock } from "../node/clock.ts";
import { type Frame, FrameParser } from "./frame.ts";
import { SendQueue, type SendQueueLimits, type Urgency } from "./send-queue.ts";
import { provesName } from "./tls.ts";
import type { ConnectionHandler } from "./transport.ts";

/** Idle this long, the system probes whether the other side is still there. */
const KEEP_ALIVE_MS = 30_000;

/** What a frame of the handshake may take, and what may wait until it is over, in bytes. */
const MAX_HANDSHAKE_BYTES = 4096;

export interface FrameSocketLimits {
  /** Of incoming frames, header not counted. */
  readonly maxBodyBytes: number;
  readonly queue: SendQueueLimits;
}

interface Waiter {
  resolve(frame: Buffer): void;
  reject(error: Error): void;
}

export class FrameSocket {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #queue: SendQueue;
  #waiter: Waiter | undefined;
  #handler: ConnectionHandler | undefined;
  #flushScheduled = false;
  /** Bytes of the write under way. */
  #writing = 0;
  #ending = false;
  #closed: { readonly error: Error | undefined } | undefined;

  /** Takes over a connected socket. Until `limit` is called, the limits are those of a handshake. */
  constructor(socket: Socket) {
    this.remote = formatAddress({
      host: socket.remoteAddress ?? "unknown",
      port: socket.remotePort ?? 0,
    });
    this.#socket = socket;
    this.#parser = new FrameParser(MAX_HANDSHAKE_BYTES);
    this.#queue = new SendQueue({ maxBytes: 2 * MAX_HANDSHAKE_BYTES, maxFrames: 2 });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#finish(connectionLost(error)));
    socket.on("close", () => this.#finish(this.#parser.isMidFrame ? cutOff() : undefined));
  }

  /** The address without the port, for whoever counts by machine. */
  get remoteHost(): string {
    return this.#socket.remoteAddress ?? "unknown";
  }

  /** So far, whole frames or not. */
  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  get bufferedBytes(): number {
    return this.#queue.bytes + this.#writing;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Other limits, from the next frame on. */
  limit({ maxBodyBytes, queue }: FrameSocketLimits): void {
    this.#parser.limit(maxBodyBytes);
    this.#queue.limit(queue);
  }

  get isEncrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** Whether the other side may call itself `name`: always without TLS, else by its certificate. */
  proves(name: string): boolean {
    return provesName(this.#socket, name);
  }

  /** Never throws. The limits of the queue decide what is dropped. */
  send(frame: Frame, urgency: Urgency = "urgent"): void {
    if (this.#closed !== undefined || this.#ending) return;
    this.#queue.push(frame, urgency);
    this.#scheduleFlush();
  }

  /** The next frame, once; rejects when the connection ends first. Not for use after `serve`. */
  nextFrame(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed.error ?? connectionLost(undefined));
        return;
      }
      this.#waiter = { resolve, reject };
      this.#deliver();
    });
  }

  /** Hands all further frames, and the end, to `handler`. */
  serve(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#closed !== undefined) return handler.onClose(this.#closed.error);
    // What was sent before there was a handler may have left already.
    if (this.bufferedBytes === 0) handler.onDrained?.();
    this.#deliver();
  }

  /** Sends nothing more, closes once what was sent before has left. */
  end(): void {
    this.#ending = true;
    this.#scheduleFlush();
  }

  /**
   * At once and idempotent; the handler is told before this returns. What was sent just now still leaves, unless
   * something is wrong or the other side has not taken what was sent earlier: nothing is waited for.
   */
  close(error?: Error): void {
    if (error === undefined && this.#writing === 0) this.#flush();
    this.#finish(error);
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#writing > 0) return;
    this.#flushScheduled = true;
    systemClock.soon(this.#flushNow);
  }

  readonly #flushNow = (): void => {
    this.#flushScheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#closed !== undefined) return;
    const parts: Uint8Array[] = [];
    for (const frame of this.#queue.takeBatch()) parts.push(...frame.parts);
    const last = parts.pop();
    if (last === undefined) {
      if (this.#ending) this.#socket.destroySoon();
      return;
    }
    this.#writing = last.length;
    if (parts.length > 0) this.#socket.cork();
    for (const part of parts) {
      this.#writing += part.length;
      this.#socket.write(part);
    }
    // Parts leave in order, so the last one speaks for all. An error comes as an event, too.
    this.#socket.write(last, this.#onWritten);
    if (parts.length > 0) this.#socket.uncork();
  }

  readonly #onWritten = (): void => {
    this.#writing = 0;
    if (!this.#queue.isEmpty || this.#ending) this.#flush();
    else if (this.#closed === undefined) this.#handler?.onDrained?.();
  };

  #receive(chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    this.#parser.push(chunk);
    this.#deliver();
  }

  /** Gives out whole frames while somebody wants them; else stops reading, so that the other side has to wait. */
  #deliver(): void {
    try {
      while (this.#closed === undefined && (this.#waiter ?? this.#handler) !== undefined) {
        const frame = this.#parser.next();
        if (frame === undefined) {
          this.#socket.resume();
          return;
        }
        this.#give(frame);
      }
      this.#socket.pause();
    } catch (error) {
      this.#finish(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #give(frame: Buffer): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#handler?.onFrame(frame);
    else waiter.resolve(frame);
  }

  #finish(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#socket.destroy();
    this.#waiter?.reject(error ?? connectionLost(undefined));
    this.#waiter = undefined;
    this.#handler?.onClose(error);
  }
}

function cutOff(): RaftError {
  return new RaftError("RAFT_CONNECTION_LOST", "the connection ended in the middle of a frame");
}

function connectionLost(cause: Error | undefined): RaftError {
  return new RaftError(
    "RAFT_CONNECTION_LOST",
    `the connection was ${cause === undefined ? "closed by the other side" : `lost: ${cause.message}`}`,
    { cause },
  );
}
