/**
 * Where things stand in the ordered store: keys and records.
 *
 * A key is `<group>/<kind>/<number>`, numbers in hexadecimal of fixed width, so that keys sort as the numbers do. The group
 * lets several Raft groups share a store one day; today it is always 0.
 *
 * | kind            | number       | value                                                          |
 * |-----------------|--------------|----------------------------------------------------------------|
 * | `meta`          |              | format version, cluster, node, store id, first configuration   |
 * | `state`         | batch number | the marker: term, vote, commit index, and what the rest must be|
 * | `log`           | first index  | entries, concatenated, each with its own checksum              |
 * | `run`           | first index  | the term of the entries from there on                          |
 * | `configuration` | index        | the configuration that the entry holds                         |
 * | `snapshot`      | its number   | what the current snapshot stands for                           |
 * | `chunk`         | snapshot's number `/` chunk | bytes of the snapshot                           |
 * | `peer`          | node id      | the peer's store id                                            |
 *
 * Every value but `log`'s starts with a checksum over key and content: a record is not taken for another's.
 */

import { crc32 } from "node:zlib";
import { decode, encode } from "../codec.ts";
import type {
  EntryId,
  HardState,
  LogIndex,
  LoggedConfiguration,
  NodeId,
  SnapshotMeta,
  TermRun,
} from "../core/types.ts";
import type { Configuration } from "../core/types.ts";
import { configurationFromArray, configurationToArray } from "../entry-codec.ts";
import { RaftError } from "../errors.ts";
import { readInteger, readUint32, writeInteger } from "../numbers.ts";
import { textIn } from "../text.ts";
import { verify } from "./checks.ts";
import type { StoreOperation, StoreRecord } from "./ordered-store.ts";

/** Raised whenever bytes on a disk get another meaning, those of commands and snapshots of the store included. */
const FORMAT_VERSION = 5;
const GROUP = hex(0, 8);
/** 2^53 - 1 in hexadecimal. */
const NUMBER_DIGITS = 14;
const CHECKSUM_BYTES = 4;

export type Kind =
  "meta" | "state" | "log" | "run" | "configuration" | "snapshot" | "chunk" | "peer";

/** A half-open range of keys. */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/** Every key of the group. `0` is what follows `/`. */
export const GROUP_RANGE: KeyRange = { gte: `${GROUP}/`, lt: `${GROUP}0` };

export const META_KEY: string = `${GROUP}/meta`;

export function keyOf(kind: Kind, number: number): string {
  return `${GROUP}/${kind}/${hex(number, NUMBER_DIGITS)}`;
}

export function chunkKey(snapshot: number, chunk: number): string {
  return `${keyOf("chunk", snapshot)}/${hex(chunk, NUMBER_DIGITS)}`;
}

function peerKey(peer: NodeId): string {
  return `${GROUP}/peer/${Buffer.from(peer).toString("hex")}`;
}

/** All keys of a kind. */
export function rangeOf(kind: Kind): KeyRange {
  return { gte: `${GROUP}/${kind}/`, lt: `${GROUP}/${kind}0` };
}

/** Keys of a kind with numbers from `from` to below `to`; for chunks, those of so numbered snapshots. */
export function numberRange(kind: Kind, from: number, to: number): KeyRange {
  return { gte: keyOf(kind, from), lt: keyOf(kind, to) };
}

/** The chunks of one snapshot. */
export function chunkRange(snapshot: number): KeyRange {
  return { gte: `${keyOf("chunk", snapshot)}/`, lt: `${keyOf("chunk", snapshot)}0` };
}

/** The number in a key; for a chunk, the one of its snapshot. */
export function numberIn(key: string): number {
  const kindEnds = key.indexOf("/", GROUP.length + 1);
  return Number.parseInt(key.slice(kindEnds + 1, kindEnds + 1 + NUMBER_DIGITS), 16);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

export interface Meta {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly storeId: string;
  readonly bootstrap: Configuration;
}

export function putMeta(meta: Meta): StoreOperation {
  return put(META_KEY, [
    FORMAT_VERSION,
    meta.clusterId,
    meta.nodeId,
    meta.storeId,
    configurationToArray(meta.bootstrap),
  ]);
}

/** Throws `RAFT_FORMAT_VERSION` where another version of the library has written the store. */
export function readMeta(value: Uint8Array): Meta {
  const [version, clusterId, nodeId, storeId, bootstrap] = open({ key: META_KEY, value });
  if (version !== FORMAT_VERSION) {
    throw new RaftError(
      "RAFT_FORMAT_VERSION",
      `the store has format version ${String(version)}, this library reads version ${FORMAT_VERSION}`,
    );
  }
  return {
    clusterId: text(clusterId),
    nodeId: text(nodeId),
    storeId: text(storeId),
    bootstrap: configurationFromArray(bootstrap),
  };
}

/**
 * Every batch carries one, numbered consecutively, and removes its predecessor in the same breath: a batch that
 * vanished from the middle of the store's journal leaves two. Its other fields say what the store must hold beside it.
 */
export interface Marker {
  readonly number: number;
  readonly hardState: HardState;
  readonly compacted: EntryId;
  readonly lastIndex: LogIndex;
  /** The number of the current snapshot's record, 0 for the empty one, which has none. */
  readonly snapshot: number;
  /** How many `run` and `configuration` records there are. */
  readonly runs: number;
  readonly configurations: number;
}

/** Eight integers, and whether there is a vote; the vote comes behind. */
const MARKER_BYTES = 65;

/** In fixed places: there is one in every batch. */
export function putMarker(marker: Marker): StoreOperation {
  const { hardState, compacted } = marker;
  const { currentTerm, commitIndex, votedFor } = hardState;
  const content = Buffer.allocUnsafe(MARKER_BYTES + Buffer.byteLength(votedFor ?? ""));
  writeInteger(content, 0, currentTerm);
  writeInteger(content, 8, commitIndex);
  writeInteger(content, 16, compacted.term);
  writeInteger(content, 24, compacted.index);
  writeInteger(content, 32, marker.lastIndex);
  writeInteger(content, 40, marker.snapshot);
  writeInteger(content, 48, marker.runs);
  writeInteger(content, 56, marker.configurations);
  content[64] = votedFor === undefined ? 0 : 1;
  content.write(votedFor ?? "", MARKER_BYTES);
  const key = keyOf("state", marker.number);
  return { type: "put", key, value: seal(key, content) };
}

export function readMarker(record: StoreRecord): Marker {
  const content = unseal(record);
  verify(content.length >= MARKER_BYTES, `the record ${record.key} is too short`);
  const field = (at: number): number => integer(readInteger(content, at));
  return {
    number: numberIn(record.key),
    hardState: {
      currentTerm: field(0),
      votedFor: content[64] === 0 ? undefined : textIn(content, MARKER_BYTES, content.length),
      commitIndex: field(8),
    },
    compacted: { term: field(16), index: field(24) },
    lastIndex: field(32),
    snapshot: field(40),
    runs: field(48),
    configurations: field(56),
  };
}

export function putRun({ firstIndex, term }: TermRun): StoreOperation {
  return put(keyOf("run", firstIndex), [term]);
}

export function readRun(record: StoreRecord): TermRun {
  const [term] = open(record);
  return { term: integer(term), firstIndex: numberIn(record.key) };
}

export function putConfiguration({ index, configuration }: LoggedConfiguration): StoreOperation {
  return put(keyOf("configuration", index), [configurationToArray(configuration)]);
}

export function readConfiguration(record: StoreRecord): LoggedConfiguration {
  const [configuration] = open(record);
  return { index: numberIn(record.key), configuration: configurationFromArray(configuration) };
}

/** The snapshot that is switched in, and where its chunks stand. */
export interface StoredSnapshot {
  /** Numbers rise from one staging to the next, so what is left of one never mixes with another. */
  readonly number: number;
  readonly chunks: number;
  readonly meta: SnapshotMeta;
}

export function putSnapshot({ number, chunks, meta }: StoredSnapshot): StoreOperation {
  return put(keyOf("snapshot", number), [
    chunks,
    meta.id,
    meta.lastIncluded.term,
    meta.lastIncluded.index,
    meta.time,
    meta.configuration.index,
    configurationToArray(meta.configuration.configuration),
  ]);
}

export function readSnapshot(record: StoreRecord): StoredSnapshot {
  const [chunks, id, term, index, time, configurationIndex, configuration] = open(record);
  return {
    number: numberIn(record.key),
    chunks: integer(chunks),
    meta: {
      id: text(id),
      lastIncluded: { term: integer(term), index: integer(index) },
      time: integer(time),
      configuration: {
        index: integer(configurationIndex),
        configuration: configurationFromArray(configuration),
      },
    },
  };
}

export function putPeer(peer: NodeId, storeId: string): StoreOperation {
  return put(peerKey(peer), [peer, storeId]);
}

export function readPeer(record: StoreRecord): readonly [peer: NodeId, storeId: string] {
  const [peer, storeId] = open(record);
  return [text(peer), text(storeId)];
}

export function putChunk(snapshot: number, chunk: number, bytes: Uint8Array): StoreOperation {
  const key = chunkKey(snapshot, chunk);
  return { type: "put", key, value: seal(key, bytes) };
}

/** The chunk's bytes, a view of the record. */
export function readChunkRecord(record: StoreRecord): Uint8Array {
  return unseal(record);
}

function put(key: string, fields: readonly unknown[]): StoreOperation {
  return { type: "put", key, value: seal(key, encode(fields)) };
}

function open(record: StoreRecord): readonly unknown[] {
  const fields = decode(unseal(record));
  verify(Array.isArray(fields), `the record ${record.key} is not a list`);
  return fields;
}

function seal(key: string, content: Uint8Array): Uint8Array {
  const value = Buffer.allocUnsafe(CHECKSUM_BYTES + content.length);
  value.set(content, CHECKSUM_BYTES);
  value.writeUInt32BE(checksum(key, content), 0);
  return value;
}

function unseal({ key, value }: StoreRecord): Uint8Array {
  const content = value.subarray(CHECKSUM_BYTES);
  const stored = value.length < CHECKSUM_BYTES ? undefined : readUint32(value, 0);
  verify(stored === checksum(key, content), `the record ${key} does not match its checksum`);
  return content;
}

function checksum(key: string, content: Uint8Array): number {
  return crc32(content, crc32(key));
}

function integer(value: unknown): number {
  verify(
    typeof value === "number" && Number.isSafeInteger(value),
    "a field of a record is not an integer",
  );
  return value;
}

function text(value: unknown): string {
  verify(typeof value === "string", "a field of a record is not a text");
  return value;
}
