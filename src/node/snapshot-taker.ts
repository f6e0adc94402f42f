/**
 * Taking snapshots by policy, beside applying (section 7): the state is captured at once at its index, then staged chunk
 * by chunk; the core switches to it, and cuts the log, when the last chunk is durable.
 */

import type { Input } from "../core/ready.ts";
import type { Entry, LogIndex } from "../core/types.ts";
import { messageOf, RaftError } from "../errors.ts";
import { MAX_CHUNK_BYTES } from "../storage/storage.ts";
import type { Storage } from "../storage/storage.ts";
import type { SnapshotPolicy } from "./options.ts";
import type { StateMachine } from "./state-machine.ts";

/** Remembers where the log's bytes are, coarsely: a mark at least every so many entries. */
const ENTRIES_PER_MARK = 64;

interface Mark {
  readonly index: LogIndex;
  /** Bytes applied up to here since the node started. */
  readonly bytes: number;
}

export class SnapshotTaker {
  readonly #machine: Pick<StateMachine, "snapshot">;
  readonly #storage: Storage;
  readonly #policy: SnapshotPolicy;
  readonly #newId: (index: LogIndex) => string;
  #last: Mark = { index: 0, bytes: 0 };
  #bytes = 0;
  #marks: Mark[] = [this.#last];
  #busy = false;

  constructor(
    machine: Pick<StateMachine, "snapshot">,
    storage: Storage,
    policy: SnapshotPolicy,
    newId: (index: LogIndex) => string,
  ) {
    this.#machine = machine;
    this.#storage = storage;
    this.#policy = policy;
    this.#newId = newId;
  }

  onRestored(index: LogIndex): void {
    this.#last = { index, bytes: this.#bytes };
    this.#marks = [this.#last];
  }

  /** Counts what was applied; a snapshot if the policy asks for one now, to be reported to the core when it resolves. */
  onApplied(entries: readonly Entry[], pinned: LogIndex): Promise<Input> | undefined {
    for (const entry of entries) {
      if (entry.kind === "command") this.#bytes += entry.payload.length;
      if (entry.index % ENTRIES_PER_MARK === 0)
        this.#marks.push({ index: entry.index, bytes: this.#bytes });
    }
    const last = entries.at(-1);
    if (last === undefined || this.#busy || !this.#isDue(last.index)) return undefined;
    return this.#take(last, pinned);
  }

  #isDue(index: LogIndex): boolean {
    const { everyEntries, everyBytes } = this.#policy;
    return index - this.#last.index >= everyEntries || this.#bytes - this.#last.bytes >= everyBytes;
  }

  async #take({ index, time }: Entry, pinned: LogIndex): Promise<Input> {
    this.#busy = true;
    this.#last = { index, bytes: this.#bytes };
    const id = this.#newId(index);
    const compactTo = Math.min(this.#compactTo(index), pinned);
    try {
      // Captured here, before anything else is applied.
      const state = this.#machine.snapshot();
      let chunk = 0;
      for await (const bytes of inChunks(state)) await this.#storage.stageChunk(id, chunk++, bytes);
    } catch (cause) {
      throw new RaftError(
        "RAFT_APPLY_FAILED",
        `taking a snapshot at ${index} has failed: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    } finally {
      this.#busy = false;
    }
    return { type: "snapshotTaken", id, index, time, compactTo };
  }

  /** A tail stays for followers that are a little behind, bounded by entries and by bytes (rule 59). */
  #compactTo(index: LogIndex): LogIndex {
    const { keepEntries, keepBytes } = this.#policy;
    const within = this.#marks.findIndex(({ bytes }) => this.#bytes - bytes <= keepBytes);
    const byBytes = within === -1 ? index : (this.#marks[within]?.index ?? index);
    if (within > 0) this.#marks.splice(0, within);
    return Math.max(0, index - keepEntries, Math.min(byBytes, index));
  }
}

/** The same bytes in chunks of a size that the storage and the transport take; at least one. */
async function* inChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let any = false;
  for await (const bytes of source) {
    for (let offset = 0; offset < bytes.length;) {
      const part = bytes.subarray(offset, offset + MAX_CHUNK_BYTES - size);
      parts.push(part);
      size += part.length;
      offset += part.length;
      if (size < MAX_CHUNK_BYTES) continue;
      yield Buffer.concat(parts);
      any = true;
      parts = [];
      size = 0;
    }
  }
  if (size > 0 || !any) yield Buffer.concat(parts);
}
