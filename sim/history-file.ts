/**
 * A history as JSON lines, one operation a line. The format is stable: fields may be added, none is given another
 * meaning. `null` is what is absent, not told or not yet known; all fields but `consistency` are always there.
 *
 * | field | meaning |
 * |---|---|
 * | `client` | who called; one with an unknown outcome goes on under another name |
 * | `op` | `"get"`, `"put"`, `"cas"`, `"delete"`, `"append"` or `"increment"` |
 * | `key` | a string |
 * | `value` | string or number: what is put, appended or added, what a cas sets (`null`: it deletes); else `null` |
 * | `expected` | of a cas `{"type":"absent"}`, `{"type":"value","value":...}` or `{"type":"index","index":...}`; else `null` |
 * | `start`, `end` | numbers of one counter for all clients; `end` is `null` where the outcome is unknown |
 * | `result` | `null` where the outcome is unknown, else `{status, previous, index}` |
 * | `result.status` | `"ok"`, `"mismatch"`, `"wrong-type"`, `"too-large"`; `"rejected"`: no effect, now or later |
 * | `result.previous` | `{value, index}`: what was at the key before, for a get what is there; `null`: not told |
 * | `result.index` | the log index of a write, or the last one that a read reflects |
 * | `consistency` | `"local"` of a get that may be stale; otherwise missing |
 */

import type {
  Call,
  Found,
  HistoryExpectation,
  HistoryValue,
  Operation,
  Result,
  ResultStatus,
} from "./history.ts";

/** One operation, without the line's end. */
export function toJsonLine({ client, call, start, end, result }: Operation): string {
  return JSON.stringify({
    client,
    op: call.op,
    key: call.key,
    value: call.op === "get" || call.op === "delete" ? null : (call.value ?? null),
    expected: call.op === "cas" ? call.expected : null,
    start,
    end: end ?? null,
    result: result === undefined ? null : resultToJson(result),
    consistency: call.op === "get" && call.consistency === "local" ? "local" : undefined,
  });
}

export function toJsonLines(history: readonly Operation[]): string {
  return history.map((operation) => `${toJsonLine(operation)}\n`).join("");
}

/** Throws a `SyntaxError` that names the line where one is no operation. Empty lines are passed over. */
export function fromJsonLines(text: string): readonly Operation[] {
  return text.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    try {
      return [operationFrom(JSON.parse(line))];
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SyntaxError(`line ${at + 1} of the history: ${reason}`, { cause });
    }
  });
}

function resultToJson({ status, previous, index }: Result): unknown {
  return {
    status,
    previous:
      previous === undefined
        ? null
        : { value: previous.value ?? null, index: previous.index ?? null },
    index: index ?? null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function operationFrom(json: unknown): Operation {
  const fields = fieldsOf("an operation", json);
  const start = numberOf("start", fields["start"]);
  const end = fields["end"] === null ? undefined : numberOf("end", fields["end"]);
  const result = fields["result"] === null ? undefined : resultFrom(fields["result"]);
  if ((end === undefined) !== (result === undefined))
    throw new TypeError("an end without a result");
  if (end !== undefined && end < start) throw new TypeError(`end ${end} is before start ${start}`);
  return {
    client: stringOf("client", fields["client"]),
    call: callFrom(fields),
    start,
    end,
    result,
  };
}

function callFrom(fields: Fields): Call {
  const { op, value, expected, consistency } = fields;
  const key = stringOf("key", fields["key"]);
  switch (op) {
    case "get":
      return consistency === "local" ? { op, key, consistency } : { op, key };
    case "delete":
      return { op, key };
    case "put":
      return { op, key, value: valueOf(value) };
    case "cas":
      return { op, key, expected: expectationFrom(expected), value: optionalValueOf(value) };
    case "append":
      return { op, key, value: stringOf("value", value) };
    case "increment":
      return { op, key, value: numberOf("value", value) };
    default:
      throw new TypeError(`no operation is called ${JSON.stringify(op)}`);
  }
}

function expectationFrom(json: unknown): HistoryExpectation {
  const { type, value, index } = fieldsOf("expected", json);
  switch (type) {
    case "absent":
      return { type };
    case "value":
      return { type, value: valueOf(value) };
    case "index":
      return { type, index: numberOf("index", index) };
    default:
      throw new TypeError(`nothing is expected as ${JSON.stringify(type)}`);
  }
}

const STATUSES: ReadonlySet<unknown> = new Set<ResultStatus>([
  "ok",
  "mismatch",
  "wrong-type",
  "too-large",
  "rejected",
]);

function resultFrom(json: unknown): Result {
  const { status, previous, index } = fieldsOf("a result", json);
  if (!isStatus(status)) throw new TypeError(`${JSON.stringify(status)} is no status`);
  return {
    status,
    previous: previous === null ? undefined : foundFrom(previous),
    index: optionalIndexOf(index),
  };
}

function isStatus(value: unknown): value is ResultStatus {
  return STATUSES.has(value);
}

function foundFrom(json: unknown): Found {
  const { value, index } = fieldsOf("previous", json);
  return { value: optionalValueOf(value), index: optionalIndexOf(index) };
}

function fieldsOf(what: string, json: unknown): Fields {
  if (!isFields(json)) throw new TypeError(`${what} is an object, not ${JSON.stringify(json)}`);
  return json;
}

function isFields(json: unknown): json is Fields {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function valueOf(json: unknown): HistoryValue {
  return typeof json === "string" ? json : numberOf("value", json);
}

function optionalValueOf(json: unknown): HistoryValue | undefined {
  return json === null ? undefined : valueOf(json);
}

function optionalIndexOf(json: unknown): number | undefined {
  return json === null ? undefined : numberOf("index", json);
}

function stringOf(what: string, json: unknown): string {
  if (typeof json !== "string")
    throw new TypeError(`${what} is a string, not ${JSON.stringify(json)}`);
  return json;
}

function numberOf(what: string, json: unknown): number {
  if (typeof json !== "number")
    throw new TypeError(`${what} is a number, not ${JSON.stringify(json)}`);
  return json;
}
