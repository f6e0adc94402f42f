/** What a state machine with sessions answers to an envelope, and how a client reads it. */

import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";

export type RefusalReason =
  /** No such session: it expired, was evicted or closed, or never was. */
  | "session-expired"
  /** The client said that it no longer waits for this number. */
  | "sequence-forgotten"
  /** Too far above the lowest outstanding number, which the client has to raise first. */
  | "window-full"
  /** The bytes are no envelope. */
  | "invalid-command";

export interface AppliedResult<Result> {
  readonly type: "applied";
  /** Where in the log the command was executed; for a retry, where the first copy stands. */
  readonly index: LogIndex;
  readonly result: Result;
}

export interface SessionOpened {
  readonly type: "opened";
  readonly sessionId: LogIndex;
}

/** Also where there was no such session. */
export interface SessionClosed {
  readonly type: "closed";
}

/** This copy of the command has changed nothing. */
export interface Refused {
  readonly type: "refused";
  readonly reason: RefusalReason;
}

export type SessionResult<Result> = AppliedResult<Result> | SessionOpened | SessionClosed | Refused;

const REASONS: readonly RefusalReason[] = [
  "session-expired",
  "sequence-forgotten",
  "window-full",
  "invalid-command",
];

/** A result that was encoded elsewhere, the inner one unchecked; throws `RAFT_BAD_FRAME` where it is none. */
export function sessionResultFrom(value: unknown): SessionResult<unknown> {
  if (!isRecord(value)) throw malformed();
  const { type, index, result, sessionId, reason } = value;
  if (type === "applied" && isIndex(index)) return { type, index, result };
  if (type === "opened" && isIndex(sessionId)) return { type, sessionId };
  if (type === "closed") return { type };
  if (type === "refused" && isReason(reason)) return { type, reason };
  throw malformed();
}

function isReason(value: unknown): value is RefusalReason {
  return REASONS.some((reason) => reason === value);
}

function isIndex(value: unknown): value is LogIndex {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function malformed(): RaftError {
  return new RaftError("RAFT_BAD_FRAME", "not the result of a session");
}
