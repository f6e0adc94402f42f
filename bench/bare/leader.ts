/**
 * The leader of the bare line: what comes within a turn, or during a write, is one batch. It is packed once, shipped to
 * the followers and written; when two of the three have it on disk it goes into a `Map` and is answered. No terms, no
 * elections, no log: whatever a consensus does beside this is what it costs.
 */

import type { Socket } from "node:net";
import type { BareDisk } from "./disk.ts";
import { onFrames, pack, unpack, writeFrame } from "./frames.ts";

/** Told once all operations of a batch that came from it are settled. */
export interface Origin {
  settled(tokens: readonly number[]): void;
}

class Batch {
  readonly operations: [key: string, value: string][] = [];
  readonly tokens = new Map<Origin, number[]>();
  acknowledgements = 0;
}

const MAJORITY = 2;

export class BareLeader {
  readonly map: Map<string, string> = new Map();
  readonly #disk: BareDisk;
  readonly #followers: readonly Socket[];
  #gathering = new Batch();
  /** Shipped and not settled, oldest first. */
  readonly #shipped: Batch[] = [];
  /** How many batches were shipped before the first of those. */
  #settled = 0;
  #isWriting = false;
  #isScheduled = false;

  constructor(disk: BareDisk, followers: readonly Socket[]) {
    this.#disk = disk;
    this.#followers = followers;
    for (const follower of followers) {
      let seen = 0;
      onFrames(follower, (body) => {
        const upTo = unpack(body) as number;
        while (seen < upTo) this.#acknowledge(seen++);
      });
    }
  }

  put(key: string, value: string, origin: Origin, token: number): void {
    const { operations, tokens } = this.#gathering;
    operations.push([key, value]);
    const list = tokens.get(origin);
    if (list === undefined) tokens.set(origin, [token]);
    else list.push(token);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setImmediate(() => void this.#ship());
  }

  async #ship(): Promise<void> {
    this.#isScheduled = false;
    const batch = this.#gathering;
    this.#gathering = new Batch();
    const number = this.#settled + this.#shipped.push(batch) - 1;
    const bytes = pack(batch.operations);
    for (const follower of this.#followers) writeFrame(follower, bytes);
    this.#isWriting = true;
    await this.#disk.write([bytes]);
    this.#isWriting = false;
    if (this.#gathering.operations.length > 0) this.#schedule();
    this.#acknowledge(number);
  }

  /** Everybody acknowledges in order, so majorities come in order. */
  #acknowledge(number: number): void {
    const batch = this.#shipped[number - this.#settled];
    // The third comes after the majority.
    if (batch === undefined || number < this.#settled) return;
    batch.acknowledgements += 1;
    if (batch.acknowledgements < MAJORITY) return;
    this.#shipped.shift();
    this.#settled += 1;
    for (const [key, value] of batch.operations) this.map.set(key, value);
    for (const [origin, tokens] of batch.tokens) origin.settled(tokens);
  }
}
