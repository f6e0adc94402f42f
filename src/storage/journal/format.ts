/**
 * The bytes of a segment: a header in a page of its own, then batches one behind the other, up to the first bytes that
 * are none.
 *
 * ```
 * 0         8         16       24       32                 4096
 * | magic   | version | number | salt   | crc32 | zeros    | batch | batch | ...
 *
 * batch:      | crc32 | length of the changes | number of the batch | change | change | ... | zeros up to 8 bytes |
 * put:        | 1 | length of the key (2) | length of the value (4) | key | value |
 * delete:     | 2 | length of the key (2) | 0 (4)                   | key |
 * ```
 *
 * The checksum of a batch begins with that of its segment's header, which no two segments share: what a file held in a
 * former life, or what a value holds that looks like a batch, is none.
 */

import { crc32 } from "node:zlib";
import {
  readInteger,
  readUint16,
  readUint32,
  writeInteger,
  writeUint16,
  writeUint32,
} from "../../numbers.ts";
import { RaftError } from "../../errors.ts";
import { textIn } from "../../text.ts";
import { verify } from "../checks.ts";
import type { StoreOperation } from "../ordered-store.ts";

/** The header has a page to itself: nothing that is written later touches it. */
export const HEADER_BYTES = 4096;
const MAGIC = 0x71_6a_72_6e;
const VERSION = 1;
const HEADER_END = 36;
const BATCH_HEADER_BYTES = 16;
const CHANGE_HEADER_BYTES = 7;
const ALIGNMENT = 8;
/** A file is mostly zeros before it has been written to: they are passed over a page at a time. */
const PAGE_BYTES = 4096;
const ZEROS = Buffer.alloc(PAGE_BYTES);
const PUT = 1;
const DELETE = 2;

/** What a segment is. */
export interface SegmentHeader {
  /** Segments are numbered consecutively, from 1. */
  readonly number: number;
  /** Of the journal, drawn when it is made: at least 0, below 2^53. */
  readonly salt: number;
}

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES);
  writeHeader(bytes, header);
  return bytes;
}

/** To the start of zeros. */
function writeHeader(bytes: Uint8Array, { number, salt }: SegmentHeader): void {
  writeUint32(bytes, 0, MAGIC);
  writeInteger(bytes, 8, VERSION);
  writeInteger(bytes, 16, number);
  writeInteger(bytes, 24, salt);
  writeUint32(bytes, 32, crc32(bytes.subarray(0, 32)));
}

/** `undefined` where it is damaged. Throws `RAFT_FORMAT_VERSION` where another version of the library has written it. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < HEADER_END || readUint32(bytes, 0) !== MAGIC) return undefined;
  if (readUint32(bytes, 32) !== crc32(bytes.subarray(0, 32))) return undefined;
  const version = readInteger(bytes, 8);
  if (version !== VERSION) {
    throw new RaftError(
      "RAFT_FORMAT_VERSION",
      `the journal has format version ${version}, this library reads version ${VERSION}`,
    );
  }
  return { number: readInteger(bytes, 16), salt: readInteger(bytes, 24) };
}

/** What the checksums of a segment's batches begin with. */
export function seedOf(header: SegmentHeader): number {
  const bytes = new Uint8Array(HEADER_END);
  writeHeader(bytes, header);
  return readUint32(bytes, 32);
}

/** How long the batch of these changes is, the zeros behind it included. */
export function batchBytes(operations: readonly StoreOperation[]): number {
  let bytes = BATCH_HEADER_BYTES;
  for (const operation of operations) {
    bytes += CHANGE_HEADER_BYTES + Buffer.byteLength(operation.key);
    if (operation.type === "put") bytes += operation.value.length;
  }
  return aligned(bytes);
}

/** Writes a batch to the start of `bytes`, which has room for it, and adds to `places` where each value begins. */
export function encodeBatch(
  bytes: Buffer,
  { seed, number }: { readonly seed: number; readonly number: number },
  operations: readonly StoreOperation[],
  places: number[],
): void {
  let at = BATCH_HEADER_BYTES;
  for (const operation of operations) {
    const { key } = operation;
    const keyBytes = bytes.write(key, at + CHANGE_HEADER_BYTES);
    bytes[at] = operation.type === "put" ? PUT : DELETE;
    writeUint16(bytes, at + 1, keyBytes);
    writeUint32(bytes, at + 3, operation.type === "put" ? operation.value.length : 0);
    at += CHANGE_HEADER_BYTES + keyBytes;
    places.push(at);
    if (operation.type === "put") {
      bytes.set(operation.value, at);
      at += operation.value.length;
    }
  }
  writeUint32(bytes, 4, at - BATCH_HEADER_BYTES);
  writeInteger(bytes, 8, number);
  writeUint32(bytes, 0, crc32(bytes.subarray(4, at), seed));
  bytes.fill(0, at, aligned(at));
}

/** A batch that was found in a segment. */
export interface FoundBatch {
  readonly number: number;
  /** Where its changes begin. */
  readonly begin: number;
  /** Where they end. */
  readonly end: number;
  /** Where the next batch begins. */
  readonly next: number;
}

/** The batch at `at`, if there is a whole one. */
export function batchAt(bytes: Uint8Array, at: number, seed: number): FoundBatch | undefined {
  const begin = at + BATCH_HEADER_BYTES;
  if (begin > bytes.length) return undefined;
  const length = readUint32(bytes, at + 4);
  const end = begin + length;
  if (end > bytes.length) return undefined;
  const number = readInteger(bytes, at + 8);
  if (number === 0) return undefined;
  if (readUint32(bytes, at) !== crc32(bytes.subarray(at + 4, end), seed)) return undefined;
  return { number, begin, end, next: aligned(end) };
}

/**
 * Whether a whole batch with a number above `above` stands anywhere from `from` on. Batches are written one by one: behind
 * one that a crash has torn there is none.
 */
export function isFollowedByBatch(
  bytes: Uint8Array,
  from: number,
  { seed, above }: { readonly seed: number; readonly above: number },
): boolean {
  // Batches are numbered one by one: with that most of what is none need not be read further.
  const most = above === 0 ? Infinity : above + (bytes.length - from) / BATCH_HEADER_BYTES;
  for (let page = from; page < bytes.length; page += PAGE_BYTES) {
    const end = Math.min(page + PAGE_BYTES, bytes.length - BATCH_HEADER_BYTES + 1);
    if (ZEROS.equals(bytes.subarray(page, page + PAGE_BYTES))) continue;
    for (let at = page; at < end; at += ALIGNMENT) {
      const number = readInteger(bytes, at + 8);
      if (number > above && number <= most && batchAt(bytes, at, seed) !== undefined) return true;
    }
  }
  return false;
}

/** One change of a batch in a segment. */
export interface FoundChange {
  readonly type: StoreOperation["type"];
  readonly key: string;
  /** Where its value begins. */
  readonly position: number;
  readonly length: number;
}

/** The changes from `begin` to below `end`. Their checksum has been compared. */
export function* changesIn(
  bytes: Uint8Array,
  { begin, end }: Pick<FoundBatch, "begin" | "end">,
): Generator<FoundChange> {
  let at = begin;
  while (at < end) {
    verify(at + CHANGE_HEADER_BYTES <= end, "a batch of the journal ends within a change");
    const keyEnd = at + CHANGE_HEADER_BYTES + readUint16(bytes, at + 1);
    const length = readUint32(bytes, at + 3);
    const type = bytes[at] === PUT ? "put" : "del";
    verify(keyEnd + length <= end, "a change in the journal goes beyond its batch");
    yield { type, key: textIn(bytes, at + CHANGE_HEADER_BYTES, keyEnd), position: keyEnd, length };
    at = keyEnd + length;
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
