/**
 * Sending a snapshot to one follower, chunk by chunk (figure 13): the next leaves when the last is on the follower's
 * disk, so a snapshot never fills a queue that heartbeats share (rule 69), and a lost chunk is sent again (rule 33).
 */

import type { SendSnapshot } from "../core/ready.ts";
import type { Storage } from "../storage/storage.ts";
import type { PeerMessage, SnapshotChunkResponse } from "../transport/transport.ts";
import type { Clock, Timer } from "./clock.ts";
import { storageError } from "./failures.ts";

/** A chunk is sent so many times before the sender gives up. */
const MAX_ATTEMPTS = 5;

/** So many times `retryMs` an answer may take at the most before a chunk is sent again. */
const MAX_PATIENCE = 8;

export interface SenderContext {
  readonly self: string;
  readonly storage: Storage;
  readonly clock: Clock;
  /** How long a chunk's answer may take before it is sent again, at first. */
  readonly retryMs: number;
  readonly send: (message: PeerMessage) => void;
  /** Called once, at the end. */
  readonly onEnd: (request: SendSnapshot, delivered: boolean) => void;
  readonly onFailure: (error: unknown) => void;
  readonly track: (task: Promise<unknown>) => void;
}

export class SnapshotSender {
  readonly request: SendSnapshot;
  readonly #context: SenderContext;
  #next = 0;
  #attempts = 0;
  /**
   * How long the next answer may take, in milliseconds. Doubles where it was too short, for on a slow line the chunk may only
   * be on its way, and each copy makes the next one later; halves with each answer.
   */
  #patienceMs: number;
  #current: Uint8Array | undefined;
  #following: Uint8Array | undefined;
  #timer: Timer | undefined;
  #ended = false;

  constructor(request: SendSnapshot, context: SenderContext) {
    this.request = request;
    this.#context = context;
    this.#patienceMs = context.retryMs;
    this.#load(0);
  }

  /**
   * The follower has everything below `next`: less than before where it has lost it (rule 54), more where an earlier
   * sender got further. A late answer costs a detour, since the next one tells where the follower really is.
   */
  onResponse({ snapshotId, next }: SnapshotChunkResponse): void {
    if (this.#ended || snapshotId !== this.request.snapshot.id || next === this.#next) return;
    this.#patienceMs = Math.max(this.#context.retryMs, this.#patienceMs / 2);
    this.#load(next);
  }

  /** Ends it: delivered, given up, or no longer wanted. Idempotent. */
  end(delivered: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#context.onEnd(this.request, delivered);
  }

  #load(chunk: number): void {
    this.#timer?.cancel();
    this.#next = chunk;
    this.#attempts = 0;
    this.#current = undefined;
    const read = this.#read(chunk).catch((error: unknown) => {
      this.end(false);
      this.#context.onFailure(storageError(error));
    });
    this.#context.track(read);
  }

  async #read(chunk: number): Promise<void> {
    const { storage } = this.#context;
    const { id } = this.request.snapshot;
    const current = await storage.readChunk(id, chunk);
    const following = await storage.readChunk(id, chunk + 1);
    // The same chunk may be asked for twice.
    if (this.#ended || this.#next !== chunk || this.#current !== undefined) return;
    if (current === undefined) {
      // Behind the last chunk, or gone: a newer snapshot has taken its place, and the core will offer that one.
      const isWhole = chunk > 0 && (await storage.readChunk(id, chunk - 1)) !== undefined;
      if (this.#next === chunk) this.end(isWhole);
      return;
    }
    this.#current = current;
    this.#following = following;
    this.#sendCurrent();
  }

  #sendCurrent(): void {
    if (this.#ended || this.#current === undefined) return;
    if (this.#attempts === MAX_ATTEMPTS) return this.end(false);
    this.#attempts += 1;
    const { self, send, clock, retryMs } = this.#context;
    const { peer, term, snapshot } = this.request;
    send({
      type: "SnapshotChunk",
      from: self,
      to: peer,
      term,
      snapshot,
      chunk: this.#next,
      done: this.#following === undefined,
      data: this.#current,
    });
    this.#timer = clock.setTimer(this.#patienceMs, () => {
      this.#patienceMs = Math.min(MAX_PATIENCE * retryMs, 2 * this.#patienceMs);
      this.#sendCurrent();
    });
  }
}
