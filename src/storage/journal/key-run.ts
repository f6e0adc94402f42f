/**
 * Keys in order, with what belongs to each: made for keys that come at the end and go at the front, as those of a log do;
 * what comes or goes in the middle moves what is behind it.
 */

/** So many places are left empty at the front before the rest moves up. */
const MOST_EMPTY = 1024;

export class KeyRun<Value> {
  #keys: string[] = [];
  #values: Value[] = [];
  /** Where the first is: those before it are gone. */
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#keys.length;
  }

  get(key: string): Value | undefined {
    const at = this.#find(key);
    return this.#keys[at] === key ? this.#values[at] : undefined;
  }

  /** What belonged to the key before. */
  set(key: string, value: Value): Value | undefined {
    const keys = this.#keys;
    const last = keys.at(-1);
    if (this.isEmpty || last === undefined || key > last) {
      keys.push(key);
      this.#values.push(value);
      return undefined;
    }
    const at = this.#find(key);
    if (keys[at] !== key) {
      keys.splice(at, 0, key);
      this.#values.splice(at, 0, value);
      return undefined;
    }
    const former = this.#values[at];
    this.#values[at] = value;
    return former;
  }

  /** What belonged to the key, if it was there. */
  delete(key: string): Value | undefined {
    const keys = this.#keys;
    const at = keys[this.#first] === key ? this.#first : this.#find(key);
    if (keys[at] !== key) return undefined;
    const value = this.#values[at];
    if (at === this.#first) this.#dropFirst();
    else {
      keys.splice(at, 1);
      this.#values.splice(at, 1);
    }
    return value;
  }

  /** Calls back for the keys from `gte` to below `lt`, in order or backwards, until it is told to stop by `false`. */
  visit(
    { gte, lt, reverse }: { readonly gte: string; readonly lt: string; readonly reverse?: boolean },
    visitor: (key: string, value: Value) => boolean,
  ): void {
    const from = this.#find(gte);
    const to = this.#find(lt);
    const step = reverse === true ? -1 : 1;
    for (let at = step === 1 ? from : to - 1; at >= from && at < to; at += step) {
      const key = this.#keys[at];
      const value = this.#values[at];
      if (key === undefined || value === undefined || !visitor(key, value)) return;
    }
  }

  visitAll(visitor: (key: string, value: Value) => void): void {
    for (let at = this.#first; at < this.#keys.length; at += 1) {
      const key = this.#keys[at];
      const value = this.#values[at];
      if (key !== undefined && value !== undefined) visitor(key, value);
    }
  }

  /** Of the first key that is not below `key`; behind the last where there is none. */
  #find(key: string): number {
    const keys = this.#keys;
    let low = this.#first;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #dropFirst(): void {
    this.#first += 1;
    if (this.#first < this.#keys.length && this.#first < MOST_EMPTY) return;
    this.#keys.splice(0, this.#first);
    this.#values.splice(0, this.#first);
    this.#first = 0;
  }
}
