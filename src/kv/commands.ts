/**
 * The commands of the key-value store, and what a command may hold. The same rules guard both ends: a client throws on a
 * bad command before it is sent; a member that meets one in the log answers `invalid-command`, like every other member.
 * Their bytes are in `command-codec.ts`.
 */

import type { LogIndex } from "../core/types.ts";
import { shown } from "../shapes.ts";

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

/** What may overwrite or remove a value. */
export interface Change {
  /**
   * Whether the answer is to say what was at the key before. It costs the way back of a value that may be large, so that it
   * is asked for; where nothing has changed, as for a mismatch, the answer says what is there in any case.
   */
  readonly previous?: boolean | undefined;
}

/** Sets a key, whether it is there or not. */
export interface PutOperation extends Change {
  readonly type: "put";
  readonly key: string;
  readonly value: KvValue;
}

/** Deleting what is not there is no failure. */
export interface DeleteOperation extends Change {
  readonly type: "delete";
  readonly key: string;
}

/** Sets or deletes a key if it is as expected; else nothing changes and the result says what is there. */
export interface CompareAndSetOperation extends Change {
  readonly type: "compare-and-set";
  readonly key: string;
  readonly expected: Expectation;
  /** `undefined` deletes the key. */
  readonly value: KvValue | undefined;
}

/** Adds to the end of a string or of bytes, whichever is there; an absent key becomes the value. */
export interface AppendOperation extends Change {
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

/** What changes or reads one key within the log. */
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

/** What the store's log holds. */
export type KvCommand = KvOperation | BatchCommand;

/** Throws a `TypeError` where a batch has too many operations. */
export function checkBatchSize(operations: number): void {
  if (operations <= MAX_BATCH_OPERATIONS) return;
  throw new TypeError(`a batch has at most ${MAX_BATCH_OPERATIONS} operations, not ${operations}`);
}

/** The key, or a `TypeError` that says what is wrong with it. */
export function keyFrom(value: unknown): string {
  if (typeof value !== "string" || value === "") {
    throw new TypeError(`a key is a string that is not empty, not ${shown(value)}`);
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
    // A snapshot, which is MessagePack, does not keep the sign of 0: drop it everywhere, or a restored member would differ.
    return value === 0 ? 0 : value;
  }
  if (isTextOrBytes(value)) return boundedFrom(value);
  throw new TypeError(`a value is a string, a number or bytes, not ${shown(value)}`);
}

/** What may be appended, or a `TypeError` that says what is wrong with it. */
export function appendableFrom(value: unknown): string | Uint8Array {
  if (isTextOrBytes(value)) return boundedFrom(value);
  throw new TypeError(`only a string or bytes can be appended, not ${shown(value)}`);
}

function isTextOrBytes(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

function boundedFrom(value: string | Uint8Array): string | Uint8Array {
  if (value.length > MAX_VALUE_LENGTH) {
    throw new TypeError(
      `a value has at most ${MAX_VALUE_LENGTH} bytes or characters, not ${value.length}`,
    );
  }
  return typeof value === "string" ? wellFormed(value) : value;
}

/** Whether what was there before is asked for, or a `TypeError` that says what is wrong with it. */
export function asksForPrevious({ previous = false }: Change): boolean {
  if (typeof previous === "boolean") return previous;
  throw new TypeError(`previous is true or false, not ${shown(previous)}`);
}

/** The integer, or a `TypeError` that says what is wrong with it. */
export function safeIntegerFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new TypeError(`expected a safe integer, not ${shown(value)}`);
  }
  return value;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A lone surrogate has no UTF-8: it would come back as another character. Throws a `TypeError` where there is one. */
export function wellFormed(text: string): string {
  if (LONE_SURROGATE.test(text)) throw new TypeError("a string holds no lone surrogate");
  return text;
}
