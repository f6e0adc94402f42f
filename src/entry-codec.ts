/**
 * The bytes of an entry. An entry is encoded once in its life: these bytes go on the wire to each follower, and onto
 * the disk of each member, so a frame and a record are concatenations of them.
 *
 * ```
 * 0      4       8      16     24     32    33
 * | size | crc32 | index | term | time | kind | payload ... |     integers big-endian; size counts all of it
 *                |<-------- checksummed ------------------>|
 * ```
 */

import { crc32 } from "node:zlib";
import { decode, encode } from "./codec.ts";
import type { Configuration, Entry, Member } from "./core/types.ts";
import { messageOf, RaftError } from "./errors.ts";

const HEADER_BYTES = 33;
const KINDS = ["command", "blank", "configuration"] as const;
const NO_PAYLOAD = new Uint8Array(0);

/** All entries' bytes, one after the other. No copy where they stand so in memory already, as a fresh batch does. */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  encodeFresh(entries);
  return adjacent(entries) ?? Buffer.concat(entries.map(bytesOf));
}

/**
 * The entries in `bytes`. Throws `RAFT_BAD_FRAME` where a byte is missing, left over or wrong. The entries are views of
 * `bytes`, which must not be changed afterwards.
 */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  for (let offset = 0; offset < buffer.length;) {
    const remaining = buffer.length - offset;
    const size = remaining < HEADER_BYTES ? 0 : buffer.readUInt32BE(offset);
    if (size < HEADER_BYTES || size > remaining) {
      throw new RaftError(
        "RAFT_BAD_FRAME",
        `an entry at byte ${offset} is cut off or of no possible size`,
      );
    }
    entries.push(decodeEntry(buffer.subarray(offset, offset + size)));
    offset += size;
  }
  return entries;
}

/** How many bytes the entry takes, encoded. */
export function encodedSize(entry: Entry): number {
  return entry.encoded?.length ?? encodeEntries([entry]).length;
}

function bytesOf(entry: Entry): Uint8Array {
  if (entry.encoded === undefined) throw new Error("encodeFresh has encoded every entry");
  return entry.encoded;
}

/** Encodes what has no bytes yet, into one buffer, so that a new batch lies in one piece. */
function encodeFresh(entries: readonly Entry[]): void {
  let total = 0;
  for (const entry of entries) {
    if (entry.encoded === undefined) total += HEADER_BYTES + payloadOf(entry).length;
  }
  if (total === 0) return;

  const buffer = Buffer.allocUnsafeSlow(total);
  let offset = 0;
  for (const entry of entries) {
    if (entry.encoded !== undefined) continue;
    const end = offset + HEADER_BYTES + payloadOf(entry).length;
    entry.encoded = writeEntry(entry, buffer.subarray(offset, end));
    offset = end;
  }
}

function writeEntry(entry: Entry, target: Buffer): Buffer {
  target.writeUInt32BE(target.length, 0);
  writeInteger(target, entry.index, 8);
  writeInteger(target, entry.term, 16);
  writeInteger(target, entry.time, 24);
  target[32] = KINDS.indexOf(entry.kind);
  target.set(payloadOf(entry), HEADER_BYTES);
  target.writeUInt32BE(crc32(target.subarray(8)), 4);
  return target;
}

/** One buffer that spans all entries, if they are neighbours in memory. */
function adjacent(entries: readonly Entry[]): Uint8Array | undefined {
  const first = entries[0]?.encoded;
  if (first === undefined) return NO_PAYLOAD;
  let end = first.byteOffset;
  for (const { encoded } of entries) {
    if (encoded?.buffer !== first.buffer || encoded.byteOffset !== end) return undefined;
    end += encoded.length;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
}

const configurationBytes = new WeakMap<Configuration, Uint8Array>();

function payloadOf(entry: Entry): Uint8Array {
  if (entry.kind === "command") return entry.payload;
  if (entry.kind === "blank") return NO_PAYLOAD;
  let bytes = configurationBytes.get(entry.configuration);
  if (bytes === undefined) {
    bytes = encode(configurationToArray(entry.configuration));
    configurationBytes.set(entry.configuration, bytes);
  }
  return bytes;
}

function decodeEntry(bytes: Buffer): Entry {
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32BE(4)) {
    throw new RaftError("RAFT_BAD_FRAME", "an entry does not match its checksum");
  }
  const index = readInteger(bytes, 8);
  const term = readInteger(bytes, 16);
  const time = readInteger(bytes, 24);
  const kind = KINDS[bytes[32] ?? -1];
  const payload = bytes.subarray(HEADER_BYTES);
  switch (kind) {
    case "command":
      return { index, term, time, encoded: bytes, kind, payload };
    case "blank":
      return { index, term, time, encoded: bytes, kind };
    case "configuration":
      return {
        index,
        term,
        time,
        encoded: bytes,
        kind,
        configuration: configurationFromArray(decode(payload)),
      };
    default:
      throw new RaftError("RAFT_BAD_FRAME", `entry ${index} is of unknown kind ${bytes[32]}`);
  }
}

/** Non-negative, below 2^53, as 64 bits. */
function writeInteger(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  target.writeUInt32BE(value >>> 0, offset + 4);
}

function readInteger(source: Buffer, offset: number): number {
  const value = source.readUInt32BE(offset) * 2 ** 32 + source.readUInt32BE(offset + 4);
  if (!Number.isSafeInteger(value)) {
    throw new RaftError("RAFT_BAD_FRAME", "an integer of an entry is not below 2^53");
  }
  return value;
}

type MemberFields = readonly [id: string, address: string, storeId: string | null];

/** A configuration as plain arrays, for whoever encodes one: [voters, votersOutgoing, learners] of [id, address, storeId]. */
export function configurationToArray(
  configuration: Configuration,
): readonly (readonly MemberFields[])[] {
  return [
    configuration.voters.map(memberToArray),
    configuration.votersOutgoing.map(memberToArray),
    configuration.learners.map(memberToArray),
  ];
}

function memberToArray({ id, address, storeId }: Member): MemberFields {
  return [id, address, storeId ?? null];
}

/** The reverse of `configurationToArray`; throws `RAFT_BAD_FRAME` where the value is anything else. */
export function configurationFromArray(value: unknown): Configuration {
  try {
    const [voters, votersOutgoing, learners, ...rest] = arrayOf(value).map((list) =>
      arrayOf(list).map(memberFrom),
    );
    if (
      voters === undefined ||
      votersOutgoing === undefined ||
      learners === undefined ||
      rest.length > 0
    ) {
      throw new TypeError("not three lists");
    }
    return { voters, votersOutgoing, learners };
  } catch (cause) {
    throw new RaftError("RAFT_BAD_FRAME", `not a configuration: ${messageOf(cause)}`, { cause });
  }
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError("not a list");
  return value;
}

function memberFrom(value: unknown): Member {
  const [id, address, storeId, ...rest] = arrayOf(value);
  if (typeof id !== "string" || id === "" || typeof address !== "string" || rest.length > 0) {
    throw new TypeError("not a member");
  }
  if (storeId !== null && typeof storeId !== "string") throw new TypeError("not a store id");
  return { id, address, storeId: storeId ?? undefined };
}
