/**
 * The network between the nodes: messages travel as bytes, each on its own through a link that loses, copies, delays
 * and reorders them, and arrive at whoever runs at the other end by then. Members are admitted before they are heard,
 * as on the shipped transports.
 */

import type { Member, NodeId } from "../src/core/types.ts";
import { decodeMessage, encodeMessage } from "../src/transport/messages.ts";
import type {
  PeerMessage,
  Transport,
  TransportHandler,
  TransportIdentity,
} from "../src/transport/transport.ts";
import { Link } from "./link.ts";
import { Rng } from "./random.ts";
import { digestOf } from "./rolling-hash.ts";
import type { NetworkModel } from "./schedule.ts";
import { KIND } from "./scheduler.ts";
import type { Actor, Scheduler } from "./scheduler.ts";
import type { LossReason } from "./trace.ts";

export interface Packet {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly message: PeerMessage;
  readonly bytes: Buffer;
}

export interface NetworkHooks {
  /** A message is about to leave; the process may be dead afterwards, and then it does not. */
  readonly onLeave: (node: number, message: PeerMessage) => void;
  readonly onSend: (packet: Packet) => void;
  readonly onDeliver: (packet: Packet, decoded: PeerMessage) => void;
  readonly onLose: (packet: Packet, reason: LossReason) => void;
  /** For a test of determinism: damages the bytes of a message before they are hashed. */
  readonly tamper?: ((packet: Packet) => void) | undefined;
}

/** What a healed network takes at most. */
const CALM_DELAY_US = 3000;

/** Messages that wait for one admission; more are lost. */
const MAX_AT_THE_DOOR = 64;

export class SimNetwork {
  /** Faults change it: of all links at once. */
  model: NetworkModel;
  readonly scheduler: Scheduler;
  readonly hooks: NetworkHooks;
  readonly #links: readonly (readonly Link[])[];
  readonly #rngs: readonly (readonly Rng[])[];
  readonly #usual: NetworkModel;
  readonly #running: (SimTransport | undefined)[];
  #packets = 0;

  constructor(
    scheduler: Scheduler,
    seed: number,
    nodes: number,
    model: NetworkModel,
    hooks: NetworkHooks,
  ) {
    this.scheduler = scheduler;
    this.model = model;
    this.#usual = model;
    this.hooks = hooks;
    const all = Array.from({ length: nodes }, (_, node) => node);
    this.#links = all.map(() => all.map(() => new Link()));
    this.#rngs = all.map((from) => all.map((to) => new Rng(seed, `link ${from} ${to}`)));
    this.#running = all.map(() => undefined);
  }

  link(from: number, to: number): Link {
    const link = this.#links[from]?.[to];
    if (link === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return link;
  }

  /** Nothing is lost any more, and nothing takes long. */
  heal(): void {
    const { minDelayUs, maxDelayUs } = this.#usual;
    this.model = {
      ...this.#usual,
      maxDelayUs: Math.max(minDelayUs, Math.min(maxDelayUs, CALM_DELAY_US)),
      tailPpm: 0,
      lossPpm: 0,
      duplicatePpm: 0,
    };
    for (const row of this.#links) for (const link of row) link.clear();
  }

  /** The transport of the process that runs on a node now, once it listens. */
  at(node: number): SimTransport | undefined {
    const transport = this.#running[node];
    return transport?.actor.isAlive === true ? transport : undefined;
  }

  attach(transport: SimTransport): void {
    this.#running[transport.actor.slot] = transport;
  }

  detach(transport: SimTransport): void {
    const { slot } = transport.actor;
    if (this.#running[slot] === transport) this.#running[slot] = undefined;
  }

  carry(sender: SimTransport, message: PeerMessage): void {
    const from = sender.actor.slot;
    const to = sender.slotOf(message.to);
    if (to === undefined || to === from) return;
    this.hooks.onLeave(from, message);
    if (!sender.actor.isAlive) return;

    this.#packets += 1;
    const bytes = Buffer.concat(encodeMessage(message));
    const packet: Packet = { id: this.#packets, from, to, message, bytes };
    this.hooks.tamper?.(packet);
    this.scheduler.hash.mix(this.scheduler.nowUs, KIND.send, from, digestOf(bytes));
    this.hooks.onSend(packet);

    const link = this.link(from, to);
    const reason = link.refusal(message.type) ?? this.#accident(link, from, to);
    if (reason !== undefined) return this.hooks.onLose(packet, reason);
    this.#dispatch(sender, link, packet);
    const rng = this.#rng(from, to);
    if (this.model.mode === "datagram" && rng.chance(this.model.duplicatePpm)) {
      // Each copy is its own bytes, since the receiver keeps views of them.
      this.#dispatch(sender, link, { ...packet, bytes: Buffer.from(bytes) });
    }
  }

  #accident(link: Link, from: number, to: number): LossReason | undefined {
    const { mode, lossPpm, capacity } = this.model;
    if (link.underWay >= capacity) return "capacity";
    return mode === "datagram" && this.#rng(from, to).chance(lossPpm) ? "loss" : undefined;
  }

  #dispatch(sender: SimTransport, link: Link, packet: Packet): void {
    const { scheduler, model } = this;
    const { nowUs } = scheduler;
    let arrivalUs = nowUs + this.#delayUs(packet);
    let receiver: SimTransport | undefined;
    if (model.mode === "stream") {
      receiver = this.at(packet.to);
      arrivalUs = Math.max(arrivalUs, link.lastArrivalUs + 1);
      link.lastArrivalUs = arrivalUs;
    }
    const { epoch } = link;
    link.underWay += 1;
    const arrive = (): void => {
      const current = this.at(packet.to);
      const waitUs = Math.max(link.cloggedUntilUs, current?.actor.gateUs ?? 0) - scheduler.nowUs;
      if (waitUs > 0) return void scheduler.after(waitUs, KIND.deliver, undefined, arrive);
      link.underWay -= 1;
      if (link.epoch !== epoch) return this.hooks.onLose(packet, link.isCut ? "cut" : "reset");
      const isSame = model.mode === "datagram" || current === receiver;
      if (current === undefined || !isSame) return this.hooks.onLose(packet, "gone");
      this.#arrive(sender, current, packet);
    };
    scheduler.after(arrivalUs - nowUs, KIND.deliver, undefined, arrive, packet.id);
  }

  #delayUs({ from, to }: Packet): number {
    const { minDelayUs, maxDelayUs, tailPpm, tailDelayUs, mode, lossPpm } = this.model;
    const rng = this.#rng(from, to);
    let delayUs = rng.between(minDelayUs, maxDelayUs);
    if (rng.chance(tailPpm)) delayUs += rng.below(tailDelayUs);
    // A stream sends again what was lost: that takes its time, for all that comes behind as well.
    if (mode === "stream" && rng.chance(lossPpm)) delayUs += 200_000;
    return delayUs;
  }

  #arrive(sender: SimTransport, receiver: SimTransport, packet: Packet): void {
    if (!receiver.knows(sender) && !sender.knows(receiver))
      return this.hooks.onLose(packet, "refused");
    const deliver = (): void => {
      const decoded = decodeMessage(packet.bytes);
      this.hooks.onDeliver(packet, decoded);
      receiver.receive(decoded);
    };
    const admission = receiver.admissionOf(sender);
    if (admission.verdict === "admitted") return deliver();
    if (admission.verdict === "refused" || admission.waiting.length >= MAX_AT_THE_DOOR) {
      return this.hooks.onLose(packet, "refused");
    }
    admission.waiting.push(deliver);
  }

  #rng(from: number, to: number): Rng {
    const rng = this.#rngs[from]?.[to];
    if (rng === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return rng;
  }
}

interface Admission {
  verdict: "asking" | "admitted" | "refused";
  waiting: (() => void)[];
}

/** The transport of one incarnation. */
export class SimTransport implements Transport {
  readonly actor: Actor;
  readonly #network: SimNetwork;
  readonly #slots: ReadonlyMap<NodeId, number>;
  readonly #admissions = new Map<SimTransport, Admission>();
  #started:
    { readonly identity: TransportIdentity; readonly handler: TransportHandler } | undefined;
  #members: readonly Member[] = [];

  constructor(network: SimNetwork, actor: Actor, slots: ReadonlyMap<NodeId, number>) {
    this.#network = network;
    this.actor = actor;
    this.#slots = slots;
  }

  get handler(): TransportHandler {
    return this.#state().handler;
  }

  slotOf(id: NodeId): number | undefined {
    return this.#slots.get(id);
  }

  start(identity: TransportIdentity, handler: TransportHandler): Promise<void> {
    if (!this.actor.isAlive) return new Promise(() => undefined);
    this.#started = { identity, handler };
    this.#network.attach(this);
    return Promise.resolve();
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members;
  }

  send(message: PeerMessage): void {
    if (this.#network.at(this.actor.slot) === this) this.#network.carry(this, message);
  }

  close(): Promise<void> {
    this.#network.detach(this);
    return Promise.resolve();
  }

  /** Whether the other process is of the membership: by its id, and by its store id where that is known. */
  knows(other: SimTransport): boolean {
    const { nodeId, storeId } = other.#state().identity;
    return this.#members.some(
      (member) =>
        member.id === nodeId && (member.storeId === undefined || member.storeId === storeId),
    );
  }

  receive(message: PeerMessage): void {
    this.handler.onMessage(message);
  }

  /** Where the admission of another process stands; asked for when it first knocks. */
  admissionOf(other: SimTransport): Admission {
    let admission = this.#admissions.get(other);
    if (admission === undefined) {
      admission = { verdict: "asking", waiting: [] };
      this.#admissions.set(other, admission);
      this.#network.scheduler.wantDrain();
      void this.#admit(other, admission);
    }
    return admission;
  }

  async #admit(other: SimTransport, admission: Admission): Promise<void> {
    const isWelcome = (await this.#judge(other)) && (await other.#judge(this));
    admission.verdict = isWelcome ? "admitted" : "refused";
    const waiting = admission.waiting.splice(0);
    if (!isWelcome) return;
    for (const deliver of waiting) {
      this.#network.scheduler.after(1, KIND.admit, this.actor, deliver);
    }
  }

  /** As in a handshake; the dead have no objections. */
  async #judge(other: SimTransport): Promise<boolean> {
    if (!this.actor.isAlive) return true;
    const { nodeId, storeId } = other.#state().identity;
    const refusal = await this.handler.admitPeer({ nodeId, storeId });
    if (refusal === undefined) return true;
    if (other.actor.isAlive) other.handler.onRefused(this.#state().identity.nodeId, refusal);
    return false;
  }

  #state(): { readonly identity: TransportIdentity; readonly handler: TransportHandler } {
    if (this.#started === undefined) throw new Error("start comes before everything else");
    return this.#started;
  }
}
