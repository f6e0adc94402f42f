/**
 * Receiving a leader's snapshot (figure 13): chunks are staged durably in order, and answered with what is there. When
 * the last one is, the core hears of it as an InstallSnapshot.
 */

import type { InstallSnapshot } from "../core/message.ts";
import type { Storage } from "../storage/storage.ts";
import type { PeerMessage, SnapshotChunk } from "../transport/transport.ts";

export interface ReceiverContext {
  readonly storage: Storage;
  readonly send: (message: PeerMessage) => void;
  readonly onStaged: (message: InstallSnapshot) => void;
  readonly onFailure: (error: unknown) => void;
}

export class SnapshotReceiver {
  readonly #context: ReceiverContext;
  /** The snapshot that is coming in, and how many of its chunks are staged. */
  #id: string | undefined;
  #next = 0;
  #staging = false;

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  /** Of the term that the node is in; the node has dropped what is older, and what it does not need. */
  onChunk(message: SnapshotChunk): void {
    // One at a time: the sender waits for the answer, and sends again what is lost here.
    if (this.#staging) return;
    const { id } = message.snapshot;
    if (id !== this.#id && message.chunk === 0) this.#begin(id);
    if (id !== this.#id) return this.#answer(message, 0);
    if (message.chunk !== this.#next) return this.#answer(message, this.#next);

    this.#staging = true;
    this.#stage(message).catch((error: unknown) => this.#context.onFailure(error));
  }

  /** What is staged was switched in, or is not wanted: the next chunk 0 begins anew. */
  forget(id: string): void {
    if (this.#id === id) this.#id = undefined;
  }

  #begin(id: string): void {
    this.#id = id;
    this.#next = 0;
  }

  async #stage(message: SnapshotChunk): Promise<void> {
    const { snapshot, chunk, data, done, from, to, term } = message;
    try {
      await this.#context.storage.stageChunk(snapshot.id, chunk, data);
    } finally {
      this.#staging = false;
    }
    if (this.#id !== snapshot.id) return;
    this.#next = chunk + 1;
    this.#answer(message, this.#next);
    if (done) this.#context.onStaged({ type: "InstallSnapshot", from, to, term, snapshot });
  }

  #answer(message: SnapshotChunk, next: number): void {
    const { from, to, term, snapshot } = message;
    this.#context.send({
      type: "SnapshotChunkResponse",
      from: to,
      to: from,
      term,
      snapshotId: snapshot.id,
      next,
    });
  }
}
