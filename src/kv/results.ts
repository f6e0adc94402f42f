/**
 * What the store answers to commands and queries, and how an answer travels and is kept in snapshots: as an array that
 * begins with a code. The readers here check what comes back from outside and copy bytes out of the frame.
 *
 * ```
 *   an operation's result   [status] or [status, previous value, its index]
 *   a batch's               [COMMITTED, results] or [ABORTED, position, result]
 *   an answer               [GET] or [GET, value, index]; [RANGE, more, key, value, index, key, value, index ...]
 * ```
 */

import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import { keyFrom, valueFrom } from "./commands.ts";
import type { KvValue } from "./commands.ts";

/** A value and the log index of the command that wrote it: unique to this write, good as a fencing token. */
export interface VersionedValue {
  readonly value: KvValue;
  readonly index: LogIndex;
}

/** Why an operation changed nothing. */
export type KvFailure =
  /** Compare-and-set found something else. */
  | "mismatch"
  /** Append to a number or to the other kind, increment of what is no safe integer. */
  | "wrong-type"
  /** The new value, or all that a batch would have to answer, is beyond its bound. */
  | "too-large"
  /** The log holds bytes that are no command. */
  | "invalid-command";

/** What came of one operation. */
export interface KvOperationResult {
  readonly status: "ok" | KvFailure;
  /**
   * What was at the key before: where that was asked for, where the operation failed, and for `increment`; for `get`, what
   * is there.
   */
  readonly previous: VersionedValue | undefined;
}

/** Every operation has taken effect. */
export interface KvBatchCommitted {
  readonly status: "committed";
  /** One for each operation, in order. */
  readonly results: readonly KvOperationResult[];
}

/** One operation failed, and none has taken effect. */
export interface KvBatchAborted {
  readonly status: "aborted";
  /** The position of the operation that failed; nothing of the batch took effect. */
  readonly failedAt: number;
  readonly cause: KvOperationResult;
}

export type KvBatchResult = KvBatchCommitted | KvBatchAborted;

export type KvResult = KvOperationResult | KvBatchResult;

/** A key with its value. */
export interface KvEntry extends VersionedValue {
  readonly key: string;
}

export interface KvGetAnswer {
  readonly type: "get";
  readonly found: VersionedValue | undefined;
}

export interface KvRangeAnswer {
  readonly type: "range";
  readonly entries: readonly KvEntry[];
  /** There is more beyond the last entry: limits of count or bytes cut the answer off. */
  readonly more: boolean;
}

export type KvAnswer = KvGetAnswer | KvRangeAnswer;

/** On the wire and in snapshots: a code is never given another meaning. The place of a status is its code. */
const STATUSES = ["ok", "mismatch", "wrong-type", "too-large", "invalid-command"] as const;
const COMMITTED = 16;
const ABORTED = 17;

const GET = 0;
const RANGE = 1;

export function resultToArray(result: KvResult): readonly unknown[] {
  if (result.status === "committed") return [COMMITTED, result.results.map(operationToArray)];
  if (result.status === "aborted")
    return [ABORTED, result.failedAt, operationToArray(result.cause)];
  return operationToArray(result);
}

/** The reverse of `resultToArray`, for what comes from outside. Throws `RAFT_BAD_FRAME` where it is no result. */
export function resultFrom(value: unknown): KvResult {
  const fields = arrayFrom(value);
  if (fields[0] === COMMITTED && fields.length === 2) {
    return { status: "committed", results: arrayFrom(fields[1]).map(operationResultFrom) };
  }
  if (fields[0] === ABORTED && fields.length === 3) {
    const failedAt = naturalFrom(fields[1]);
    return { status: "aborted", failedAt, cause: operationResultFrom(fields[2]) };
  }
  return operationResultFrom(fields);
}

export function answerToArray(answer: KvAnswer): readonly unknown[] {
  if (answer.type === "get") {
    const { found } = answer;
    return found === undefined ? [GET] : [GET, found.value, found.index];
  }
  const fields: unknown[] = [RANGE, answer.more];
  for (const { key, value, index } of answer.entries) fields.push(key, value, index);
  return fields;
}

/** The reverse of `answerToArray`, for what comes from outside. Throws `RAFT_BAD_FRAME` where it is no answer. */
export function answerFrom(value: unknown): KvAnswer {
  const fields = arrayFrom(value);
  const [type, more] = fields;
  if (type === GET) return { type: "get", found: versionedFrom(fields) };
  if (type !== RANGE || typeof more !== "boolean" || fields.length % 3 !== 2)
    throw malformed("answer");
  const entries: KvEntry[] = [];
  for (let at = 2; at < fields.length; at += 3) {
    const key = keyFrom(fields[at]);
    entries.push({ key, value: ownValue(fields[at + 1]), index: naturalFrom(fields[at + 2]) });
  }
  return { type: "range", entries, more };
}

function operationToArray({ status, previous }: KvOperationResult): readonly unknown[] {
  const code = STATUSES.indexOf(status);
  return previous === undefined ? [code] : [code, previous.value, previous.index];
}

function operationResultFrom(value: unknown): KvOperationResult {
  const fields = arrayFrom(value);
  const status = STATUSES[naturalFrom(fields[0])];
  if (status === undefined) throw malformed("result");
  return { status, previous: versionedFrom(fields) };
}

/** A value and its index behind the code, if there are any. */
function versionedFrom(fields: readonly unknown[]): VersionedValue | undefined {
  if (fields.length === 1) return undefined;
  if (fields.length !== 3) throw malformed("result");
  return { value: ownValue(fields[1]), index: naturalFrom(fields[2]) };
}

/** A value of ours: bytes are copied, since they are a view of a frame that would stay in memory with them. */
export function ownValue(value: unknown): KvValue {
  try {
    const checked = valueFrom(value);
    return checked instanceof Uint8Array ? new Uint8Array(checked) : checked;
  } catch (cause) {
    throw new RaftError("RAFT_BAD_FRAME", "not a value of the store", { cause });
  }
}

function naturalFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw malformed("index");
  }
  return value;
}

function arrayFrom(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed("result");
  return value;
}

function malformed(what: string): RaftError {
  return new RaftError(
    "RAFT_BAD_FRAME",
    `not ${what === "result" ? "a" : "an"} ${what} of the store`,
  );
}
