/**
 * What a command wears on its way through the log where sessions are in use (thesis 6.3). Each member opens it for each
 * entry, so it is of fixed places and opened without a copy.
 *
 * ```
 * 0      1         9          17                   25
 * | kind | session | sequence | lowest outstanding | command ...      integers big-endian, below 2^53
 * ```
 *
 * A plain one has its command at 1; opening one has nothing behind its kind, closing one the session alone.
 */

import type { LogIndex } from "../core/types.ts";
import { readInteger, writeInteger } from "../numbers.ts";

/** A command without a session: applied as often as it is in the log. */
export interface PlainEnvelope {
  readonly type: "plain";
  readonly payload: Uint8Array;
}

/** Opens a session; the id is the log index of this very command, so that ids are never used again. */
export interface OpenEnvelope {
  readonly type: "open";
}

/** Forgets a session at once instead of at its expiry. */
export interface CloseEnvelope {
  readonly type: "close";
  readonly sessionId: LogIndex;
}

/** A command that is applied once, however often it is in the log. */
export interface CommandEnvelope {
  readonly type: "command";
  readonly sessionId: LogIndex;
  /** The number that the session gave to this command, and gives to each of its retries; from 1. */
  readonly sequence: number;
  /** The client has all that it wants to know of the sequences below; at most `sequence`. */
  readonly lowestOutstanding: number;
  readonly payload: Uint8Array;
}

export type Envelope = PlainEnvelope | OpenEnvelope | CloseEnvelope | CommandEnvelope;

/** In the log for ever: a code is never given another meaning. */
const PLAIN = 0;
const OPEN = 1;
const COMMAND = 2;
const CLOSE = 3;

const SESSION_AT = 1;
const SEQUENCE_AT = 9;
const LOWEST_AT = 17;
const COMMAND_AT = 25;

/** The bytes of an envelope: what is proposed to a machine that was made by `withSessions`. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const bytes = Buffer.allocUnsafe(envelopeBytes(envelope));
  writeEnvelope(bytes, 0, envelope);
  return bytes;
}

/** How many bytes it takes. */
export function envelopeBytes(envelope: Envelope): number {
  switch (envelope.type) {
    case "plain":
      return SESSION_AT + envelope.payload.length;
    case "open":
      return SESSION_AT;
    case "close":
      return SEQUENCE_AT;
    case "command":
      return COMMAND_AT + envelope.payload.length;
  }
}

/** Its bytes, from `at` on. */
export function writeEnvelope(bytes: Uint8Array, at: number, envelope: Envelope): void {
  switch (envelope.type) {
    case "plain":
      bytes[at] = PLAIN;
      bytes.set(envelope.payload, at + SESSION_AT);
      return;
    case "open":
      bytes[at] = OPEN;
      return;
    case "close":
      bytes[at] = CLOSE;
      writeInteger(bytes, at + SESSION_AT, envelope.sessionId);
      return;
    case "command":
      bytes[at] = COMMAND;
      writeInteger(bytes, at + SESSION_AT, envelope.sessionId);
      writeInteger(bytes, at + SEQUENCE_AT, envelope.sequence);
      writeInteger(bytes, at + LOWEST_AT, envelope.lowestOutstanding);
      bytes.set(envelope.payload, at + COMMAND_AT);
      return;
  }
}

/** The envelope, or `undefined` where the bytes are none. The payload is a view of `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  switch (bytes[0]) {
    case PLAIN:
      return { type: "plain", payload: bytes.subarray(SESSION_AT) };
    case OPEN:
      return bytes.length === 1 ? { type: "open" } : undefined;
    case CLOSE: {
      if (bytes.length !== SEQUENCE_AT) return undefined;
      const sessionId = readInteger(bytes, SESSION_AT);
      return isPositive(sessionId) ? { type: "close", sessionId } : undefined;
    }
    case COMMAND:
      return bytes.length < COMMAND_AT ? undefined : commandFrom(bytes);
    default:
      return undefined;
  }
}

function commandFrom(bytes: Uint8Array): CommandEnvelope | undefined {
  const sessionId = readInteger(bytes, SESSION_AT);
  const sequence = readInteger(bytes, SEQUENCE_AT);
  const lowestOutstanding = readInteger(bytes, LOWEST_AT);
  if (
    !isPositive(sessionId) ||
    !isPositive(sequence) ||
    !isPositive(lowestOutstanding) ||
    lowestOutstanding > sequence
  ) {
    return undefined;
  }
  const payload = bytes.subarray(COMMAND_AT);
  return { type: "command", sessionId, sequence, lowestOutstanding, payload };
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
