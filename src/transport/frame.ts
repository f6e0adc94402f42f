/**
 * Frames: how a byte stream is cut into pieces that are whole and undamaged.
 *
 * ```
 * 0        4       8
 * | length | crc32 | body ...      integers big-endian; length and checksum are of the body alone
 * ```
 *
 * A body is never empty, so that a run of zero bytes is no frame.
 */

import { crc32 } from "node:zlib";
import { RaftError } from "../errors.ts";

const FRAME_HEADER_BYTES = 8;

/** Up to this size a frame is copied into one piece: cheaper than one more piece for the kernel to gather. */
const INLINE_BYTES = 4096;

const NOTHING = Buffer.alloc(0);

/** A frame ready to be written: its pieces in order. */
export interface Frame {
  readonly parts: readonly Uint8Array[];
  /** The length of all parts. */
  readonly bytes: number;
}

/**
 * The frame whose body is `parts`, one after the other. A large last part is not copied: nobody may change it before
 * the frame has been written (rule 68).
 */
export function frameOf(parts: readonly Uint8Array[]): Frame {
  let length = 0;
  let checksum = 0;
  for (const part of parts) {
    length += part.length;
    checksum = crc32(part, checksum);
  }

  const tail = length > INLINE_BYTES ? parts.at(-1) : undefined;
  const inlined = tail === undefined ? parts : parts.slice(0, -1);
  const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length - (tail?.length ?? 0));
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(checksum, 4);
  let offset = FRAME_HEADER_BYTES;
  for (const part of inlined) {
    head.set(part, offset);
    offset += part.length;
  }
  return {
    parts: tail === undefined ? [head] : [head, tail],
    bytes: FRAME_HEADER_BYTES + length,
  };
}

/**
 * Finds the frames in chunks of a stream, wherever the chunks begin and end. A frame that lies whole in one chunk is a
 * view of it; any other is copied once. Holds at most the chunk in hand and one frame of the maximum length.
 */
export class FrameParser {
  #maxBodyBytes: number;
  #chunk: Buffer = NOTHING;
  #offset = 0;
  /** The header of a frame that does not lie whole in its chunk, as far as it has come. */
  readonly #header: Buffer = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  /** The body of such a frame, once its header is complete. */
  #body: Buffer | undefined;
  #bodyBytes = 0;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Another maximum, for the frames that have not begun yet. */
  limit(maxBodyBytes: number): void {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Whether the stream has ended in the middle of a frame, if it ends here. */
  get isMidFrame(): boolean {
    return this.#headerBytes > 0 || this.#offset < this.#chunk.length;
  }

  /** Adds what was received; then call `next` until it returns `undefined`. `chunk` must not be changed any more. */
  push(chunk: Buffer): void {
    const rest = this.#chunk.subarray(this.#offset);
    this.#chunk = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#offset = 0;
  }

  /** The body of the next whole frame. Throws `RAFT_BAD_FRAME`: then the stream is lost, for nothing marks a next frame. */
  next(): Buffer | undefined {
    const body = this.#headerBytes === 0 ? (this.#nextInPlace() ?? this.#gather()) : this.#gather();
    if (this.#offset === this.#chunk.length) {
      this.#chunk = NOTHING;
      this.#offset = 0;
    }
    return body;
  }

  #nextInPlace(): Buffer | undefined {
    const start = this.#offset + FRAME_HEADER_BYTES;
    if (start > this.#chunk.length) return undefined;
    const end = start + this.#bodyLength(this.#chunk, this.#offset);
    if (end > this.#chunk.length) return undefined;
    const body = this.#chunk.subarray(start, end);
    verify(body, this.#chunk.readUInt32BE(this.#offset + 4));
    this.#offset = end;
    return body;
  }

  #gather(): Buffer | undefined {
    this.#headerBytes += this.#copyTo(this.#header, this.#headerBytes);
    if (this.#headerBytes < FRAME_HEADER_BYTES) return undefined;

    this.#body ??= Buffer.allocUnsafeSlow(this.#bodyLength(this.#header, 0));
    this.#bodyBytes += this.#copyTo(this.#body, this.#bodyBytes);
    if (this.#bodyBytes < this.#body.length) return undefined;

    const body = this.#body;
    verify(body, this.#header.readUInt32BE(4));
    this.#headerBytes = 0;
    this.#body = undefined;
    this.#bodyBytes = 0;
    return body;
  }

  /** Fills `target` from `start` with what the chunk has; returns how many bytes that were. */
  #copyTo(target: Buffer, start: number): number {
    const copied = this.#chunk.copy(target, start, this.#offset);
    this.#offset += copied;
    return copied;
  }

  #bodyLength(header: Buffer, offset: number): number {
    const length = header.readUInt32BE(offset);
    if (length === 0 || length > this.#maxBodyBytes) {
      const text = isTlsRecord(header, offset)
        ? "the other side speaks TLS, this one plain text: both need certificates, or neither"
        : `a frame of ${length} bytes where 1 to ${this.#maxBodyBytes} are allowed`;
      throw new RaftError("RAFT_BAD_FRAME", text);
    }
    return length;
  }
}

/** Whether it begins as an alert (21) or a handshake (22) of TLS does, in any version: 3 and a minor number. */
function isTlsRecord(header: Buffer, offset: number): boolean {
  const type = header[offset];
  return (type === 21 || type === 22) && header[offset + 1] === 3;
}

function verify(body: Buffer, checksum: number): void {
  if (crc32(body) !== checksum) {
    throw new RaftError(
      "RAFT_BAD_FRAME",
      `a frame of ${body.length} bytes does not match its checksum`,
    );
  }
}
