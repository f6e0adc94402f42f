/**
 * The key-value store as a replicated state machine (section 2): an ordered map of keys to values, each with the log
 * index of its last write. Everything is decided by the log alone; what a client did wrong is a result, not an exception.
 */

import { decode, encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { AppliedCommand, StateMachine } from "../node/state-machine.ts";
import { decodeCommand } from "./command-codec.ts";
import { MAX_VALUE_LENGTH } from "./commands.ts";
import type {
  AppendOperation,
  CompareAndSetOperation,
  Expectation,
  IncrementOperation,
  KvOperation,
  KvValue,
} from "./commands.ts";
import { Keyspace } from "./keyspace.ts";
import { MAX_RANGE_BYTES } from "./queries.ts";
import type { KvQuery, RangeQuery } from "./queries.ts";
import { ownValue } from "./results.ts";
import type {
  KvAnswer,
  KvBatchResult,
  KvEntry,
  KvOperationResult,
  KvResult,
  KvRangeAnswer,
  VersionedValue,
} from "./results.ts";
import { BlockReader, chunksOf, readingSnapshot } from "./snapshot-stream.ts";

const SNAPSHOT_FORMAT = "quorate-kv";
const SNAPSHOT_VERSION = 1;

/** A snapshot block holds at most so many records and, but for the last one, so many bytes. */
const BLOCK_RECORDS = 256;
const BLOCK_BYTES = 64 * 1024;

/** Most bytes or characters of previous values that one batch may have to answer; a batch beyond it is aborted. */
const MAX_BATCH_ANSWER_BYTES: number = 4 * 1024 * 1024;

/** The common results, one object each. */
const DONE: KvOperationResult = Object.freeze({ status: "ok", previous: undefined });
const INVALID: KvOperationResult = Object.freeze({
  status: "invalid-command",
  previous: undefined,
});

/**
 * The store. Commands are made with `encodeCommand`; `query` takes a `KvQuery`. Values in results and answers belong to
 * the store: read them, change nothing. It holds 2^24 keys at the most, as a `Map` does: one more stops every member.
 */
export class KvMachine implements StateMachine<KvResult, KvQuery, KvAnswer> {
  #keys = new Keyspace();

  /** How many keys there are. */
  get size(): number {
    return this.#keys.size;
  }

  apply(commands: readonly AppliedCommand[]): readonly KvResult[] {
    return commands.map((command) => this.#applyCommand(command));
  }

  query(query: KvQuery): KvAnswer {
    if (query.type === "range") return this.#range(query);
    return { type: "get", found: this.#keys.get(query.key) };
  }

  snapshot(): AsyncIterable<Uint8Array> {
    // Captured here and not in the generator, whose body runs only when the first chunk is asked for.
    return chunksOf(blocksOf(this.#keys.size, this.#keys.capture()));
  }

  /** Rejects with `RAFT_FORMAT_VERSION` or `RAFT_CORRUPT`; then nothing has changed. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#keys = await readingSnapshot(keyspaceFrom(new BlockReader(chunks)));
  }

  #applyCommand({ payload, index }: AppliedCommand): KvResult {
    const command = decodeCommand(payload);
    if (command === undefined) return INVALID;
    return command.type === "batch"
      ? this.#batch(command.operations, index)
      : answerTo(command, this.#operate(command, index));
  }

  #operate(operation: KvOperation, index: LogIndex): KvOperationResult {
    if (operation.type === "put")
      return done(this.#keys.set(operation.key, { value: kept(operation.value), index }));
    const previous = this.#keys.get(operation.key);
    switch (operation.type) {
      case "get":
        return done(previous);
      case "delete":
        this.#keys.delete(operation.key);
        return done(previous);
      case "compare-and-set":
        return this.#compareAndSet(operation, index, previous);
      case "append":
        return this.#append(operation, index, previous);
      case "increment":
        return this.#increment(operation, index, previous);
    }
  }

  #set(
    key: string,
    value: KvValue,
    index: LogIndex,
    previous: VersionedValue | undefined,
  ): KvOperationResult {
    this.#keys.set(key, { value, index });
    return done(previous);
  }

  #compareAndSet(
    { key, expected, value }: CompareAndSetOperation,
    index: LogIndex,
    previous: VersionedValue | undefined,
  ): KvOperationResult {
    if (!meets(expected, previous)) return { status: "mismatch", previous };
    if (value !== undefined) return this.#set(key, kept(value), index, previous);
    this.#keys.delete(key);
    return done(previous);
  }

  #append(
    { key, value }: AppendOperation,
    index: LogIndex,
    previous: VersionedValue | undefined,
  ): KvOperationResult {
    if (previous === undefined) return this.#set(key, kept(value), index, previous);
    const joined = join(previous.value, value);
    if (joined === undefined) return { status: "wrong-type", previous };
    if (joined.length > MAX_VALUE_LENGTH) return { status: "too-large", previous };
    return this.#set(key, joined, index, previous);
  }

  #increment(
    { key, by }: IncrementOperation,
    index: LogIndex,
    previous: VersionedValue | undefined,
  ): KvOperationResult {
    const from = previous === undefined ? 0 : previous.value;
    if (typeof from !== "number" || !Number.isSafeInteger(from)) {
      return { status: "wrong-type", previous };
    }
    const sum = from + by;
    if (!Number.isSafeInteger(sum)) return { status: "too-large", previous };
    return this.#set(key, sum, index, previous);
  }

  /** Each result says what was there before, which is all that undoing takes. */
  #batch(operations: readonly KvOperation[], index: LogIndex): KvBatchResult {
    const results: KvOperationResult[] = [];
    const answers: KvOperationResult[] = [];
    let answerBytes = 0;
    for (const [position, operation] of operations.entries()) {
      const result = this.#operate(operation, index);
      const answer = answerTo(operation, result);
      results.push(result);
      answers.push(answer);
      answerBytes += answer.previous === undefined ? 0 : lengthOf(answer.previous.value);
      if (result.status === "ok" && answerBytes <= MAX_BATCH_ANSWER_BYTES) continue;

      this.#undo(operations, results);
      const cause: KvOperationResult =
        result.status === "ok" ? { status: "too-large", previous: undefined } : result;
      return { status: "aborted", failedAt: position, cause };
    }
    return { status: "committed", results: answers };
  }

  #undo(operations: readonly KvOperation[], results: readonly KvOperationResult[]): void {
    for (let position = results.length - 1; position >= 0; position--) {
      const key = operations[position]?.key;
      if (key === undefined) continue;
      const previous = results[position]?.previous;
      if (previous === undefined) this.#keys.delete(key);
      else this.#keys.set(key, previous);
    }
  }

  #range({ start, end, limit, reverse }: RangeQuery): KvRangeAnswer {
    const pairs = reverse ? this.#keys.descending(end) : this.#keys.ascending(start);
    const entries: KvEntry[] = [];
    let bytes = 0;
    for (const [key, { value, index }] of pairs) {
      const beyond = reverse ? start !== undefined && key < start : end !== undefined && key >= end;
      if (beyond) break;

      bytes += key.length + lengthOf(value);
      if (entries.length === limit || (entries.length > 0 && bytes > MAX_RANGE_BYTES)) {
        return { type: "range", entries, more: true };
      }
      entries.push({ key, value, index });
    }
    return { type: "range", entries, more: false };
  }
}

/** A command's value, which was checked as it was read; bytes in memory of their own, since they are a view of the log. */
function kept(value: KvValue): KvValue {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

function done(previous: VersionedValue | undefined): KvOperationResult {
  return previous === undefined ? DONE : { status: "ok", previous };
}

/** What is told of a result: what was there before only where it is asked for, or where nothing has changed. */
function answerTo(operation: KvOperation, result: KvOperationResult): KvOperationResult {
  const isTold =
    result.status !== "ok" ||
    operation.type === "get" ||
    operation.type === "increment" ||
    operation.previous === true;
  return isTold ? result : DONE;
}

function meets(expected: Expectation, found: VersionedValue | undefined): boolean {
  switch (expected.type) {
    case "absent":
      return found === undefined;
    case "value":
      return found !== undefined && equal(found.value, expected.value);
    case "index":
      return found?.index === expected.index;
  }
}

function equal(left: KvValue, right: KvValue): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right) === 0;
  }
  return left === right;
}

/** Both together, in memory of their own; `undefined` where they are not of one kind. */
function join(left: KvValue, right: string | Uint8Array): string | Uint8Array | undefined {
  if (typeof left === "string" && typeof right === "string") return left + right;
  if (!(left instanceof Uint8Array) || !(right instanceof Uint8Array)) return undefined;
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}

function lengthOf(value: KvValue): number {
  return typeof value === "number" ? 8 : value.length;
}

/** A header, then blocks of [key, value, index, key, value, index ...] in order: the same state gives the same bytes. */
function* blocksOf(
  size: number,
  captured: Iterable<readonly [string, VersionedValue]>,
): Generator<Uint8Array> {
  yield encode([SNAPSHOT_FORMAT, SNAPSHOT_VERSION, size]);
  let records: unknown[] = [];
  let bytes = 0;
  for (const [key, { value, index }] of captured) {
    records.push(key, value, index);
    bytes += key.length + lengthOf(value);
    if (records.length < 3 * BLOCK_RECORDS && bytes < BLOCK_BYTES) continue;
    yield encode(records);
    records = [];
    bytes = 0;
  }
  if (records.length > 0) yield encode(records);
}

async function keyspaceFrom(reader: BlockReader): Promise<Keyspace> {
  const size = sizeFrom(decode(await reader.read()));
  const keys = new Keyspace();
  while (keys.size < size) addRecords(keys, decode(await reader.read()));
  if (keys.size !== size) throw damaged();
  await reader.end();
  return keys;
}

function sizeFrom(header: unknown): number {
  if (!Array.isArray(header) || header[0] !== SNAPSHOT_FORMAT) {
    throw new RaftError("RAFT_FORMAT_VERSION", "this is no snapshot of the key-value store");
  }
  const [, version, size]: readonly unknown[] = header;
  if (version !== SNAPSHOT_VERSION) {
    throw new RaftError(
      "RAFT_FORMAT_VERSION",
      `the key-value snapshot is of version ${String(version)}; this build reads version ${SNAPSHOT_VERSION}`,
    );
  }
  if (typeof size !== "number") throw damaged();
  return size;
}

function addRecords(keys: Keyspace, records: unknown): void {
  if (!Array.isArray(records) || records.length === 0 || records.length % 3 !== 0) throw damaged();
  const fields: readonly unknown[] = records;
  for (let at = 0; at < fields.length; at += 3) {
    const key = fields[at];
    const index = fields[at + 2];
    if (typeof key !== "string" || typeof index !== "number") throw damaged();
    // A key that comes twice would make the loop above wait for a record that never comes.
    if (keys.set(key, { value: ownValue(fields[at + 1]), index }) !== undefined) throw damaged();
  }
}

function damaged(): RaftError {
  return new RaftError("RAFT_CORRUPT", "the key-value snapshot is damaged");
}
