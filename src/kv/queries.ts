/**
 * The queries of the key-value store: what reads without going through the log. On the wire a query is an array that
 * begins with its code.
 */

import { messageOf, RaftError } from "../errors.ts";
import { shown } from "../shapes.ts";
import { keyFrom, wellFormed } from "./commands.ts";

/** Entries of a range that names no limit. */
export const DEFAULT_RANGE_LIMIT = 100;

/** A larger limit is refused. */
export const MAX_RANGE_LIMIT = 1000;

/** A range answer ends before the entry that would take it beyond this many bytes or characters, but holds at least one. */
export const MAX_RANGE_BYTES: number = 256 * 1024;

export interface GetQuery {
  readonly type: "get";
  readonly key: string;
}

/** Keys in the order of their UTF-16 code units. To go on after an answer with `more`, see `KvClient.range`. */
export interface RangeQuery {
  readonly type: "range";
  /** Inclusive; from the first key where undefined. */
  readonly start: string | undefined;
  /** Exclusive; to the last key where undefined. */
  readonly end: string | undefined;
  /** 1 to `MAX_RANGE_LIMIT`. */
  readonly limit: number;
  /** From the end downwards. */
  readonly reverse: boolean;
}

export type KvQuery = GetQuery | RangeQuery;

const GET = 0;
const RANGE = 1;

/** The query as it travels. Throws `RAFT_INVALID_COMMAND` where it is none. */
export function queryToArray(query: KvQuery): readonly unknown[] {
  const fields =
    query.type === "get"
      ? [GET, query.key]
      : [RANGE, query.start ?? null, query.end ?? null, query.limit, query.reverse];
  queryFrom(fields);
  return fields;
}

/** The reverse of `queryToArray`, for what comes from outside. Throws `RAFT_INVALID_COMMAND` where it is no query. */
export function queryFrom(value: unknown): KvQuery {
  try {
    if (!Array.isArray(value)) throw new TypeError("a query is an array");
    const [code, first, end, limit, reverse]: readonly unknown[] = value;
    if (code === GET && value.length === 2) return { type: "get", key: keyFrom(first) };
    if (code !== RANGE || value.length !== 5) throw new TypeError("neither get nor range");
    return {
      type: "range",
      start: boundFrom("start", first),
      end: boundFrom("end", end),
      limit: limitFrom(limit),
      reverse: directionFrom(reverse),
    };
  } catch (cause) {
    throw new RaftError("RAFT_INVALID_COMMAND", `invalid query: ${messageOf(cause)}`, { cause });
  }
}

function limitFrom(value: unknown): number {
  if (
    typeof value !== "number" ||
    !Number.isInteger(value) ||
    value < 1 ||
    value > MAX_RANGE_LIMIT
  ) {
    throw new TypeError(`limit is an integer from 1 to ${MAX_RANGE_LIMIT}, not ${shown(value)}`);
  }
  return value;
}

/** No key either, and perhaps longer than one. */
function boundFrom(name: string, value: unknown): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "string") return wellFormed(value);
  throw new TypeError(`the ${name} of a range is a string, not ${shown(value)}`);
}

function directionFrom(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`reverse is true or false, not ${shown(value)}`);
}
