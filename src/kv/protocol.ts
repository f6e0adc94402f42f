/**
 * What goes between a client and a node, over a `Connection`: frames of any number of requests (`requests.ts`), and frames
 * of responses, which are MessagePack arrays of a version and the responses. A response repeats the id of its request;
 * responses come in any order.
 *
 * All that comes from the other side is checked once, on decoding; a frame that does not pass closes its connection and
 * nothing else.
 */

import { decode, encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { LeaderHint, Outcome, RaftErrorCode } from "../errors.ts";
import { MAX_VALUE_LENGTH } from "./commands.ts";

/** Begins every frame; a frame of another version is refused. */
export const PROTOCOL_VERSION: number = 4;

/** A sender splits what would be larger, but for a single request or response. */
export const TARGET_FRAME_BYTES: number = 128 * 1024;

/** Most bytes of a frame that is accepted: a batch's answer with all that goes with it. */
export const MAX_CLIENT_FRAME_BYTES: number = 16 * MAX_VALUE_LENGTH;

/** Most bytes of a command that a client sends: with room to spare, so that it and what goes with it fit in a frame. */
export const MAX_COMMAND_BYTES: number = MAX_CLIENT_FRAME_BYTES / 2;

/** Most requests, or responses, of one frame. */
export const MAX_ITEMS_PER_FRAME = 1024;

/** What was asked has been done. */
export interface DoneResponse {
  readonly type: "done";
  readonly id: number;
  readonly index: LogIndex;
  /** Plain data, of a shape that is for the asker to check. */
  readonly value: unknown;
}

interface FailedResponse {
  readonly type: "failed";
  readonly id: number;
  readonly error: RaftError;
}

export type ClientResponse = DoneResponse | FailedResponse;

const DONE = 0;
const FAILED = 1;

/** Every code, to tell those that we know; complete, or this does not compile. */
const ERROR_CODES: Readonly<Record<RaftErrorCode, true>> = {
  RAFT_INVALID_OPTION: true,
  RAFT_INVALID_COMMAND: true,
  RAFT_NOT_LEADER: true,
  RAFT_OVERLOADED: true,
  RAFT_TOO_LARGE: true,
  RAFT_REPLACED: true,
  RAFT_LEADERSHIP_LOST: true,
  RAFT_ABORTED: true,
  RAFT_TIMEOUT: true,
  RAFT_STOPPED: true,
  RAFT_TRANSFER_FAILED: true,
  RAFT_APPLY_FAILED: true,
  RAFT_STORAGE_FAILED: true,
  RAFT_CORRUPT: true,
  RAFT_FORMAT_VERSION: true,
  RAFT_WRONG_CLUSTER: true,
  RAFT_WRONG_NODE: true,
  RAFT_WRONG_MEMBERS: true,
  RAFT_WIPED_MEMBER: true,
  RAFT_LOCKED: true,
  RAFT_COMPACTED: true,
  RAFT_ADDRESS_IN_USE: true,
  RAFT_INSECURE: true,
  RAFT_HANDSHAKE_REFUSED: true,
  RAFT_CONNECTION_LOST: true,
  RAFT_BAD_FRAME: true,
  RAFT_QUERY_FAILED: true,
  RAFT_SESSION_EXPIRED: true,
  RAFT_INTERNAL: true,
};

/** The responses in as few frames as the bounds allow, in order. Each frame is made when it is asked for. */
export function* encodeResponses(responses: readonly ClientResponse[]): Generator<Uint8Array> {
  let items: (readonly unknown[])[] = [];
  let size = 0;
  for (const response of responses) {
    const item = responseToArray(response);
    const itemSize = roughSizeOf(item);
    const isFull = items.length === MAX_ITEMS_PER_FRAME || size + itemSize > TARGET_FRAME_BYTES;
    if (isFull && items.length > 0) {
      yield encode([PROTOCOL_VERSION, items]);
      items = [];
      size = 0;
    }
    items.push(item);
    size += itemSize;
  }
  if (items.length > 0) yield encode([PROTOCOL_VERSION, items]);
}

/** Throws `RAFT_BAD_FRAME` where the frame is anything but responses. Bytes in values are views of the frame. */
export function decodeResponses(frame: Uint8Array): readonly ClientResponse[] {
  return itemsOf(frame).map(responseFrom);
}

/** About how many bytes plain data takes: texts may take up to three times as many, and small things a few less. */
function roughSizeOf(value: unknown): number {
  if (typeof value === "number") return 8;
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 1;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let size = 1;
  for (const part of parts) size += roughSizeOf(part);
  return size;
}

function itemsOf(frame: Uint8Array): readonly unknown[] {
  if (frame.length > MAX_CLIENT_FRAME_BYTES) throw badFrame(`has ${frame.length} bytes`);
  const fields = arrayOf(decode(frame));
  if (fields[0] !== PROTOCOL_VERSION) throw badFrame(`is of version ${String(fields[0])}`);
  const items = arrayOf(fields[1]);
  if (fields.length !== 2 || items.length === 0 || items.length > MAX_ITEMS_PER_FRAME) {
    throw badFrame(`holds ${items.length} items`);
  }
  return items;
}

function responseToArray(response: ClientResponse): readonly unknown[] {
  if (response.type === "done") return [DONE, response.id, response.index, response.value];
  const { code, message, outcome, leader } = response.error;
  return [
    FAILED,
    response.id,
    code,
    message,
    outcome,
    leader === undefined ? null : [leader.id, leader.address],
  ];
}

function responseFrom(value: unknown): ClientResponse {
  const fields = arrayOf(value);
  const [type, number, third, fourth] = fields;
  const id = naturalFrom(number);
  if (type === DONE && fields.length === 4) {
    return { type: "done", id, index: naturalFrom(third), value: fourth };
  }
  if (type === FAILED && fields.length === 6)
    return { type: "failed", id, error: errorFrom(fields) };
  throw badFrame("holds what is no response");
}

function errorFrom([, , code, message, outcome, leader]: readonly unknown[]): RaftError {
  if (typeof code !== "string" || typeof message !== "string" || !isOutcome(outcome)) {
    throw badFrame("holds what is no error");
  }
  const options = { outcome, leader: leaderHintFrom(leader) };
  if (isErrorCode(code)) return new RaftError(code, message, options);
  // A newer node may know more codes than we do; its outcome is what matters.
  return new RaftError("RAFT_INTERNAL", `${code}: ${message}`, options);
}

/** A hint from outside: [id, address], or nil. */
export function leaderHintFrom(value: unknown): LeaderHint | undefined {
  if (value === null || value === undefined) return undefined;
  const [id, address, ...rest] = arrayOf(value);
  if (typeof id !== "string" || typeof address !== "string" || address === "" || rest.length > 0) {
    throw badFrame("holds what is no leader hint");
  }
  return { id, address };
}

function isErrorCode(code: string): code is RaftErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

function isOutcome(value: unknown): value is Outcome {
  return value === "rejected" || value === "unknown";
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw badFrame("lacks an array");
  return value;
}

export function naturalFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw badFrame("lacks a non-negative integer");
  }
  return value;
}

export function badFrame(problem: string): RaftError {
  return new RaftError("RAFT_BAD_FRAME", `the client frame ${problem}`);
}
