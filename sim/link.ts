/**
 * One directed link: what is on it that keeps messages from passing, and what is under way. Effects of faults are
 * counted, so that they may overlap and end in any order.
 */

import type { LossReason } from "./trace.ts";
import type { MessageType } from "./schedule.ts";

export class Link {
  #cuts = 0;
  /** Rises with each cut: what was under way then is lost, also if it would arrive after the healing. */
  #cutEpoch = 0;
  /** Rises with each reset of the stream. */
  #resetEpoch = 0;
  readonly #filters: (readonly MessageType[])[] = [];
  /** Nothing arrives before this microsecond. */
  cloggedUntilUs = 0;
  /** On a stream nothing arrives before what was sent earlier. */
  lastArrivalUs = 0;
  underWay = 0;

  get isCut(): boolean {
    return this.#cuts > 0;
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
    const at = this.#filters.indexOf(types);
    if (at !== -1) this.#filters.splice(at, 1);
  }

  /** Why a message of this type does not even set out. */
  refusal(type: MessageType): LossReason | undefined {
    if (this.isCut) return "cut";
    return this.#filters.some((types) => types.includes(type)) ? "filter" : undefined;
  }

  clear(): void {
    this.#cuts = 0;
    this.#filters.length = 0;
    this.cloggedUntilUs = 0;
  }
}
