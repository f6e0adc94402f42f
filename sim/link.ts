/**
 * One directed link: what is on it that keeps messages from passing, and what is under way. Effects of faults are
 * counted or listed, so that they may overlap and end in any order.
 */

import type { LossReason } from "./trace.ts";
import type { MessageType, NetworkModel } from "./schedule.ts";
import type { SimEvent } from "./scheduler.ts";

/** What a fault changes of one link. */
export type LinkQuality = Pick<NetworkModel, "lossPpm" | "duplicatePpm" | "maxDelayUs">;

/** One copy of a message between its sending and its arrival. */
export interface Transit<Packet> {
  readonly packet: Packet;
  /** Its arrival, or the next try of it. */
  event: SimEvent;
  /** Where it stands in `transits`. */
  at: number;
}

/** A stream, as the sender knows it: it goes to one process, and that may be gone. */
export interface Stream<Process> {
  readonly sender: Process;
  readonly receiver: Process;
  /** When it is open. */
  readonly readyUs: number;
  /** How often the link's streams had been reset when it was opened. */
  readonly resets: number;
}

export class Link<Packet, Process> {
  #cuts = 0;
  /** Rises with each cut: what was under way then is lost, also if it would arrive after the healing. */
  #cutEpoch = 0;
  /** Rises with each reset of the stream. */
  #resetEpoch = 0;
  readonly #filters: (readonly MessageType[])[] = [];
  readonly #qualities: LinkQuality[] = [];
  readonly #rates: number[] = [];
  readonly #echoesMs: number[] = [];
  /** Nothing arrives before this microsecond. */
  cloggedUntilUs = 0;
  /** On a stream nothing arrives before what was sent earlier. */
  lastArrivalUs = 0;
  /** On a narrow link nothing sets out before what was sent earlier has. */
  busyUntilUs = 0;
  stream: Stream<Process> | undefined;
  /** In no order. */
  readonly transits: Transit<Packet>[] = [];

  get isCut(): boolean {
    return this.#cuts > 0;
  }

  get resets(): number {
    return this.#resetEpoch;
  }

  /** What has to be the same at the arrival as at the sending. */
  get epoch(): number {
    return this.#cutEpoch + this.#resetEpoch;
  }

  cut(): void {
    this.#cuts += 1;
    this.#cutEpoch += 1;
  }

  heal(): void {
    this.#cuts = Math.max(0, this.#cuts - 1);
  }

  reset(): void {
    this.#resetEpoch += 1;
  }

  filter(types: readonly MessageType[]): void {
    this.#filters.push(types);
  }

  unfilter(types: readonly MessageType[]): void {
    drop(this.#filters, types);
  }

  /** It is as bad as this. */
  spoil(quality: LinkQuality): void {
    this.#qualities.push(quality);
  }

  unspoil(quality: LinkQuality): void {
    drop(this.#qualities, quality);
  }

  /** It takes so many bytes a millisecond, at most. */
  narrow(bytesPerMs: number): void {
    this.#rates.push(bytesPerMs);
  }

  widen(bytesPerMs: number): void {
    drop(this.#rates, bytesPerMs);
  }

  /** How it behaves now. */
  modelOf(network: NetworkModel): NetworkModel {
    const quality = this.#qualities.at(-1);
    return quality === undefined ? network : { ...network, ...quality };
  }

  /** When a message of so many bytes that is sent now has set out. */
  departureUs(nowUs: number, bytes: number, bytesPerMs: number): number {
    const limits = bytesPerMs > 0 ? [...this.#rates, bytesPerMs] : this.#rates;
    if (limits.length === 0) return nowUs;
    const takesUs = Math.ceil((bytes * 1000) / Math.min(...limits));
    this.busyUntilUs = Math.max(this.busyUntilUs, nowUs) + takesUs;
    return this.busyUntilUs;
  }

  add(packet: Packet, event: SimEvent): Transit<Packet> {
    const transit = { packet, event, at: this.transits.length };
    this.transits.push(transit);
    return transit;
  }

  remove({ at, event }: Transit<Packet>): void {
    event.run = undefined;
    const last = this.transits.pop();
    if (last === undefined || last.at === at) return;
    last.at = at;
    this.transits[at] = last;
  }

  /** How long after its time a message arrives again, once for each. */
  get echoesMs(): readonly number[] {
    return this.#echoesMs;
  }

  echo(afterMs: number): void {
    this.#echoesMs.push(afterMs);
  }

  unecho(afterMs: number): void {
    drop(this.#echoesMs, afterMs);
  }

  /** Why a message of this type does not even set out. */
  refusal(type: MessageType): LossReason | undefined {
    if (this.isCut) return "cut";
    return this.#filters.some((types) => types.includes(type)) ? "filter" : undefined;
  }

  clear(): void {
    this.#cuts = 0;
    this.#filters.length = 0;
    this.#qualities.length = 0;
    this.#rates.length = 0;
    this.#echoesMs.length = 0;
    this.cloggedUntilUs = 0;
    this.busyUntilUs = 0;
    this.lastArrivalUs = 0;
  }
}

function drop<Item>(items: Item[], item: Item): void {
  const at = items.indexOf(item);
  if (at !== -1) items.splice(at, 1);
}
