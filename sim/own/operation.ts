/** What a client of a machine asks for, and how values are shown and kept. */

import { inspect } from "node:util";
import type { ClientOperation } from "../trace.ts";

export type Request =
  | { readonly type: "propose"; readonly command: Uint8Array }
  | {
      readonly type: "read";
      readonly query: unknown;
      readonly consistency: "linearizable" | "local";
    };

export interface OwnOperation extends ClientOperation {
  readonly request: Request;
  /** With `"ok"`: the result or the answer, as it was when it came. */
  value: unknown;
}

const LONGEST_BYTES_SHOWN = 24;

/** A request in words. */
export function requestText(request: Request): string {
  if (request.type === "propose") return `propose ${bytesText(request.command)}`;
  const kind = request.consistency === "local" ? "local read" : "read";
  return request.query === undefined ? kind : `${kind} ${valueText(request.query)}`;
}

export function valueText(value: unknown): string {
  return inspect(value, {
    depth: 3,
    breakLength: Infinity,
    maxArrayLength: 20,
    maxStringLength: 200,
  });
}

/**
 * The value as it is now. A machine may hand out a part of its state, which changes with the next command. What cannot be
 * copied is taken as it is.
 */
export function kept(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

/** As text where it is text, else in hexadecimal digits; so many of these, or twice as much text. */
export function bytesText(bytes: Uint8Array, longest: number = LONGEST_BYTES_SHOWN): string {
  const text = Buffer.from(bytes).toString("latin1");
  const isText = text !== "" && /^[\x20-\x7e]*$/.test(text);
  const shown = isText ? text : Buffer.from(bytes).toString("hex");
  const most = isText ? longest * 2 : longest;
  const short = shown.length > most ? `${shown.slice(0, most)}...` : shown;
  return isText ? JSON.stringify(short) : `0x${short}`;
}
