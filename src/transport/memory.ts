/**
 * A network in memory, for tests and simulation. It has no timers and no randomness of its own: whoever makes it gives
 * a clock, and may decide the fate of every message.
 *
 * What it keeps of a real one: messages travel as bytes, so nothing is shared between sender and receiver; members
 * are admitted before they are heard; a message reaches a member only where one of the two knows the other; a member
 * that comes back at its address is another process. What it is worse in: a message may reach the successor of the
 * process that it was sent to.
 */

import type { Member, NodeId } from "../core/types.ts";
import { messageOf, RaftError } from "../errors.ts";
import { systemClock } from "../node/clock.ts";
import type { Clock } from "../node/clock.ts";
import { silentLogger } from "../node/logger.ts";
import type { Logger } from "../node/logger.ts";
import { LogOnce } from "./log-once.ts";
import { MemoryClientLink, MemoryPipe } from "./memory-client.ts";
import { decodeMessage, encodeMessage } from "./messages.ts";
import type {
  PeerMessage,
  PeerRefusal,
  Transport,
  TransportHandler,
  TransportIdentity,
} from "./transport.ts";

/** The delays in milliseconds after which copies of the message arrive; none, and it is lost. */
export type DeliveryPolicy = (message: PeerMessage, from: NodeId, to: NodeId) => readonly number[];

export interface MemoryNetworkOptions {
  /** The machine's by default. */
  readonly clock?: Clock | undefined;
  /** Silent by default. */
  readonly logger?: Logger | undefined;
  /** Left out: one copy, in the next tick. */
  readonly policy?: DeliveryPolicy | undefined;
  /** How many milliseconds a frame between client and member takes; left out: the next tick. Order is kept. */
  readonly clientDelayMs?: ((from: string, to: string) => number) | undefined;
}

const AT_ONCE: readonly number[] = [0];

/** Makes the transports and client links of everybody on it, and decides what happens between them. */
export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions & { readonly clock: Clock; readonly logger: Logger };
  readonly #byAddress = new Map<string, MemoryTransport>();
  readonly #byId = new Map<NodeId, MemoryTransport>();
  readonly #cuts = new Set<string>();
  readonly #pipes = new Set<MemoryPipe>();
  /** Which processes have admitted each other. */
  readonly #admitted = new WeakMap<MemoryTransport, WeakSet<MemoryTransport>>();

  constructor(options: MemoryNetworkOptions = {}) {
    const { clock = systemClock, logger = silentLogger } = options;
    this.#options = { ...options, clock, logger };
  }

  /** A process that will listen at `address` once its transport is started. */
  transport(address: string): MemoryTransport {
    return new MemoryTransport(this, address, this.#options.logger);
  }

  /** A client by the name of `name`; `cut` knows it by that. */
  clientLink(name: string): MemoryClientLink {
    return new MemoryClientLink(this, name);
  }

  /** Loses whatever is or gets under way from `from` to `to`, and breaks client connections between them. */
  cut(from: string, to: string): void {
    this.#cuts.add(linkOf(from, to));
    this.#break((pipe) => pipe.joins(from, to));
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(linkOf(from, to));
  }

  healAll(): void {
    this.#cuts.clear();
  }

  /** The process of this member is gone from one moment to the next: it is not told, but its clients are. */
  crash(id: NodeId): void {
    const transport = this.#byId.get(id);
    if (transport === undefined) return;
    this.detach(transport);
    this.#break((pipe) => pipe.member === id, id);
  }

  /** For transports: begin to listen. */
  attach(transport: MemoryTransport, id: NodeId): void {
    if (this.#byAddress.has(transport.address) || this.#byId.has(id)) {
      throw new RaftError("RAFT_ADDRESS_IN_USE", `somebody else listens on ${transport.address}`);
    }
    this.#byAddress.set(transport.address, transport);
    this.#byId.set(id, transport);
  }

  /** For transports: listen no more. */
  detach(transport: MemoryTransport): void {
    if (this.#byAddress.get(transport.address) !== transport) return;
    this.#byAddress.delete(transport.address);
    for (const [id, other] of this.#byId) if (other === transport) this.#byId.delete(id);
  }

  isAttached(transport: MemoryTransport): boolean {
    return this.#byAddress.get(transport.address) === transport;
  }

  /** For transports: send. */
  carry(sender: MemoryTransport, message: PeerMessage): void {
    const { from, to } = message;
    // Nobody speaks in the name of another: on a real network the connection has proven who it is.
    if (from !== sender.identity.nodeId) return;
    const delays = this.#options.policy?.(message, from, to) ?? AT_ONCE;
    if (delays.length === 0 || from === to || this.isCut(from, to)) return;
    const bytes = Buffer.concat(encodeMessage(message));
    for (const delayMs of delays) {
      // Each copy is its own bytes, since the receiver keeps views of them.
      this.after(delayMs, () => this.#arrive(sender, from, to, Buffer.from(bytes)));
    }
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(linkOf(from, to));
  }

  after(delayMs: number, callback: () => void): void {
    if (delayMs > 0) this.#options.clock.setTimer(delayMs, callback);
    else this.#options.clock.defer(callback);
  }

  /** For client links: the process at `address`, if there is one and nothing is in the way in either direction. */
  reach(client: string, address: string): MemoryTransport | undefined {
    const transport = this.#byAddress.get(address);
    const id = transport?.identity.nodeId;
    if (id === undefined || this.isCut(client, id) || this.isCut(id, client)) return undefined;
    return transport;
  }

  /** For client links: a connection that both sides know of. */
  pipe(client: string, member: NodeId): MemoryPipe {
    const { clock, clientDelayMs } = this.#options;
    const pipe = new MemoryPipe({
      client,
      member,
      delayMs: (from, to) => clientDelayMs?.(from, to) ?? 0,
      now: () => clock.now(),
      after: (delayMs, callback) => this.after(delayMs, callback),
      onClosed: () => this.#pipes.delete(pipe),
    });
    this.#pipes.add(pipe);
    return pipe;
  }

  /** For transports: what a closing process does to its clients. */
  closeClientsOf(member: NodeId): void {
    for (const pipe of this.#pipes) if (pipe.member === member) pipe.memberEnd.close();
  }

  #break(concerns: (pipe: MemoryPipe) => boolean, silent?: string): void {
    for (const pipe of this.#pipes) if (concerns(pipe)) pipe.break(silent);
  }

  #arrive(sender: MemoryTransport, from: NodeId, to: NodeId, bytes: Uint8Array): void {
    const receiver = this.#byId.get(to);
    if (receiver === undefined || this.isCut(from, to)) return;
    if (!receiver.knows(sender) && !sender.knows(receiver)) return;
    if (this.#admitted.get(receiver)?.has(sender) === true) {
      receiver.receive(decodeMessage(bytes));
      return;
    }
    void this.#introduce(sender, receiver).then((admitted) => {
      if (admitted && this.isAttached(receiver)) receiver.receive(decodeMessage(bytes));
      return undefined;
    });
  }

  async #introduce(sender: MemoryTransport, receiver: MemoryTransport): Promise<boolean> {
    const isWelcome =
      (await receiver.admits(sender, () => this.isAttached(receiver))) &&
      (await sender.admits(receiver, () => this.isAttached(sender)));
    if (isWelcome) {
      const admitted = this.#admitted.get(receiver) ?? new WeakSet();
      this.#admitted.set(receiver, admitted.add(sender));
    }
    return isWelcome;
  }
}

function linkOf(from: string, to: string): string {
  return JSON.stringify([from, to]);
}

/** One process on the network, as `MemoryNetwork.transport` makes it. */
export class MemoryTransport implements Transport {
  readonly address: string;
  readonly #network: MemoryNetwork;
  readonly #log: LogOnce;
  #started:
    { readonly identity: TransportIdentity; readonly handler: TransportHandler } | undefined;
  #members: readonly Member[] = [];

  constructor(network: MemoryNetwork, address: string, logger: Logger = silentLogger) {
    this.#network = network;
    this.address = address;
    this.#log = new LogOnce(logger);
  }

  get identity(): TransportIdentity {
    return this.#state().identity;
  }

  /** What connecting clients are offered to. */
  get handler(): TransportHandler {
    return this.#state().handler;
  }

  async start(identity: TransportIdentity, handler: TransportHandler): Promise<void> {
    this.#network.attach(this, identity.nodeId);
    this.#started = { identity, handler };
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members;
  }

  send(message: PeerMessage): void {
    if (this.#network.isAttached(this)) this.#network.carry(this, message);
  }

  close(): Promise<void> {
    if (this.#network.isAttached(this)) {
      this.#network.detach(this);
      this.#network.closeClientsOf(this.identity.nodeId);
    }
    return Promise.resolve();
  }

  /** Whether the other process is of the membership: by its id, and by its store id where that is known. */
  knows(other: MemoryTransport): boolean {
    const { nodeId, storeId } = other.identity;
    return this.#members.some(
      (member) =>
        member.id === nodeId && (member.storeId === undefined || member.storeId === storeId),
    );
  }

  /** Judges the other process as in a handshake, and tells it the verdict. */
  async admits(other: MemoryTransport, isAlive: () => boolean): Promise<boolean> {
    if (!isAlive()) return true;
    const { nodeId } = other.identity;
    try {
      const refusal = await this.#judge(other.identity);
      if (refusal === undefined) return true;
      this.#log.warn(nodeId, `${nodeId} is refused: ${refusal.reason}`);
      other.refusedBy(this.identity.nodeId, refusal);
    } catch (error) {
      this.#log.warn(nodeId, `${nodeId} could not be admitted: ${messageOf(error)}`);
    }
    return false;
  }

  async #judge(other: TransportIdentity): Promise<PeerRefusal | undefined> {
    const { nodeId, clusterId } = this.identity;
    if (other.clusterId === clusterId) {
      return this.handler.admitPeer({ nodeId: other.nodeId, storeId: other.storeId });
    }
    return {
      code: "RAFT_WRONG_CLUSTER",
      reason: `${nodeId} is of cluster ${clusterId}, not ${other.clusterId}`,
    };
  }

  refusedBy(nodeId: NodeId, refusal: PeerRefusal): void {
    if (!this.#network.isAttached(this)) return;
    if (this.#log.warn(nodeId, `${nodeId} refuses this member: ${refusal.reason}`)) {
      this.handler.onRefused(nodeId, refusal);
    }
  }

  receive(message: PeerMessage): void {
    this.handler.onMessage(message);
  }

  #state(): { readonly identity: TransportIdentity; readonly handler: TransportHandler } {
    if (this.#started === undefined) throw new Error("start comes before everything else");
    return this.#started;
  }
}
