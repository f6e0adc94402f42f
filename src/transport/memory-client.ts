/** Client connections on the network in memory: frames as bytes, in order, until one side closes or the link breaks. */

import { RaftError } from "../errors.ts";
import type { MemoryNetwork } from "./memory.ts";
import type { ClientLink, Connection, ConnectionHandler } from "./transport.ts";

export interface MemoryPipeOptions {
  readonly client: string;
  readonly member: string;
  delayMs(from: string, to: string): number;
  now(): number;
  after(delayMs: number, callback: () => void): void;
  /** Called once, when neither side can send any more. */
  onClosed(): void;
}

/** A connection with its two ends. */
export class MemoryPipe {
  readonly client: string;
  readonly member: string;
  readonly clientEnd: MemoryConnection;
  readonly memberEnd: MemoryConnection;

  constructor(options: MemoryPipeOptions) {
    const { client, member } = options;
    this.client = client;
    this.member = member;
    const end = (own: string, other: string): MemoryConnection =>
      new MemoryConnection({
        remote: other,
        delayMs: () => options.delayMs(own, other),
        now: () => options.now(),
        after: (delayMs, callback) => options.after(delayMs, callback),
        onClosed: () => {
          if (this.clientEnd.isClosed && this.memberEnd.isClosed) options.onClosed();
        },
      });
    this.clientEnd = end(client, member);
    this.memberEnd = end(member, client);
    this.clientEnd.join(this.memberEnd);
    this.memberEnd.join(this.clientEnd);
  }

  joins(one: string, other: string): boolean {
    return (
      (this.client === one && this.member === other) ||
      (this.client === other && this.member === one)
    );
  }

  /** Both ends are lost with all that is under way; the end of `silent`, who is no more, is not told. */
  break(silent: string | undefined): void {
    const lost = new RaftError(
      "RAFT_CONNECTION_LOST",
      `the connection between ${this.client} and ${this.member} was lost`,
    );
    if (silent === this.member) this.memberEnd.abandon();
    else this.memberEnd.finish(lost);
    this.clientEnd.finish(lost);
  }
}

interface MemoryConnectionOptions {
  readonly remote: string;
  delayMs(): number;
  now(): number;
  after(delayMs: number, callback: () => void): void;
  onClosed(): void;
}

/** One end of a pipe. */
class MemoryConnection implements Connection {
  readonly remote: string;
  readonly #options: MemoryConnectionOptions;
  #other: MemoryConnection | undefined;
  #handler: ConnectionHandler | undefined;
  /** What is under way to the other end; `undefined` is the end of it all. */
  readonly #underWay: (Uint8Array | undefined)[] = [];
  #bufferedBytes = 0;
  /** Nothing arrives before what was sent earlier. */
  #lastArrival = 0;
  #closed: { readonly error: Error | undefined } | undefined;

  constructor(options: MemoryConnectionOptions) {
    this.#options = options;
    this.remote = options.remote;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  join(other: MemoryConnection): void {
    this.#other = other;
  }

  serve(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#closed !== undefined) handler.onClose(this.#closed.error);
  }

  send(frame: Uint8Array): void {
    if (this.#closed !== undefined) return;
    this.#bufferedBytes += frame.length;
    this.#dispatch(Buffer.from(frame));
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.finish(undefined);
    this.#dispatch(undefined);
  }

  /** This end is closed, and its handler told. Idempotent. */
  finish(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#options.onClosed();
    this.#handler?.onClose(error);
  }

  /** This end is closed and nobody is there to be told. */
  abandon(): void {
    this.#handler = undefined;
    this.#closed ??= { error: undefined };
    this.#options.onClosed();
  }

  #dispatch(item: Uint8Array | undefined): void {
    const now = this.#options.now();
    this.#lastArrival = Math.max(this.#lastArrival, now + this.#options.delayMs());
    this.#underWay.push(item);
    // Whichever callback comes first takes what was sent first.
    this.#options.after(this.#lastArrival - now, () => this.#arrive());
  }

  #arrive(): void {
    const item = this.#underWay.shift();
    if (item === undefined) return this.#other?.finish(undefined);
    this.#bufferedBytes -= item.length;
    this.#other?.receive(item);
    if (this.#bufferedBytes === 0 && this.#closed === undefined) this.#handler?.onDrained?.();
  }

  receive(frame: Uint8Array): void {
    if (this.#closed !== undefined) return;
    try {
      this.#handler?.onFrame(frame);
    } catch {
      // The contract: an exception closes the connection; the handler learns of it by `onClose`.
      this.close();
    }
  }
}

/** How a client reaches the members on a `MemoryNetwork`; made by `MemoryNetwork.clientLink`. */
export class MemoryClientLink implements ClientLink {
  readonly #network: MemoryNetwork;
  readonly #name: string;
  readonly #connections = new Set<Connection>();
  #closed = false;

  constructor(network: MemoryNetwork, name: string) {
    this.#network = network;
    this.#name = name;
  }

  /** As `ClientLink.connect`; `signal` may be left out. */
  connect(
    address: string,
    handler: ConnectionHandler,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void =>
        reject(
          new RaftError("RAFT_ABORTED", `connecting to ${address} was given up`, {
            cause: signal.reason,
          }),
        );
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#network.after(0, () => {
        signal.removeEventListener("abort", onAbort);
        if (signal.aborted) return;
        try {
          resolve(this.#connect(address, handler));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
    return Promise.resolve();
  }

  #connect(address: string, handler: ConnectionHandler): Connection {
    if (this.#closed) throw new RaftError("RAFT_STOPPED", "the client link is closed");
    const transport = this.#network.reach(this.#name, address);
    if (transport === undefined) {
      throw new RaftError("RAFT_CONNECTION_LOST", `cannot connect to ${address}`);
    }
    const { clientEnd, memberEnd } = this.#network.pipe(this.#name, transport.identity.nodeId);
    const server = transport.handler.onClient(memberEnd);
    if (server === undefined) {
      memberEnd.close();
      throw new RaftError("RAFT_HANDSHAKE_REFUSED", `no clients are served at ${address}`);
    }
    this.#connections.add(clientEnd);
    memberEnd.serve(server);
    clientEnd.serve({
      onFrame: (frame) => handler.onFrame(frame),
      onDrained: () => handler.onDrained?.(),
      onClose: (error) => {
        this.#connections.delete(clientEnd);
        handler.onClose(error);
      },
    });
    return clientEnd;
  }
}
