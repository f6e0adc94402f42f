/**
 * What waits to be written to one connection: bounded, and with a way around bulk data for heartbeats and votes
 * (rule 69). Urgent frames keep their order among themselves, and so do bulk frames.
 */

import type { Frame } from "./frame.ts";

export type Urgency = "urgent" | "bulk";

export interface SendQueueLimits {
  readonly maxBytes: number;
  readonly maxFrames: number;
}

/** One write holds at most this much bulk data, or one larger frame: what an urgent frame may have to wait for. */
const MAX_BULK_BYTES_PER_BATCH = 128 * 1024;

export class SendQueue {
  #limits: SendQueueLimits;
  #urgent: Frame[] = [];
  readonly #bulk: Frame[] = [];
  #bytes = 0;

  constructor(limits: SendQueueLimits) {
    this.#limits = limits;
  }

  /** Other limits, from the next frame on. */
  limit(limits: SendQueueLimits): void {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#urgent.length === 0 && this.#bulk.length === 0;
  }

  /**
   * Adds a frame, dropping what the limits demand: a bulk frame gives way to all that is there; an urgent one displaces
   * the newest bulk frames, then the oldest urgent ones, which are the stalest.
   */
  push(frame: Frame, urgency: Urgency): void {
    if (urgency === "bulk") {
      if (!this.#fits(frame)) return;
      this.#bulk.push(frame);
    } else {
      while (!this.#fits(frame)) {
        const dropped = this.#bulk.pop() ?? this.#urgent.shift();
        if (dropped === undefined) return;
        this.#bytes -= dropped.bytes;
      }
      this.#urgent.push(frame);
    }
    this.#bytes += frame.bytes;
  }

  /** Takes out what shall be written next, in one piece: all that is urgent, then a bounded amount of bulk data. */
  takeBatch(): Frame[] {
    const batch = this.#urgent;
    this.#urgent = [];
    let bulkBytes = 0;
    let taken = 0;
    for (const frame of this.#bulk) {
      if (taken > 0 && bulkBytes + frame.bytes > MAX_BULK_BYTES_PER_BATCH) break;
      bulkBytes += frame.bytes;
      taken += 1;
    }
    batch.push(...this.#bulk.splice(0, taken));
    for (const frame of batch) this.#bytes -= frame.bytes;
    return batch;
  }

  #fits(frame: Frame): boolean {
    return (
      this.#bytes + frame.bytes <= this.#limits.maxBytes &&
      this.#urgent.length + this.#bulk.length < this.#limits.maxFrames
    );
  }
}
