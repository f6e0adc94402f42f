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
import type { LinkQuality, Stream } from "./link.ts";
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

type PeerLink = Link<Packet, SimTransport>;

/** What a healed network takes at most. */
const CALM_DELAY_US = 3000;

/** Messages that wait for one admission; more are lost. */
const MAX_AT_THE_DOOR = 64;

export class SimNetwork {
  /** Of all links at once; faults change it. */
  model: NetworkModel;
  readonly #qualities: LinkQuality[] = [];
  readonly scheduler: Scheduler;
  readonly hooks: NetworkHooks;
  readonly #links: readonly (readonly PeerLink[])[];
  readonly #rngs: readonly (readonly Rng[])[];
  /** Which message of too many is lost, and how long it takes to connect: drawn apart from all else. */
  readonly #overflowRng: Rng;
  readonly #connectRng: Rng;
  readonly #usual: NetworkModel;
  readonly #running: (SimTransport | undefined)[];
  #packets = 0;
  /** How often it was healed. */
  #heals = 0;

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
    this.#overflowRng = new Rng(seed, "overflow");
    this.#connectRng = new Rng(seed, "connect");
    this.#links = all.map(() => all.map(() => new Link()));
    this.#rngs = all.map((from) => all.map((to) => new Rng(seed, `link ${from} ${to}`)));
    this.#running = all.map(() => undefined);
  }

  link(from: number, to: number): PeerLink {
    const link = this.#links[from]?.[to];
    if (link === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return link;
  }

  /** Every link is as bad as this, or as what was said last and has not ended. */
  spoil(quality: LinkQuality): void {
    this.#qualities.push(quality);
    this.model = { ...this.#usual, ...quality };
  }

  unspoil(quality: LinkQuality): void {
    const at = this.#qualities.indexOf(quality);
    if (at === -1) return;
    this.#qualities.splice(at, 1);
    this.model = { ...this.#usual, ...this.#qualities.at(-1) };
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
      bytesPerMs: 0,
    };
    this.#qualities.length = 0;
    this.#heals += 1;
    for (const row of this.#links) for (const link of row) this.#clear(link);
  }

  /** What is still under way arrives soon, in the same order. */
  #clear(link: PeerLink): void {
    link.clear();
    const lateUs = this.scheduler.nowUs + CALM_DELAY_US;
    const late = link.transits.filter(({ event }) => event.timeUs > lateUs);
    late.sort((a, b) => a.event.timeUs - b.event.timeUs || a.event.order - b.event.order);
    for (const transit of late) {
      const { kind, actor, run, digest } = transit.event;
      if (run === undefined) continue;
      transit.event.run = undefined;
      transit.event = this.scheduler.after(CALM_DELAY_US, kind, actor, run, digest);
    }
    link.lastArrivalUs = late.length > 0 ? lateUs : 0;
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
    const model = link.modelOf(this.model);
    const reason = link.refusal(message.type) ?? this.#accident(link, packet, model);
    if (reason !== undefined) return this.hooks.onLose(packet, reason);
    this.#dispatch(sender, link, packet, model);
    if (model.mode === "stream") return;
    // Each copy is its own bytes, since the receiver keeps views of them.
    const copy = (): Packet => ({ ...packet, bytes: Buffer.from(bytes) });
    if (this.#rng(from, to).chance(model.duplicatePpm)) this.#dispatch(sender, link, copy(), model);
    for (const afterMs of link.echoesMs) this.#echo(sender, link, copy(), afterMs * 1000);
  }

  #accident(link: PeerLink, { from, to }: Packet, model: NetworkModel): LossReason | undefined {
    const { mode, lossPpm, capacity } = model;
    const { transits } = link;
    if (transits.length >= capacity) {
      // The sender of a stream finds its buffer full; of datagrams any may be the one too many.
      const victim =
        mode === "stream" ? undefined : transits[this.#overflowRng.below(capacity + 1)];
      if (victim === undefined) return "capacity";
      link.remove(victim);
      this.hooks.onLose(victim.packet, "capacity");
    }
    return mode === "datagram" && this.#rng(from, to).chance(lossPpm) ? "loss" : undefined;
  }

  #dispatch(sender: SimTransport, link: PeerLink, packet: Packet, model: NetworkModel): void {
    const { scheduler } = this;
    const { nowUs } = scheduler;
    const stream = model.mode === "stream" ? this.#streamOf(sender, link, packet) : undefined;
    if (model.mode === "stream" && stream === undefined) return this.hooks.onLose(packet, "gone");
    const departureUs = link.departureUs(nowUs, packet.bytes.length, model.bytesPerMs);
    let arrivalUs = Math.max(departureUs, stream?.readyUs ?? 0) + this.#delayUs(packet, model);
    if (stream !== undefined) {
      arrivalUs = Math.max(arrivalUs, link.lastArrivalUs + 1);
      link.lastArrivalUs = arrivalUs;
    }
    const { epoch } = link;
    const arrive = (): void => {
      const current = this.at(packet.to);
      const waitUs = Math.max(link.cloggedUntilUs, current?.actor.gateUs ?? 0) - scheduler.nowUs;
      if (waitUs > 0) {
        transit.event = scheduler.after(waitUs, KIND.deliver, undefined, arrive);
        return;
      }
      link.remove(transit);
      if (link.epoch !== epoch) return this.hooks.onLose(packet, link.isCut ? "cut" : "reset");
      const isSame = stream === undefined || current === stream.receiver;
      if (current === undefined || !isSame) return this.hooks.onLose(packet, "gone");
      this.#arrive(sender, current, packet);
    };
    const event = scheduler.after(arrivalUs - nowUs, KIND.deliver, undefined, arrive, packet.id);
    const transit = link.add(packet, event);
  }

  /** It comes by once more, unless the network is healed by then. */
  #echo(sender: SimTransport, link: PeerLink, packet: Packet, afterUs: number): void {
    const heals = this.#heals;
    this.scheduler.after(afterUs, KIND.deliver, undefined, () => {
      if (heals !== this.#heals) return;
      const reason = link.refusal(packet.message.type);
      if (reason === undefined) this.#dispatch(sender, link, packet, link.modelOf(this.model));
      else this.hooks.onLose(packet, reason);
    });
  }

  /**
   * The stream that a message goes into; `undefined` where it is lost. A stream whose other end is gone is half open: who
   * sends into it learns of that, and only then connects to whoever is there by now.
   */
  #streamOf(
    sender: SimTransport,
    link: PeerLink,
    { to }: Packet,
  ): Stream<SimTransport> | undefined {
    const { stream, resets } = link;
    const receiver = this.at(to);
    const isOwn = stream?.sender === sender;
    if (isOwn && stream.receiver !== receiver) {
      link.stream = undefined;
      return undefined;
    }
    if (receiver === undefined) return undefined;
    if (isOwn && stream.resets === resets) return stream;
    const { minDelayUs, maxDelayUs } = this.model;
    const handshakeUs = 2 * this.#connectRng.between(minDelayUs, maxDelayUs);
    link.stream = { sender, receiver, resets, readyUs: this.scheduler.nowUs + handshakeUs };
    return link.stream;
  }

  #delayUs({ from, to }: Packet, model: NetworkModel): number {
    const { minDelayUs, maxDelayUs, tailPpm, tailDelayUs, mode, lossPpm } = model;
    const rng = this.#rng(from, to);
    let delayUs = rng.between(minDelayUs, Math.max(minDelayUs, maxDelayUs));
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
    if (!isWelcome) {
      admission.verdict = "refused";
      admission.waiting.length = 0;
      return;
    }
    // Until those who wait are in, whoever comes waits behind them: a stream keeps its order.
    this.#network.scheduler.after(1, KIND.admit, this.actor, () => {
      admission.verdict = "admitted";
      for (const deliver of admission.waiting.splice(0)) deliver();
    });
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
