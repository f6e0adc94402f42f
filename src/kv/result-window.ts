/**
 * What a session has executed at or above the lowest number that its client still waits for: a ring, in which each
 * number has its place.
 *
 * A `Map` would do, were it not for what it leaves behind where numbers come and go for ever: each table that it outgrows
 * points to the next, so one that has grown old keeps all later ones, and all that was in them, until the next full
 * collection; and every small one copies them.
 */

/** Most numbers that a window spans. */
export const MAX_WINDOW: number = 2 ** 20;

const SMALLEST_RING = 16;

export class ResultWindow<Value> {
  /** As many as a power of two; the number `n` is at `n` modulo that. */
  #slots: (Value | undefined)[] = [];
  #lowest = 1;
  /** Above the highest number that has come. */
  #end = 1;
  #size = 0;

  /** Every number below it is forgotten. */
  get lowest(): number {
    return this.#lowest;
  }

  get size(): number {
    return this.#size;
  }

  get(number: number): Value | undefined {
    if (number < this.#lowest || number >= this.#end) return undefined;
    return this.#slots[number % this.#slots.length];
  }

  /** A number that is not there yet, from `lowest` to below `lowest + MAX_WINDOW`. */
  set(number: number, value: Value): void {
    if (number - this.#lowest >= this.#slots.length) this.#grow(number - this.#lowest + 1);
    this.#slots[number % this.#slots.length] = value;
    this.#end = Math.max(this.#end, number + 1);
    this.#size += 1;
  }

  /** Takes time in what is forgotten, however far the bound moves. */
  forgetBelow(lowest: number): void {
    const end = Math.min(lowest, this.#end);
    for (let number = this.#lowest; number < end; number += 1) {
      const at = number % this.#slots.length;
      if (this.#slots[at] === undefined) continue;
      this.#slots[at] = undefined;
      this.#size -= 1;
    }
    this.#lowest = Math.max(this.#lowest, lowest);
    this.#end = Math.max(this.#end, this.#lowest);
  }

  /** By number. */
  *entries(): Generator<readonly [number, Value]> {
    for (let number = this.#lowest; number < this.#end; number += 1) {
      const value = this.get(number);
      if (value !== undefined) yield [number, value];
    }
  }

  #grow(span: number): void {
    let length = Math.max(SMALLEST_RING, this.#slots.length);
    while (length < span) length *= 2;
    const slots = Array.from<Value | undefined>({ length });
    for (const [number, value] of this.entries()) slots[number % length] = value;
    this.#slots = slots;
  }
}
