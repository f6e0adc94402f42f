/** What a client of the store called, and what it got. */

import type { LogIndex } from "../../src/core/types.ts";
import type { OperationType } from "../schedule.ts";
import type { ClientOperation } from "../trace.ts";

export interface KvOperation extends ClientOperation {
  readonly type: OperationType;
  readonly key: string;
  /** What is written; for an increment, by how much. */
  readonly value: string | number | undefined;
  /** For a compare-and-set: what must be there; `undefined` for absent. */
  readonly expected: string | undefined;
  /** With `"ok"` of a write: whether it changed anything, or why not. */
  status: string | undefined;
  /** With `"ok"`: what was there before, or was read; `undefined` for absent. */
  found: string | number | undefined;
  /** With `"ok"`: the log index of the write that `found` is of. */
  foundIndex: LogIndex | undefined;
}

/** Values of more characters are cut to half of that in words, before anything else is done with them. */
const LONGEST = 98;

/** An operation in words. */
export function callText({
  type,
  key,
  value,
  expected,
}: Pick<KvOperation, "type" | "key" | "value" | "expected">): string {
  const what = value === undefined ? "" : ` ${inShort(value)}`;
  const instead = type === "cas" ? ` for ${inShort(expected)}` : "";
  return `${type} ${key}${what}${instead}`;
}

/** What came of one that was answered, in words. */
export function answerText({ status, found }: KvOperation): string {
  return status === undefined ? `finds ${inShort(found)}` : `is acknowledged (${status})`;
}

function inShort(value: string | number | undefined): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number" || value.length <= LONGEST) return JSON.stringify(value);
  return `${JSON.stringify(value.slice(0, LONGEST / 2)).slice(0, -1)}..." of ${value.length} characters`;
}
