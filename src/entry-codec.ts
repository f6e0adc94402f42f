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
import type { Configuration, EncodedBytes, Entry, Member } from "./core/types.ts";
import { messageOf, RaftError } from "./errors.ts";
import { readInteger, readUint32, writeInteger, writeUint32 } from "./numbers.ts";

/** What an entry takes beside its payload. */
export const ENTRY_HEADER_BYTES = 33;
const CHECKSUM_AT = 4;
const CHECKED_FROM = 8;
const KINDS = ["command", "blank", "configuration"] as const;
const NO_PAYLOAD = new Uint8Array(0);

/** All entries' bytes, one after the other. No copy where they stand so in memory already, as a fresh batch does. */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  encodeFresh(entries);
  const stretches = stretchesOf(entries);
  const [first] = stretches;
  if (first === undefined) return NO_PAYLOAD;
  return stretches.length === 1 ? first : Buffer.concat(stretches);
}

/**
 * The entries in `bytes`. Throws `RAFT_BAD_FRAME` where a byte is missing or left over, or says what cannot be; whether
 * one is wrong, `verifyChecksums` tells. The entries are views of `bytes`, which must not be changed afterwards.
 */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const remaining = bytes.length - offset;
    const size = remaining < ENTRY_HEADER_BYTES ? 0 : readUint32(bytes, offset);
    if (size < ENTRY_HEADER_BYTES || size > remaining) {
      throw new RaftError(
        "RAFT_BAD_FRAME",
        `an entry at byte ${offset} is cut off or of no possible size`,
      );
    }
    entries.push(decodeEntry({ block: bytes, start: offset, end: offset + size }));
    offset += size;
  }
  return entries;
}

/**
 * Throws `RAFT_BAD_FRAME` where an entry is not what the leader that made it has encoded: for entries that come from a
 * disk. On the wire the frame around them has a checksum of its own, and nobody looks at each of them again.
 */
export function verifyChecksums(entries: readonly Entry[]): void {
  for (const entry of entries) {
    const { block, start, end } = encodedOf(entry);
    if (crc32(block.subarray(start + CHECKED_FROM, end)) !== readUint32(block, start + CHECKSUM_AT))
      throw new RaftError("RAFT_BAD_FRAME", "an entry does not match its checksum");
  }
}

/** How many bytes the entry takes, encoded. */
export function encodedSize(entry: Entry): number {
  if (entry.encoded === undefined) encodeFresh([entry]);
  const { start, end } = encodedOf(entry);
  return end - start;
}

function encodedOf(entry: Entry | undefined): EncodedBytes {
  if (entry?.encoded === undefined) throw new Error("encodeFresh has encoded every entry");
  return entry.encoded;
}

/** Encodes what has no bytes yet, into one buffer, so that a new batch lies in one piece. */
function encodeFresh(entries: readonly Entry[]): void {
  let total = 0;
  for (const entry of entries) {
    if (entry.encoded === undefined) total += ENTRY_HEADER_BYTES + payloadOf(entry).length;
  }
  if (total === 0) return;

  const block: Uint8Array = new Uint8Array(Buffer.allocUnsafeSlow(total).buffer);
  let start = 0;
  for (const entry of entries) {
    if (entry.encoded !== undefined) continue;
    const payload = payloadOf(entry);
    const end = start + ENTRY_HEADER_BYTES + payload.length;
    entry.encoded = { block, start, end };
    writeHeader(block, start, entry, end - start);
    block.set(payload, start + ENTRY_HEADER_BYTES);
    writeUint32(block, start + CHECKSUM_AT, crc32(block.subarray(start + CHECKED_FROM, end)));
    start = end;
  }
}

/** All but the checksum. */
function writeHeader(block: Uint8Array, at: number, entry: Entry, size: number): void {
  writeUint32(block, at, size);
  writeInteger(block, at + 8, entry.index);
  writeInteger(block, at + 16, entry.term);
  writeInteger(block, at + 24, entry.time);
  block[at + 32] = KINDS.indexOf(entry.kind);
}

/** The entries' bytes in as few pieces as they lie in: what was encoded, or has come, together is one. */
function stretchesOf(entries: readonly Entry[]): readonly Uint8Array[] {
  const stretches: Uint8Array[] = [];
  let at = 0;
  while (at < entries.length) {
    const { block, start, end: firstEnd } = encodedOf(entries[at]);
    let end = firstEnd;
    for (at += 1; at < entries.length; at += 1) {
      const next = entries[at]?.encoded;
      if (next?.block !== block || next.start !== end) break;
      ({ end } = next);
    }
    stretches.push(block.subarray(start, end));
  }
  return stretches;
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

function decodeEntry(encoded: EncodedBytes): Entry {
  const { block, start, end } = encoded;
  const index = integerAt(block, start + 8);
  const term = integerAt(block, start + 16);
  const time = integerAt(block, start + 24);
  const kind = KINDS[block[start + 32] ?? -1];
  const payload = block.subarray(start + ENTRY_HEADER_BYTES, end);
  switch (kind) {
    case "command":
      return { index, term, time, encoded, kind, payload };
    case "blank":
      return { index, term, time, encoded, kind };
    case "configuration": {
      const configuration = configurationFromArray(decode(payload));
      return { index, term, time, encoded, kind, configuration };
    }
    default:
      throw new RaftError("RAFT_BAD_FRAME", `entry ${index} is of an unknown kind`);
  }
}

function integerAt(block: Uint8Array, at: number): number {
  const value = readInteger(block, at);
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
