/**
 * What the store answers to commands and queries: plain data, so that results can be cached in sessions, kept in
 * snapshots and sent to clients by code that does not know the store. The readers here check what comes back from
 * outside and copy bytes out of the frame.
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

export interface KvOperationResult {
  readonly status: "ok" | KvFailure;
  /** What was at the key before, also where the operation failed; for `get`, what is there. */
  readonly previous: VersionedValue | undefined;
}

export interface KvBatchCommitted {
  readonly status: "committed";
  /** One for each operation, in order. */
  readonly results: readonly KvOperationResult[];
}

export interface KvBatchAborted {
  readonly status: "aborted";
  /** The position of the operation that failed; nothing of the batch took effect. */
  readonly failedAt: number;
  readonly cause: KvOperationResult;
}

export type KvBatchResult = KvBatchCommitted | KvBatchAborted;

export type KvResult = KvOperationResult | KvBatchResult;

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

const OPERATION_STATUSES: ReadonlySet<unknown> = new Set<KvOperationResult["status"]>([
  "ok",
  "mismatch",
  "wrong-type",
  "too-large",
  "invalid-command",
]);

/** A result that was encoded elsewhere; throws `RAFT_BAD_FRAME` where it is none. */
export function resultFrom(value: unknown): KvResult {
  const fields = recordFrom(value);
  if (fields["status"] === "committed" && Array.isArray(fields["results"])) {
    return { status: "committed", results: fields["results"].map(operationResultFrom) };
  }
  if (fields["status"] === "aborted") {
    return {
      status: "aborted",
      failedAt: naturalFrom(fields["failedAt"]),
      cause: operationResultFrom(fields["cause"]),
    };
  }
  return operationResultFrom(value);
}

/** An answer that was encoded elsewhere; throws `RAFT_BAD_FRAME` where it is none. */
export function answerFrom(value: unknown): KvAnswer {
  const { type, found, entries, more } = recordFrom(value);
  if (type === "get") return { type, found: optionalVersionedFrom(found) };
  if (type === "range" && Array.isArray(entries) && typeof more === "boolean") {
    return { type, entries: entries.map(entryFrom), more };
  }
  throw malformed("answer");
}

function operationResultFrom(value: unknown): KvOperationResult {
  const { status, previous } = recordFrom(value);
  if (!isOperationStatus(status)) throw malformed("result");
  return { status, previous: optionalVersionedFrom(previous) };
}

function isOperationStatus(value: unknown): value is KvOperationResult["status"] {
  return OPERATION_STATUSES.has(value);
}

function entryFrom(value: unknown): KvEntry {
  const { key } = recordFrom(value);
  if (typeof key !== "string") throw malformed("entry");
  return { key: keyFrom(key), ...versionedFrom(value) };
}

function optionalVersionedFrom(value: unknown): VersionedValue | undefined {
  return value === undefined || value === null ? undefined : versionedFrom(value);
}

function versionedFrom(value: unknown): VersionedValue {
  const fields = recordFrom(value);
  return { value: ownValue(fields["value"]), index: naturalFrom(fields["index"]) };
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

function recordFrom(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw malformed("result");
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function malformed(what: string): RaftError {
  return new RaftError(
    "RAFT_BAD_FRAME",
    `not ${what === "result" ? "a" : "an"} ${what} of the store`,
  );
}
