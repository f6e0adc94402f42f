/**
 * The commands of the key-value store and their bytes: what a client encodes once, the log keeps and every member
 * decodes. A command is a MessagePack array that begins with its code; optional fields are nil.
 *
 * The same validation guards both ends. A client throws on a bad command before it is sent; a member that meets one in
 * the log answers `invalid-command`, like every other member.
 */

import { decode, encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";
import { messageOf, RaftError } from "../errors.ts";

/** Numbers are finite; absent is not `""`: a key that is not there has no value at all. */
export type KvValue = string | number | Uint8Array;

/** Most UTF-16 code units of a key; a key has at least one. */
export const MAX_KEY_LENGTH = 1024;

/** Most bytes, or UTF-16 code units, of a value; `append` answers `too-large` rather than grow one beyond it. */
export const MAX_VALUE_LENGTH: number = 1024 * 1024;

/** Most operations of one batch. */
export const MAX_BATCH_OPERATIONS = 1024;

/** What must be at the key for a compare-and-set to take place; `index` is that of the key's last write. */
export type Expectation =
  | { readonly type: "absent" }
  | { readonly type: "value"; readonly value: KvValue }
  | { readonly type: "index"; readonly index: LogIndex };

/** Reads a key at its place in the log: of use within a batch. */
export interface GetOperation {
  readonly type: "get";
  readonly key: string;
}

export interface PutOperation {
  readonly type: "put";
  readonly key: string;
  readonly value: KvValue;
}

/** Deleting what is not there is no failure. */
export interface DeleteOperation {
  readonly type: "delete";
  readonly key: string;
}

export interface CompareAndSetOperation {
  readonly type: "compare-and-set";
  readonly key: string;
  readonly expected: Expectation;
  /** `undefined` deletes the key. */
  readonly value: KvValue | undefined;
}

/** Adds to the end of a string or of bytes, whichever is there; an absent key becomes the value. */
export interface AppendOperation {
  readonly type: "append";
  readonly key: string;
  readonly value: string | Uint8Array;
}

/** Adds a safe integer to a safe integer; an absent key counts from 0. */
export interface IncrementOperation {
  readonly type: "increment";
  readonly key: string;
  readonly by: number;
}

export type KvOperation =
  | GetOperation
  | PutOperation
  | DeleteOperation
  | CompareAndSetOperation
  | AppendOperation
  | IncrementOperation;

/** All of the operations in order, each seeing those before it, or, as soon as one does not succeed, none. */
export interface BatchCommand {
  readonly type: "batch";
  readonly operations: readonly KvOperation[];
}

export type KvCommand = KvOperation | BatchCommand;

/** On the wire and in the log for ever: a code is never given another meaning. */
const GET = 0;
const PUT = 1;
const DELETE = 2;
const COMPARE_AND_SET = 3;
const APPEND = 4;
const INCREMENT = 5;
const BATCH = 6;

const EXPECT_ABSENT = 0;
const EXPECT_VALUE = 1;
const EXPECT_INDEX = 2;

/** The command's bytes. Throws `RAFT_INVALID_COMMAND` with what is wrong. */
export function encodeCommand(command: KvCommand): Uint8Array {
  let fields: readonly unknown[];
  try {
    fields = toFields(command);
    commandFrom(fields);
  } catch (cause) {
    throw new RaftError("RAFT_INVALID_COMMAND", `invalid command: ${messageOf(cause)}`, { cause });
  }
  return encode(fields);
}

/** The command, or `undefined` where the bytes are none. Bytes in it are views of `bytes`. */
export function decodeCommand(bytes: Uint8Array): KvCommand | undefined {
  try {
    return commandFrom(decode(bytes));
  } catch {
    return undefined;
  }
}

function toFields(command: KvCommand): readonly unknown[] {
  switch (command.type) {
    case "get":
      return [GET, command.key];
    case "put":
      return [PUT, command.key, command.value];
    case "delete":
      return [DELETE, command.key];
    case "compare-and-set":
      return [
        COMPARE_AND_SET,
        command.key,
        command.value ?? null,
        ...expectationToFields(command.expected),
      ];
    case "append":
      return [APPEND, command.key, command.value];
    case "increment":
      return [INCREMENT, command.key, command.by];
    case "batch":
      return [BATCH, command.operations.map(toFields)];
  }
}

function expectationToFields(expected: Expectation): readonly unknown[] {
  switch (expected.type) {
    case "absent":
      return [EXPECT_ABSENT, null];
    case "value":
      return [EXPECT_VALUE, expected.value];
    case "index":
      return [EXPECT_INDEX, expected.index];
  }
}

function commandFrom(value: unknown): KvCommand {
  if (!Array.isArray(value)) throw new TypeError("a command is an array");
  const fields: readonly unknown[] = value;
  if (fields[0] !== BATCH) return operationFrom(fields);

  const operations = fields[1];
  if (!Array.isArray(operations) || fields.length !== 2) {
    throw new TypeError("a batch holds one list");
  }
  if (operations.length > MAX_BATCH_OPERATIONS) {
    throw new TypeError(
      `a batch has at most ${MAX_BATCH_OPERATIONS} operations, not ${operations.length}`,
    );
  }
  return { type: "batch", operations: operations.map(operationFrom) };
}

function operationFrom(value: unknown): KvOperation {
  if (!Array.isArray(value)) throw new TypeError("an operation is an array");
  const fields: readonly unknown[] = value;
  const code = fields[0];
  const key = keyFrom(fields[1]);
  const argument = fields[2];
  switch (code) {
    case GET:
      return ofLength(2, fields, { type: "get", key });
    case PUT:
      return ofLength(3, fields, { type: "put", key, value: valueFrom(argument) });
    case DELETE:
      return ofLength(2, fields, { type: "delete", key });
    case COMPARE_AND_SET:
      return ofLength(5, fields, {
        type: "compare-and-set",
        key,
        expected: expectationFrom(fields[3], fields[4]),
        value: argument === null ? undefined : valueFrom(argument),
      });
    case APPEND:
      return ofLength(3, fields, { type: "append", key, value: appendableFrom(argument) });
    case INCREMENT:
      return ofLength(3, fields, { type: "increment", key, by: safeIntegerFrom(argument) });
    default:
      throw new TypeError(`no operation has the code ${String(code)}`);
  }
}

function ofLength(length: number, fields: readonly unknown[], operation: KvOperation): KvOperation {
  if (fields.length !== length) {
    throw new TypeError(`${operation.type} has ${length} fields, not ${fields.length}`);
  }
  return operation;
}

function expectationFrom(code: unknown, argument: unknown): Expectation {
  if (code === EXPECT_ABSENT && argument === null) return { type: "absent" };
  if (code === EXPECT_VALUE) return { type: "value", value: valueFrom(argument) };
  if (code === EXPECT_INDEX) return { type: "index", index: safeIntegerFrom(argument) };
  throw new TypeError("an expectation is absent, a value or an index");
}

/** The key, or a `TypeError` that says what is wrong with it. */
export function keyFrom(value: unknown): string {
  if (typeof value !== "string" || value === "") {
    throw new TypeError("a key is a string that is not empty");
  }
  if (value.length > MAX_KEY_LENGTH) {
    throw new TypeError(`a key has at most ${MAX_KEY_LENGTH} characters, not ${value.length}`);
  }
  return wellFormed(value);
}

/** The value, or a `TypeError` that says what is wrong with it. */
export function valueFrom(value: unknown): KvValue {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`a number is finite, not ${value}`);
    // MessagePack as written here does not keep the sign of 0: drop it everywhere, or a restored member would differ.
    return value === 0 ? 0 : value;
  }
  return appendableFrom(value);
}

function appendableFrom(value: unknown): string | Uint8Array {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new TypeError(
      "a value is a string, a number or bytes, and only the first and last append",
    );
  }
  if (value.length > MAX_VALUE_LENGTH) {
    throw new TypeError(
      `a value has at most ${MAX_VALUE_LENGTH} bytes or characters, not ${value.length}`,
    );
  }
  return typeof value === "string" ? wellFormed(value) : value;
}

function safeIntegerFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new TypeError(`expected a safe integer, not ${String(value)}`);
  }
  return value;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A lone surrogate has no UTF-8: it would come back as another character. */
function wellFormed(text: string): string {
  if (LONE_SURROGATE.test(text)) throw new TypeError("a string holds no lone surrogate");
  return text;
}
