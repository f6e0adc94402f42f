/**
 * What a command wears on its way through the log where sessions are in use (thesis 6.3): an array of kind, session,
 * sequence, lowest outstanding sequence and the command's bytes, whatever they are.
 */

import { decode, encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";

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

/** The bytes of an envelope: what is proposed to a machine that was made by `withSessions`. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  switch (envelope.type) {
    case "plain":
      return encode([PLAIN, envelope.payload]);
    case "open":
      return encode([OPEN]);
    case "close":
      return encode([CLOSE, envelope.sessionId]);
    case "command":
      return encode([
        COMMAND,
        envelope.sessionId,
        envelope.sequence,
        envelope.lowestOutstanding,
        envelope.payload,
      ]);
  }
}

/** The envelope, or `undefined` where the bytes are none. The payload is a view of `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch {
    return undefined;
  }
  return Array.isArray(value) ? envelopeFrom(value) : undefined;
}

function envelopeFrom(fields: readonly unknown[]): Envelope | undefined {
  switch (fields[0]) {
    case PLAIN:
      return fields.length === 2 && fields[1] instanceof Uint8Array
        ? { type: "plain", payload: fields[1] }
        : undefined;
    case OPEN:
      return fields.length === 1 ? { type: "open" } : undefined;
    case CLOSE:
      return fields.length === 2 && isPositive(fields[1])
        ? { type: "close", sessionId: fields[1] }
        : undefined;
    case COMMAND:
      return commandFrom(fields);
    default:
      return undefined;
  }
}

function commandFrom(fields: readonly unknown[]): CommandEnvelope | undefined {
  const [, sessionId, sequence, lowestOutstanding, payload] = fields;
  if (
    fields.length !== 5 ||
    !isPositive(sessionId) ||
    !isPositive(sequence) ||
    !isPositive(lowestOutstanding) ||
    lowestOutstanding > sequence ||
    !(payload instanceof Uint8Array)
  ) {
    return undefined;
  }
  return { type: "command", sessionId, sequence, lowestOutstanding, payload };
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
