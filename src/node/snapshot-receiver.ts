/**
 * Receiving a leader's snapshot (figure 13): chunks are staged durably in order, and answered with what is there. When
 * the last one is, the core hears of it as an InstallSnapshot.
 */

import type { InstallSnapshot } from "../core/message.ts";
import type { LogIndex, Term } from "../core/types.ts";
import type { Storage } from "../storage/storage.ts";
import type { PeerMessage, SnapshotChunk } from "../transport/transport.ts";
import { storageError } from "./failures.ts";

export interface ReceiverContext {
  readonly storage: Storage;
  readonly send: (message: PeerMessage) => void;
  /** All chunks are durable: from here on the snapshot is somebody else's to drop. */
  readonly onStaged: (message: InstallSnapshot) => void;
  /** A snapshot that did not come in whole is not wanted any more. */
  readonly drop: (id: string) => void;
  readonly onFailure: (error: unknown) => void;
  readonly track: (task: Promise<unknown>) => void;
}

interface Incoming {
  readonly id: string;
  readonly index: LogIndex;
  /** Of the leader that sends it. */
  readonly term: Term;
  /** How many chunks are staged. */
  next: number;
  isWhole: boolean;
}

export class SnapshotReceiver {
  readonly #context: ReceiverContext;
  #incoming: Incoming | undefined;
  #staging = false;

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  /** Of the term that the node is in; the node has dropped what is older, and what it does not need. */
  onChunk(message: SnapshotChunk): void {
    // One at a time: the sender waits for the answer, and sends again what is lost here.
    if (this.#staging) return;
    const { chunk, snapshot } = message;
    if (snapshot.id !== this.#incoming?.id && chunk === 0) {
      if (this.#isLate(message)) return;
      this.#begin(message);
    }
    const incoming = this.#incoming;
    if (incoming?.id !== snapshot.id) return this.#answer(message, 0);
    if (chunk !== incoming.next) return this.#answer(message, incoming.next);

    this.#staging = true;
    const staged = this.#stage(message, incoming).catch((error: unknown) =>
      this.#context.onFailure(storageError(error)),
    );
    this.#context.track(staged);
  }

  /** What is staged was switched in, or is not wanted: the next chunk 0 begins anew. */
  forget(id: string): void {
    if (this.#incoming?.id === id) this.#incoming = undefined;
  }

  /** Lets go of a snapshot that has stopped coming in and whose entries have come in another way. */
  settle(commitIndex: LogIndex): void {
    const incoming = this.#incoming;
    if (incoming === undefined || this.#staging || incoming.isWhole) return;
    if (incoming.index <= commitIndex) this.#discard();
  }

  /** A leader's next snapshot is always a later one. */
  #isLate({ term, snapshot }: SnapshotChunk): boolean {
    const incoming = this.#incoming;
    return incoming?.term === term && snapshot.lastIncluded.index < incoming.index;
  }

  #begin({ term, snapshot }: SnapshotChunk): void {
    this.#discard();
    const { id, lastIncluded } = snapshot;
    this.#incoming = { id, index: lastIncluded.index, term, next: 0, isWhole: false };
  }

  #discard(): void {
    const incoming = this.#incoming;
    this.#incoming = undefined;
    if (incoming !== undefined && !incoming.isWhole) this.#context.drop(incoming.id);
  }

  async #stage(message: SnapshotChunk, incoming: Incoming): Promise<void> {
    const { snapshot, chunk, data, done, from, to, term } = message;
    try {
      await this.#context.storage.stageChunk(snapshot.id, chunk, data);
    } finally {
      this.#staging = false;
    }
    incoming.next = chunk + 1;
    incoming.isWhole = done;
    this.#answer(message, incoming.next);
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
