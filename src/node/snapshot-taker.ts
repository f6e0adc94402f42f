/**
 * Taking snapshots by policy, beside applying (section 7): the state is captured at once at its index, then staged chunk
 * by chunk; the core switches to it, and cuts the log, when the last chunk is durable.
 */

import type { Input } from "../core/ready.ts";
import type { Entry, LogIndex } from "../core/types.ts";
import { ENTRY_HEADER_BYTES } from "../entry-codec.ts";
import { MAX_CHUNK_BYTES } from "../storage/storage.ts";
import type { Storage } from "../storage/storage.ts";
import { applyError, storageError } from "./failures.ts";
import { LogMarks } from "./log-marks.ts";
import type { Mark } from "./log-marks.ts";
import type { SnapshotPolicy } from "./options.ts";
import type { StateMachine } from "./state-machine.ts";

/**
 * A larger snapshot is taken anew only once the log has grown by four times as much: then of all bytes that are written a
 * fifth are of snapshots (thesis 5.1.2, expansion factor). Below this it is taken whenever the policy says so.
 */
const SMALL_SNAPSHOT_BYTES = 1024 * 1024;
const EXPANSION_FACTOR = 4;
/** Many states are small: the memory for a chunk grows with what there is to put into it. */
const FIRST_CHUNK_BYTES = 4096;

interface Taking {
  isWanted: boolean;
}

export class SnapshotTaker {
  readonly #machine: Pick<StateMachine, "snapshot">;
  readonly #storage: Storage;
  readonly #policy: SnapshotPolicy;
  readonly #newId: (index: LogIndex) => string;
  readonly #marks: LogMarks;
  /** Where the last snapshot was taken, or restored. */
  #taken: Mark = { index: 0, bytes: 0 };
  /** Bytes of the last snapshot that was taken here. */
  #size = 0;
  /** The one that is being taken. */
  #taking: Taking | undefined;
  #stopped = false;

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
    this.#marks = new LogMarks(policy);
  }

  /** A leader's snapshot takes the state's place: what is being taken is of no use any more, and may break. */
  onRestoring(): void {
    if (this.#taking !== undefined) this.#taking.isWanted = false;
  }

  onRestored(index: LogIndex): void {
    this.#marks.restart(index);
    this.#taken = this.#marks.end;
  }

  /** Leaves the snapshot that is being taken, if there is one, unfinished. */
  stop(): void {
    this.#stopped = true;
    this.onRestoring();
  }

  /**
   * Counts what was applied; a snapshot if the policy asks for one now, to be reported to the core when it resolves:
   * with `undefined` where it was left unfinished.
   */
  onApplied(entries: readonly Entry[], pinned: LogIndex): Promise<Input | undefined> | undefined {
    for (const entry of entries) this.#marks.add(entry);
    const last = entries.at(-1);
    if (last === undefined || this.#taking !== undefined || !this.#isDue()) return undefined;
    return this.#take(last, pinned);
  }

  #isDue(): boolean {
    const { everyEntries, everyBytes } = this.#policy;
    const { end } = this.#marks;
    const entries = end.index - this.#taken.index;
    const bytes = end.bytes - this.#taken.bytes;
    if (entries < everyEntries && bytes < everyBytes) return false;
    if (this.#size <= SMALL_SNAPSHOT_BYTES) return true;
    // With the headers: commands of few bytes, or of none, make a log grow, too.
    return bytes + entries * ENTRY_HEADER_BYTES >= EXPANSION_FACTOR * this.#size;
  }

  async #take({ index, time }: Entry, pinned: LogIndex): Promise<Input | undefined> {
    this.#taken = this.#marks.end;
    const id = this.#newId(index);
    const compactTo = Math.min(this.#marks.cut(), pinned);
    const taking = { isWanted: true };
    this.#taking = taking;
    try {
      let chunk = 0;
      let size = 0;
      // The first step captures the state, before anything else is applied.
      for await (const bytes of this.#capture(index, taking)) {
        await this.#storage.stageChunk(id, chunk++, bytes).catch(rethrow);
        size += bytes.length;
      }
      if (!taking.isWanted) return await this.#leave(id);
      this.#size = size;
    } finally {
      this.#taking = undefined;
    }
    return { type: "snapshotTaken", id, index, time, compactTo };
  }

  async *#capture(index: LogIndex, taking: Taking): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of inChunks(this.#machine.snapshot(), taking)) {
        if (!taking.isWanted) return;
        yield chunk;
      }
    } catch (cause) {
      if (taking.isWanted) throw applyError(`taking a snapshot at ${index} has failed`, cause);
    }
  }

  /** What is staged of it goes: now, or with the next open. */
  async #leave(id: string): Promise<undefined> {
    if (!this.#stopped) await this.#storage.dropSnapshot(id).catch(rethrow);
    return undefined;
  }
}

function rethrow(cause: unknown): never {
  throw storageError(cause);
}

/** With room for so many bytes, and then for as many again; never more than a chunk may have. */
function enlarged(chunk: Uint8Array, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.min(2 * needed, MAX_CHUNK_BYTES));
  larger.set(chunk);
  return larger;
}

/** The same bytes in chunks of a size that the storage and the transport take; at least one. It ends where they are not wanted any more. */
async function* inChunks(
  source: AsyncIterable<Uint8Array>,
  taking: Taking,
): AsyncGenerator<Uint8Array> {
  let chunk = Buffer.allocUnsafeSlow(FIRST_CHUNK_BYTES);
  let size = 0;
  let any = false;
  for await (const bytes of source) {
    if (!taking.isWanted) return;
    // Of anything else the length may be missing: it would count as nothing, and the log be cut for it.
    if (!(bytes instanceof Uint8Array)) {
      const kind = Object.prototype.toString.call(bytes).slice("[object ".length, -1);
      throw new TypeError(`it yields Uint8Array, not ${kind}: encode it first`);
    }
    for (let offset = 0; offset < bytes.length;) {
      // Copied before the next is asked for: the state machine may fill the same buffer again.
      const part = bytes.subarray(offset, offset + MAX_CHUNK_BYTES - size);
      if (size + part.length > chunk.length) chunk = enlarged(chunk, size + part.length);
      chunk.set(part, size);
      size += part.length;
      offset += part.length;
      if (size < MAX_CHUNK_BYTES) continue;
      yield chunk;
      any = true;
      chunk = Buffer.allocUnsafeSlow(MAX_CHUNK_BYTES);
      size = 0;
    }
  }
  if (size > 0 || !any) yield Buffer.from(chunk.subarray(0, size));
}
