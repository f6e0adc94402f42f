/**
 * The configurations that a search has been in: which operations are placed, and the state after them (Lowe's cache).
 * Two ways to the same configuration go on alike, so the second one need not be followed.
 *
 * A configuration is kept as the span of words of the bitset that tells it apart: completed operations before
 * `firstWord` are all placed, those after `lastWord` are not. So one costs memory by its concurrency, not by the length
 * of the history. It is found by a 53-bit hash that is kept up to date with each operation, and then compared: a
 * collision costs time, never a wrong verdict.
 */

/** There was such a configuration already. */
export const SEEN = -1;
/** The parent of those that begin with nothing placed. */
export const NO_CONFIGURATION = -1;

/** Where a record has what; the words follow. */
const NEXT_OF_SAME_HASH = 0;
const PARENT = 1;
const OPERATION = 2;
const STATE = 3;
const FIRST_WORD = 4;
const LAST_WORD = 5;
const WORDS = 6;

const LOW_21_BITS = 0x1fffff;

export interface ConfigurationsOptions {
  /** Operations 0 to `completed - 1` have an end, in the order of their beginnings; those after them have none. */
  readonly completed: number;
  readonly unknown: number;
  /** 32 bits from 32 bits. The default mixes well. */
  readonly hash?: (value: number) => number;
}

/** The set of placed operations, and all configurations that were kept of it. */
export class Configurations {
  readonly #completed: number;
  readonly #hash: (value: number) => number;
  /** Completed operations first; unknown ones begin with a word of their own. */
  readonly #bits: Uint32Array;
  readonly #unknownWord: number;
  readonly #heads = new Map<number, number>();
  #records = new Int32Array(1024);
  #used = 0;
  #count = 0;
  #low = 0;
  #high = 0;

  constructor({ completed, unknown, hash = mix }: ConfigurationsOptions) {
    this.#completed = completed;
    this.#hash = hash;
    this.#unknownWord = Math.ceil(completed / 32);
    this.#bits = new Uint32Array(this.#unknownWord + Math.ceil(unknown / 32));
  }

  /** How many are kept. */
  get count(): number {
    return this.#count;
  }

  has(operation: number): boolean {
    const bit = this.#bitOf(operation);
    return (((this.#bits[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  /** Places the operation, or takes it out again. */
  toggle(operation: number): void {
    const bit = this.#bitOf(operation);
    const word = bit >>> 5;
    this.#bits[word] = (this.#bits[word] ?? 0) ^ (1 << (bit & 31));
    this.#low ^= this.#hash(2 * operation);
    this.#high ^= this.#hash(2 * operation + 1);
  }

  /**
   * Keeps what is placed now, reached by `operation` from the configuration `parent`, and returns its record; `SEEN`
   * where it was kept before. `firstOpen` is the first completed operation that is not placed, `lastPlaced` the last
   * one that is.
   */
  add(
    state: number,
    { firstOpen, lastPlaced }: { readonly firstOpen: number; readonly lastPlaced: number },
    { parent, operation }: { readonly parent: number; readonly operation: number },
  ): number {
    const firstWord = firstOpen >>> 5;
    const lastWord = Math.max(lastPlaced >> 5, firstWord - 1);
    const key = this.#keyOf(state);
    const head = this.#heads.get(key) ?? NO_CONFIGURATION;
    for (let at = head; at !== NO_CONFIGURATION; at = this.#field(at, NEXT_OF_SAME_HASH)) {
      if (this.#equals(at, state, firstWord, lastWord)) return SEEN;
    }

    const record = this.#used;
    this.#reserve(WORDS + lastWord - firstWord + 1 + this.#bits.length - this.#unknownWord);
    this.#records.set([head, parent, operation, state, firstWord, lastWord], record);
    let at = record + WORDS;
    for (let word = firstWord; word <= lastWord; word++) this.#records[at++] = this.#word(word);
    for (let word = this.#unknownWord; word < this.#bits.length; word++) {
      this.#records[at++] = this.#word(word);
    }
    this.#heads.set(key, record);
    this.#count++;
    return record;
  }

  /** The operations that led to the configuration, in order. */
  pathTo(record: number): readonly number[] {
    const path: number[] = [];
    for (let at = record; at !== NO_CONFIGURATION; at = this.#field(at, PARENT)) {
      path.push(this.#field(at, OPERATION));
    }
    return path.toReversed();
  }

  #bitOf(operation: number): number {
    const unknown = operation - this.#completed;
    return unknown < 0 ? operation : 32 * this.#unknownWord + unknown;
  }

  #keyOf(state: number): number {
    const low = this.#low ^ this.#hash(~(2 * state));
    const high = this.#high ^ this.#hash(~(2 * state + 1));
    return (high & LOW_21_BITS) * 2 ** 32 + (low >>> 0);
  }

  #equals(record: number, state: number, firstWord: number, lastWord: number): boolean {
    if (
      this.#field(record, STATE) !== state ||
      this.#field(record, FIRST_WORD) !== firstWord ||
      this.#field(record, LAST_WORD) !== lastWord
    ) {
      return false;
    }
    let at = WORDS;
    for (let word = firstWord; word <= lastWord; word++) {
      if (this.#field(record, at++) !== this.#word(word)) return false;
    }
    for (let word = this.#unknownWord; word < this.#bits.length; word++) {
      if (this.#field(record, at++) !== this.#word(word)) return false;
    }
    return true;
  }

  #field(record: number, field: number): number {
    return this.#records[record + field] ?? 0;
  }

  /** As a signed number, like those in the records. */
  #word(word: number): number {
    return (this.#bits[word] ?? 0) | 0;
  }

  #reserve(length: number): void {
    this.#used += length;
    if (this.#used <= this.#records.length) return;
    const larger = new Int32Array(2 * this.#used);
    larger.set(this.#records);
    this.#records = larger;
  }
}

/** A bijection of 32-bit numbers in which each bit of the input changes half of the output. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
