/**
 * The frames of requests, from a client to a node. Each request carries an id that its response repeats. There is one for
 * each operation, so they are of fixed places: written straight into the frame, and read where they lie.
 *
 * ```
 * 0         1                     5
 * | version | requests (32 bits) | request ...                           a frame
 * | kind | id (64 bits) | body bytes (32 bits) | body |                  a request; big-endian
 * ```
 *
 * The body of a proposal is the command, that of a read its query in MessagePack. Both are opaque here.
 */

import { decode } from "../codec.ts";
import { readInteger, readUint32, writeInteger, writeUint32 } from "../numbers.ts";
import { envelopeBytes, writeEnvelope } from "./envelope.ts";
import type { Envelope } from "./envelope.ts";
import {
  badFrame,
  MAX_CLIENT_FRAME_BYTES,
  MAX_ITEMS_PER_FRAME,
  naturalFrom,
  PROTOCOL_VERSION,
  TARGET_FRAME_BYTES,
} from "./protocol.ts";

/** What a client asks for. */
export type Ask =
  /** Put this command into the log. */
  | { readonly type: "propose"; readonly command: Envelope }
  /** Answer this query, which is MessagePack: linearizably, or from what the node has applied, however old. */
  | { readonly type: "read" | "local-read"; readonly query: Uint8Array }
  /** Say who you are and whom you take for the leader. */
  | { readonly type: "status" };

interface RequestHeader {
  /** A non-negative integer; unique among the requests of the connection that are not answered yet. */
  readonly id: number;
}

interface ProposeRequest extends RequestHeader {
  readonly type: "propose";
  /** As it goes into the log. */
  readonly command: Uint8Array;
}

export interface ReadRequest extends RequestHeader {
  readonly type: "read" | "local-read";
  readonly query: unknown;
}

interface StatusRequest extends RequestHeader {
  readonly type: "status";
}

/** As it reaches the node. */
export type ClientRequest = ProposeRequest | ReadRequest | StatusRequest;

const PROPOSE = 0;
const READ = 1;
const STATUS = 2;
const LOCAL_READ = 3;

/** Most bytes of a query: what strangers send as MessagePack is small, whatever it says. */
export const MAX_QUERY_BYTES: number = 16 * 1024;

const FRAME_HEAD_BYTES = 5;
const REQUEST_HEAD_BYTES = 13;

/** What is asked under `firstId` and the ids that follow it, in order, in as few frames as the bounds allow. */
export function encodeRequests(
  asked: readonly { readonly ask: Ask }[],
  firstId: number,
): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let begin = 0; begin < asked.length;) {
    let bytes = FRAME_HEAD_BYTES;
    let end = begin;
    for (const { ask } of asked.slice(begin, begin + MAX_ITEMS_PER_FRAME)) {
      const size = REQUEST_HEAD_BYTES + askBytes(ask);
      if (end > begin && bytes + size > TARGET_FRAME_BYTES) break;
      bytes += size;
      end += 1;
    }
    frames.push(frameOf(asked.slice(begin, end), firstId + begin, bytes));
    begin = end;
  }
  return frames;
}

/** Throws `RAFT_BAD_FRAME` where the frame is anything but requests. Commands are views of the frame. */
export function decodeRequests(frame: Uint8Array): readonly ClientRequest[] {
  if (frame.length > MAX_CLIENT_FRAME_BYTES) throw badFrame(`has ${frame.length} bytes`);
  if (frame[0] !== PROTOCOL_VERSION) throw badFrame(`is of version ${frame[0]}`);
  const count = readUint32(frame, 1);
  if (count === 0 || count > MAX_ITEMS_PER_FRAME) throw badFrame(`says it holds ${count} requests`);
  const requests: ClientRequest[] = [];
  let at = FRAME_HEAD_BYTES;
  while (at < frame.length) {
    // A large frame has room for a million of them: to read those would take half a second.
    if (requests.length === count) throw badFrame(`holds more requests than the ${count} it says`);
    const begin = at + REQUEST_HEAD_BYTES;
    const end = begin + readUint32(frame, begin - 4);
    if (begin > frame.length || end > frame.length) throw badFrame("is cut off");
    const id = naturalFrom(readInteger(frame, at + 1));
    requests.push(requestFrom(frame[at], id, frame.subarray(begin, end)));
    at = end;
  }
  if (requests.length < count)
    throw badFrame(`holds ${requests.length} requests and says ${count}`);
  return requests;
}

function frameOf(
  asked: readonly { readonly ask: Ask }[],
  firstId: number,
  bytes: number,
): Uint8Array {
  const frame = Buffer.allocUnsafe(bytes);
  frame[0] = PROTOCOL_VERSION;
  writeUint32(frame, 1, asked.length);
  let at = FRAME_HEAD_BYTES;
  let id = firstId;
  for (const { ask } of asked) {
    const begin = at + REQUEST_HEAD_BYTES;
    const end = begin + askBytes(ask);
    frame[at] = kindOf(ask);
    writeInteger(frame, at + 1, id);
    writeUint32(frame, begin - 4, end - begin);
    if (ask.type === "propose") writeEnvelope(frame, begin, ask.command);
    else if (ask.type !== "status") frame.set(ask.query, begin);
    at = end;
    id += 1;
  }
  return frame;
}

/** How many bytes it takes in a frame, but for what every request takes. */
export function askBytes(ask: Ask): number {
  switch (ask.type) {
    case "propose":
      return envelopeBytes(ask.command);
    case "read":
    case "local-read":
      return ask.query.length;
    case "status":
      return 0;
  }
}

function kindOf({ type }: Ask): number {
  switch (type) {
    case "propose":
      return PROPOSE;
    case "read":
      return READ;
    case "local-read":
      return LOCAL_READ;
    case "status":
      return STATUS;
  }
}

function requestFrom(kind: number | undefined, id: number, body: Uint8Array): ClientRequest {
  if (kind === PROPOSE && body.length > 0) return { type: "propose", id, command: body };
  if (kind === READ) return { type: "read", id, query: queryIn(body) };
  if (kind === LOCAL_READ) return { type: "local-read", id, query: queryIn(body) };
  if (kind === STATUS && body.length === 0) return { type: "status", id };
  throw badFrame("holds what is no request");
}

function queryIn(body: Uint8Array): unknown {
  if (body.length > MAX_QUERY_BYTES) throw badFrame(`holds a query of ${body.length} bytes`);
  return decode(body);
}
