/**
 * What a state machine with sessions answers to an envelope, and how that travels: an array of a code, the log index
 * or session id or reason, and, where a command was applied, its result.
 */

import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";

/** Why a copy of a command has changed nothing. */
export type RefusalReason =
  /** No such session: it expired, was evicted or closed, or never was. */
  | "session-expired"
  /** The client said that it no longer waits for this number. */
  | "sequence-forgotten"
  /** Too far above the lowest outstanding number, which the client has to raise first. */
  | "window-full"
  /** The bytes are no envelope. */
  | "invalid-command";

/** The command was executed, once. */
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

/** What a state machine with sessions gives for each envelope. */
export type SessionResult<Result> = AppliedResult<Result> | SessionOpened | SessionClosed | Refused;

/** On the wire: a code is never given another meaning. The place of a reason is its code. */
const APPLIED = 0;
const OPENED = 1;
const CLOSED = 2;
const REFUSED = 3;
const REASONS: readonly RefusalReason[] = [
  "session-expired",
  "sequence-forgotten",
  "window-full",
  "invalid-command",
];

/** As it travels; `toPlain` does the same for the result in it. */
export function sessionResultToArray<Result>(
  outcome: SessionResult<Result>,
  toPlain: (result: Result) => unknown,
): readonly unknown[] {
  switch (outcome.type) {
    case "applied":
      return [APPLIED, outcome.index, toPlain(outcome.result)];
    case "opened":
      return [OPENED, outcome.sessionId];
    case "closed":
      return [CLOSED];
    case "refused":
      return [REFUSED, REASONS.indexOf(outcome.reason)];
  }
}

/** The reverse, the inner result as it came and unchecked; throws `RAFT_BAD_FRAME` where it is none. */
export function sessionResultFrom(value: unknown): SessionResult<unknown> {
  if (!Array.isArray(value)) throw malformed();
  const fields: readonly unknown[] = value;
  const [code, number] = fields;
  if (code === CLOSED && fields.length === 1) return { type: "closed" };
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw malformed();
  if (code === APPLIED && fields.length === 3 && number > 0)
    return { type: "applied", index: number, result: fields[2] };
  if (code === OPENED && fields.length === 2 && number > 0)
    return { type: "opened", sessionId: number };
  const reason = REASONS[number];
  if (code === REFUSED && fields.length === 2 && reason !== undefined)
    return { type: "refused", reason };
  throw malformed();
}

function malformed(): RaftError {
  return new RaftError("RAFT_BAD_FRAME", "not the result of a session");
}
