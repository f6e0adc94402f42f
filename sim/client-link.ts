/**
 * The connections of clients: frames as bytes, in order. A crash ends them; a cut leaves them hanging, half open, and
 * loses what is under way, so that it is for the client to find out.
 */

import { RaftError } from "../src/errors.ts";
import type { ClientLink, Connection, ConnectionHandler } from "../src/transport/transport.ts";
import type { SimNetwork } from "./network.ts";
import { Rng } from "./random.ts";
import { digestOf } from "./rolling-hash.ts";
import { KIND } from "./scheduler.ts";
import type { Actor } from "./scheduler.ts";

/** What clients can reach, and every connection that they have. */
export class ClientNetwork {
  readonly network: SimNetwork;
  readonly #cuts: number[];
  /** Of each node: its clients' frames do not arrive before this microsecond. */
  readonly #cloggedUntilUs: number[];
  readonly #actors: Actor[] = [];
  readonly #pipes = new Set<Pipe>();

  constructor(network: SimNetwork, nodes: number) {
    this.network = network;
    this.#cuts = Array.from({ length: nodes }, () => 0);
    this.#cloggedUntilUs = Array.from({ length: nodes }, () => 0);
  }

  isCut(node: number): boolean {
    return (this.#cuts[node] ?? 0) > 0;
  }

  cut(node: number): void {
    this.#cuts[node] = (this.#cuts[node] ?? 0) + 1;
    for (const pipe of this.#pipes) if (pipe.node === node) pipe.hang();
  }

  heal(node: number): void {
    this.#cuts[node] = Math.max(0, (this.#cuts[node] ?? 0) - 1);
  }

  clog(node: number, untilUs: number): void {
    this.#cloggedUntilUs[node] = Math.max(this.cloggedUntilUs(node), untilUs);
  }

  cloggedUntilUs(node: number): number {
    return this.#cloggedUntilUs[node] ?? 0;
  }

  /** Nothing of this client is run before `untilUs`. Whether there is one. */
  pause(client: number, untilUs: number): boolean {
    const actor = this.#actors[client];
    if (actor === undefined) return false;
    actor.gateUs = Math.max(actor.gateUs, untilUs);
    return true;
  }

  healAll(): void {
    this.#cuts.fill(0);
    this.#cloggedUntilUs.fill(0);
    for (const actor of this.#actors) actor.gateUs = 0;
    for (const pipe of this.#pipes) pipe.release();
  }

  /** Clients are numbered as they come. */
  addClient(actor: Actor): void {
    this.#actors.push(actor);
  }

  /** The process of this node is gone: its clients find their connections broken. */
  crash(node: number): void {
    for (const pipe of this.#pipes) if (pipe.node === node) pipe.break();
  }

  add(pipe: Pipe): void {
    this.#pipes.add(pipe);
  }

  remove(pipe: Pipe): void {
    this.#pipes.delete(pipe);
  }
}

export interface SimClientLinkOptions {
  readonly clients: ClientNetwork;
  /** The client. */
  readonly actor: Actor;
  readonly seed: number;
  /** The node behind an address; `undefined` where there is none. */
  readonly resolve: (address: string) => number | undefined;
}

export class SimClientLink implements ClientLink {
  readonly #options: SimClientLinkOptions;
  readonly #rng: Rng;
  readonly #open = new Set<Pipe>();
  #isClosed = false;

  constructor(options: SimClientLinkOptions) {
    this.#options = options;
    this.#rng = new Rng(options.seed, `client link ${options.actor.slot}`);
    options.clients.addClient(options.actor);
  }

  connect(address: string, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection> {
    const { clients, actor } = this.#options;
    const { scheduler } = clients.network;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        scheduler.wantDrain();
        reject(new RaftError("RAFT_ABORTED", `connecting to ${address} was given up`));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      scheduler.after(this.#delayUs(), KIND.clientFrame, actor, () => {
        scheduler.wantDrain();
        if (signal.aborted) return;
        const node = this.#options.resolve(address);
        // What is sent to a machine that is cut off is answered by nobody: the caller's patience ends it.
        if (node !== undefined && clients.isCut(node)) return;
        signal.removeEventListener("abort", onAbort);
        const connection = this.#connectTo(node, handler);
        if (connection === undefined) {
          reject(new RaftError("RAFT_CONNECTION_LOST", `cannot connect to ${address}`));
        } else {
          resolve(connection);
        }
      });
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const pipe of this.#open) pipe.client.close();
    return Promise.resolve();
  }

  #connectTo(node: number | undefined, handler: ConnectionHandler): Connection | undefined {
    const { clients, actor } = this.#options;
    const transport = node === undefined ? undefined : clients.network.at(node);
    if (transport === undefined || this.#isClosed) return undefined;

    const pipe = new Pipe(clients, actor, transport.actor, () => this.#delayUs());
    const server = transport.handler.onClient(pipe.member);
    if (server === undefined) return undefined;
    this.#open.add(pipe);
    pipe.member.serve(server);
    pipe.client.serve({
      onFrame: (frame) => handler.onFrame(frame),
      onDrained: () => handler.onDrained?.(),
      onClose: (error) => {
        this.#open.delete(pipe);
        handler.onClose(error);
      },
    });
    return pipe.client;
  }

  #delayUs(): number {
    const { minDelayUs, maxDelayUs } = this.#options.clients.network.model;
    return this.#rng.between(minDelayUs, maxDelayUs);
  }
}

class Pipe {
  readonly node: number;
  readonly client: PipeEnd;
  readonly member: PipeEnd;
  readonly #clients: ClientNetwork;
  #isHanging = false;

  constructor(clients: ClientNetwork, client: Actor, member: Actor, delayUs: () => number) {
    this.node = member.slot;
    this.#clients = clients;
    this.client = new PipeEnd(this, client, `n${member.slot + 1}`, delayUs);
    this.member = new PipeEnd(this, member, `client ${client.slot}`, delayUs);
    this.client.other = this.member;
    this.member.other = this.client;
    clients.add(this);
  }

  /** Whether nothing passes any more, though neither end knows. */
  get isHanging(): boolean {
    return this.#isHanging;
  }

  get network(): SimNetwork {
    return this.#clients.network;
  }

  get cloggedUntilUs(): number {
    return this.#clients.cloggedUntilUs(this.node);
  }

  release(): void {
    this.client.release();
    this.member.release();
  }

  hang(): void {
    this.#isHanging = true;
  }

  break(): void {
    this.#isHanging = true;
    this.#clients.remove(this);
    this.network.scheduler.wantDrain();
    this.client.finish(new RaftError("RAFT_CONNECTION_LOST", "the node is gone"));
  }

  settle(): void {
    if (this.client.isClosed && this.member.isClosed) this.#clients.remove(this);
  }
}

class PipeEnd implements Connection {
  readonly remote: string;
  other: PipeEnd | undefined;
  isClosed = false;
  bufferedBytes = 0;
  readonly #pipe: Pipe;
  readonly #actor: Actor;
  readonly #delayUs: () => number;
  #handler: ConnectionHandler | undefined;
  #lastArrivalUs = 0;
  /** What has come to where the connection is clogged, in order. */
  #held: (() => void)[] = [];

  constructor(pipe: Pipe, actor: Actor, remote: string, delayUs: () => number) {
    this.#pipe = pipe;
    this.#actor = actor;
    this.remote = remote;
    this.#delayUs = delayUs;
  }

  serve(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(frame: Uint8Array): void {
    if (this.isClosed || !this.#actor.isAlive) return;
    this.bufferedBytes += frame.length;
    const copy = Buffer.from(frame);
    this.#dispatch(digestOf(copy), () => {
      this.bufferedBytes -= copy.length;
      this.other?.receive(copy);
      if (this.bufferedBytes === 0 && !this.isClosed && this.#actor.isAlive)
        this.#handler?.onDrained?.();
    });
  }

  close(): void {
    if (this.isClosed || !this.#actor.isAlive) return;
    this.finish(undefined);
    this.#dispatch(0, () => this.other?.finish(undefined));
  }

  /** This end is closed, and its handler told. Idempotent. */
  finish(error: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#pipe.settle();
    if (this.#actor.isAlive) this.#handler?.onClose(error);
  }

  receive(frame: Uint8Array): void {
    if (this.isClosed) return;
    try {
      this.#handler?.onFrame(frame);
    } catch {
      // The contract: an exception closes the connection; the handler learns of it by `onClose`.
      this.close();
    }
  }

  #dispatch(digest: number, arrive: () => void): void {
    const { scheduler } = this.#pipe.network;
    const { nowUs } = scheduler;
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs + 1, nowUs + this.#delayUs());
    const to = this.other?.actor;
    scheduler.after(
      this.#lastArrivalUs - nowUs,
      KIND.clientFrame,
      to,
      () => {
        if (this.#pipe.isHanging) return;
        if (this.#held.length > 0 || this.#pipe.cloggedUntilUs > scheduler.nowUs) {
          return this.#hold(arrive);
        }
        this.#land(arrive);
      },
      digest,
    );
  }

  #hold(arrive: () => void): void {
    const { scheduler } = this.#pipe.network;
    this.#held.push(arrive);
    if (this.#held.length > 1) return;
    const waitUs = this.#pipe.cloggedUntilUs - scheduler.nowUs;
    scheduler.after(waitUs, KIND.clientFrame, this.other?.actor, () => this.release());
  }

  /** What was held up arrives. */
  release(): void {
    for (const arrive of this.#held.splice(0)) if (!this.#pipe.isHanging) this.#land(arrive);
  }

  #land(arrive: () => void): void {
    // Only the client waits with promises: the node takes its frames in at once.
    if (this === this.#pipe.member) this.#pipe.network.scheduler.wantDrain();
    arrive();
  }

  get actor(): Actor {
    return this.#actor;
  }
}
