/**
 * Snapshots as a stream of bytes: blocks, each with its length in front, cut into chunks of bounded size. The reader
 * takes the stream in chunks of any other size, since storage and network cut it anew.
 */

import { isRaftError, RaftError } from "../errors.ts";

/** Most bytes of a chunk. */
const CHUNK_BYTES = 64 * 1024;

/** A block is a few records; a length above this is no block of ours. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

const LENGTH_BYTES = 4;

/** Chunks of at most 64 KiB that hold the blocks one after the other. Blocks are asked for only as chunks are taken. */
export async function* chunksOf(blocks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let used = 0;
  for (const block of blocks) {
    const prefix = Buffer.allocUnsafe(LENGTH_BYTES);
    prefix.writeUInt32BE(block.length);
    for (const piece of [prefix, block]) {
      for (let offset = 0; offset < piece.length;) {
        const taken = Math.min(piece.length - offset, CHUNK_BYTES - used);
        pieces.push(piece.subarray(offset, offset + taken));
        offset += taken;
        used += taken;
        if (used < CHUNK_BYTES) continue;
        // A copy: a chunk that was handed over belongs to the taker (rule 68).
        yield Buffer.concat(pieces);
        pieces = [];
        used = 0;
      }
    }
  }
  if (used > 0) yield Buffer.concat(pieces);
}

/** Reads blocks back. Throws `RAFT_CORRUPT` where the stream ends inside of one. */
export class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffered: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next block; throws where there is none. */
  async read(): Promise<Uint8Array> {
    await this.#fill(LENGTH_BYTES);
    const length = this.#buffered.readUInt32BE();
    if (length > MAX_BLOCK_BYTES) throw corrupt(`a block of ${length} bytes`);
    await this.#fill(LENGTH_BYTES + length);
    const block = this.#buffered.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    this.#buffered = this.#buffered.subarray(LENGTH_BYTES + length);
    return block;
  }

  /** Checks that nothing is left. */
  async end(): Promise<void> {
    if (this.#buffered.length > 0 || (await this.#next()) !== undefined) {
      throw corrupt("bytes after the last block");
    }
  }

  /** What comes after the blocks that were read, as it came. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#buffered.length > 0) yield this.#buffered;
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) {
      yield chunk;
    }
  }

  async #fill(bytes: number): Promise<void> {
    if (this.#buffered.length >= bytes) return;
    const pieces: Uint8Array[] = [this.#buffered];
    for (let total = this.#buffered.length; total < bytes;) {
      const chunk = await this.#next();
      if (chunk === undefined) throw corrupt("an end inside of a block");
      pieces.push(chunk);
      total += chunk.length;
    }
    this.#buffered = Buffer.concat(pieces);
  }

  async #next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#chunks.next();
    return done === true ? undefined : value;
  }
}

/** Waits for a reader of snapshots. Bytes that do not decode are no bad frame here, but damage: `RAFT_CORRUPT`. */
export async function readingSnapshot<Value>(reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (cause) {
    if (!isRaftError(cause, "RAFT_BAD_FRAME")) throw cause;
    throw new RaftError("RAFT_CORRUPT", `the snapshot is damaged: ${cause.message}`, { cause });
  }
}

function corrupt(what: string): RaftError {
  return new RaftError("RAFT_CORRUPT", `the snapshot is damaged: it has ${what}`);
}
