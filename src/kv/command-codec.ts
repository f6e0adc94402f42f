/**
 * The bytes of a command: what a client encodes once, the log keeps and every member decodes, so they are read and written
 * in place.
 *
 * ```
 * operation:    | code | key bytes (16 bits) | key | put, append: value | compare-and-set: expectation, value | increment: by |
 * value:        | type | number (64-bit float), or bytes (32 bits) and as many of them |
 * expectation:  | type | value, or index (64-bit float), or nothing |
 * batch:        | code | operations (16 bits) | operation ...                          big-endian; text is UTF-8
 * ```
 *
 * The highest bit of an operation's code: the answer is to say what was there before.
 */

import { messageOf, RaftError } from "../errors.ts";
import {
  readDouble,
  readUint16,
  readUint32,
  writeDouble,
  writeUint16,
  writeUint32,
} from "../numbers.ts";
import { isObject, shown } from "../shapes.ts";
import { textIn } from "../text.ts";
import {
  appendableFrom,
  asksForPrevious,
  checkBatchSize,
  keyFrom,
  safeIntegerFrom,
  valueFrom,
} from "./commands.ts";
import type { Change, Expectation, KvCommand, KvOperation, KvValue } from "./commands.ts";

/** On the wire and in the log for ever: a code is never given another meaning. */
const GET = 0;
const PUT = 1;
const DELETE = 2;
const COMPARE_AND_SET = 3;
const APPEND = 4;
const INCREMENT = 5;
const BATCH = 6;
/** Added to the code of an operation that changes something. */
const PREVIOUS = 0x80;

const TEXT = 0;
const NUMBER = 1;
const BYTES = 2;
const NO_VALUE = 3;

const EXPECT_ABSENT = 0;
const EXPECT_VALUE = 1;
const EXPECT_INDEX = 2;

/** The command's bytes. Throws `RAFT_INVALID_COMMAND` with what is wrong. */
export function encodeCommand(command: KvCommand): Uint8Array {
  let size: number;
  try {
    size = command.type === "batch" ? sizeOfBatch(command.operations) : sizeOf(command);
  } catch (cause) {
    throw new RaftError("RAFT_INVALID_COMMAND", `invalid command: ${messageOf(cause)}`, { cause });
  }
  const writer = new Writer(size);
  if (command.type === "batch") {
    writer.byte(BATCH);
    writer.uint16(command.operations.length);
    for (const operation of command.operations) writeOperation(writer, operation);
  } else {
    writeOperation(writer, command);
  }
  return writer.bytes;
}

/** The command, or `undefined` where the bytes are none. Bytes in it are views of `bytes`. */
export function decodeCommand(bytes: Uint8Array): KvCommand | undefined {
  const reader = new Reader(bytes);
  try {
    const command = bytes[0] === BATCH ? readBatch(reader) : readOperation(reader);
    return reader.isAtEnd ? command : undefined;
  } catch {
    return undefined;
  }
}

/** How many bytes it takes; throws a `TypeError` where it is none that may be sent. */
function sizeOf(operation: KvOperation): number {
  if (!isObject(operation)) throw new TypeError(`it is an object, not ${shown(operation)}`);
  const size = 3 + Buffer.byteLength(keyFrom(operation.key));
  if (operation.type !== "get" && operation.type !== "increment") asksForPrevious(operation);
  switch (operation.type) {
    case "get":
    case "delete":
      return size;
    case "put":
      return size + sizeOfValue(valueFrom(operation.value));
    case "append":
      return size + sizeOfValue(appendableFrom(operation.value));
    case "increment":
      safeIntegerFrom(operation.by);
      return size + 8;
    case "compare-and-set": {
      const { expected, value } = operation;
      const valueSize = value === undefined ? 1 : sizeOfValue(valueFrom(value));
      return size + sizeOfExpectation(expected) + valueSize;
    }
    default:
      throw new TypeError(`no operation is called ${shown((operation as KvOperation).type)}`);
  }
}

function sizeOfBatch(operations: readonly KvOperation[]): number {
  if (!Array.isArray(operations)) {
    throw new TypeError(`a batch is a list of operations, not ${shown(operations)}`);
  }
  checkBatchSize(operations.length);
  let size = 3;
  for (const [at, operation] of operations.entries()) {
    try {
      size += sizeOf(operation);
    } catch (cause) {
      throw new TypeError(`operation ${at} of the batch: ${messageOf(cause)}`, { cause });
    }
  }
  return size;
}

function sizeOfValue(value: KvValue): number {
  if (typeof value === "number") return 9;
  return 5 + (typeof value === "string" ? Buffer.byteLength(value) : value.length);
}

function sizeOfExpectation(expected: Expectation | undefined): number {
  switch (expected?.type) {
    case "absent":
      return 1;
    case "value":
      return 1 + sizeOfValue(valueFrom(expected.value));
    case "index":
      safeIntegerFrom(expected.index);
      return 9;
    default:
      throw new TypeError(
        `an expectation is of the type "absent", "value" or "index", not ${shown(expected)}`,
      );
  }
}

function writeOperation(writer: Writer, operation: KvOperation): void {
  const { key } = operation;
  switch (operation.type) {
    case "get":
      return writer.head(GET, key);
    case "delete":
      return writer.head(DELETE | flagOf(operation), key);
    case "put":
      writer.head(PUT | flagOf(operation), key);
      return writer.value(operation.value);
    case "append":
      writer.head(APPEND | flagOf(operation), key);
      return writer.value(operation.value);
    case "increment":
      writer.head(INCREMENT, key);
      return writer.double(operation.by);
    case "compare-and-set":
      writer.head(COMPARE_AND_SET | flagOf(operation), key);
      writer.expectation(operation.expected);
      return writer.value(operation.value);
  }
}

function flagOf(operation: Change): number {
  return asksForPrevious(operation) ? PREVIOUS : 0;
}

class Writer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  head(code: number, key: string): void {
    this.byte(code);
    const start = this.#at + 2;
    const length = this.bytes.write(key, start);
    this.uint16(length);
    this.#at = start + length;
  }

  expectation(expected: Expectation): void {
    switch (expected.type) {
      case "absent":
        return this.byte(EXPECT_ABSENT);
      case "value":
        this.byte(EXPECT_VALUE);
        return this.value(expected.value);
      case "index":
        this.byte(EXPECT_INDEX);
        return this.double(expected.index);
    }
  }

  value(value: KvValue | undefined): void {
    if (value === undefined) return this.byte(NO_VALUE);
    if (typeof value === "number") {
      this.byte(NUMBER);
      return this.double(value);
    }
    this.byte(typeof value === "string" ? TEXT : BYTES);
    const start = this.#at + 4;
    const isText = typeof value === "string";
    if (!isText) this.bytes.set(value, start);
    const length = isText ? this.bytes.write(value, start) : value.length;
    writeUint32(this.bytes, this.#at, length);
    this.#at = start + length;
  }

  byte(value: number): void {
    this.bytes[this.#at] = value;
    this.#at += 1;
  }

  uint16(value: number): void {
    writeUint16(this.bytes, this.#at, value);
    this.#at += 2;
  }

  double(value: number): void {
    writeDouble(this.bytes, this.#at, value);
    this.#at += 8;
  }
}

function readBatch(reader: Reader): KvCommand {
  reader.byte();
  const count = reader.uint16();
  checkBatchSize(count);
  const operations: KvOperation[] = [];
  while (operations.length < count) operations.push(readOperation(reader));
  return { type: "batch", operations };
}

function readOperation(reader: Reader): KvOperation {
  const head = reader.byte();
  const code = head & ~PREVIOUS;
  const previous = head === code ? undefined : true;
  const key = keyFrom(reader.text(reader.uint16()));
  switch (code) {
    case PUT:
      return { type: "put", key, value: valueFrom(reader.value()), previous };
    case DELETE:
      return { type: "delete", key, previous };
    case COMPARE_AND_SET: {
      const expected = reader.expectation();
      const found = reader.value();
      const value = found === undefined ? undefined : valueFrom(found);
      return { type: "compare-and-set", key, expected, value, previous };
    }
    case APPEND:
      return { type: "append", key, value: appendableFrom(reader.value()), previous };
    default:
      return readUnflagged(reader, head, key);
  }
}

/** Operations that say what they find in any case. */
function readUnflagged(reader: Reader, code: number, key: string): KvOperation {
  if (code === GET) return { type: "get", key };
  if (code === INCREMENT) return { type: "increment", key, by: safeIntegerFrom(reader.double()) };
  throw new TypeError(`no operation has the code ${code}`);
}

/** Throws a `RangeError` where there is less than is read. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  uint16(): number {
    return readUint16(this.#bytes, this.#take(2));
  }

  double(): number {
    return readDouble(this.#bytes, this.#take(8));
  }

  text(length: number): string {
    const start = this.#take(length);
    return textIn(this.#bytes, start, start + length);
  }

  expectation(): Expectation {
    switch (this.byte()) {
      case EXPECT_ABSENT:
        return { type: "absent" };
      case EXPECT_VALUE:
        return { type: "value", value: valueFrom(this.value()) };
      case EXPECT_INDEX:
        return { type: "index", index: safeIntegerFrom(this.double()) };
      default:
        throw new TypeError("an expectation is absent, a value or an index");
    }
  }

  /** `undefined` where it is said that there is none. */
  value(): KvValue | undefined {
    switch (this.byte()) {
      case TEXT:
        return this.text(this.#length());
      case NUMBER:
        return this.double();
      case BYTES: {
        const length = this.#length();
        const start = this.#take(length);
        return this.#bytes.subarray(start, start + length);
      }
      case NO_VALUE:
        return undefined;
      default:
        throw new TypeError("a value is a text, a number or bytes");
    }
  }

  #length(): number {
    return readUint32(this.#bytes, this.#take(4));
  }

  /** Where as many bytes begin, which are read now. */
  #take(count: number): number {
    const start = this.#at;
    if (start + count > this.#bytes.length) throw new RangeError("the command is cut off");
    this.#at = start + count;
    return start;
  }
}
