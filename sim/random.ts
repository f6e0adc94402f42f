/**
 * Seeded randomness, one generator for each concern: a draw more in one place shifts nothing elsewhere, so a schedule
 * that is shortened replays the rest as it was. Integers only: the same on every engine.
 */

/** Chances are in parts per million. */
export const MILLION = 1_000_000;

export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any number; the label keeps generators of one seed apart. */
  constructor(seed: number, label: string) {
    this.#a = Math.floor(seed / 2 ** 32) >>> 0;
    this.#b = seed >>> 0;
    this.#c = hashText(label);
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** 32 bits (sfc32). */
  next(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** At least 0, below 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor((this.next() / 2 ** 32) * count);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(ppm: number): boolean {
    return ppm > 0 && this.below(MILLION) < ppm;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError("there is nothing to pick from");
    return value;
  }

  /** The same values in another order. */
  shuffled<Value>(values: readonly Value[]): Value[] {
    const left = [...values];
    const result: Value[] = [];
    while (left.length > 0) result.push(...left.splice(this.below(left.length), 1));
    return result;
  }
}

/** 32 bits of a text (FNV-1a). */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
