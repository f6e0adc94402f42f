/**
 * Things that are met again and again, kept once each and numbered: that two are alike is then seen at their numbers. Each
 * has a number under every naming of the servers as well.
 */

import type { Naming } from "./fingerprint.ts";

export interface Interned<T> {
  readonly value: T;
  /** By naming; the first is the one in use. */
  readonly numbers: readonly number[];
}

export class Interner<T, I extends Interned<T> = Interned<T>> {
  readonly #numbers = new Map<string, number>();
  readonly #known = new Map<number, I>();
  readonly #namings: readonly Naming[];
  readonly #fingerprintOf: (value: T, naming: Naming) => string;
  readonly #make: (interned: Interned<T>) => I;

  constructor(
    namings: readonly Naming[],
    fingerprintOf: (value: T, naming: Naming) => string,
    make: (interned: Interned<T>) => I,
  ) {
    this.#namings = namings;
    this.#fingerprintOf = fingerprintOf;
    this.#make = make;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The one that is like `value`. */
  get(value: T): I {
    const [first = new Map(), ...others] = this.#namings;
    const number = this.#numberOf(this.#fingerprintOf(value, first));
    const known = this.#known.get(number);
    if (known !== undefined) return known;
    const more = others.map((naming) => this.#numberOf(this.#fingerprintOf(value, naming)));
    const made = this.#make({ value, numbers: [number, ...more] });
    this.#known.set(number, made);
    return made;
  }

  #numberOf(fingerprint: string): number {
    const known = this.#numbers.get(fingerprint);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(fingerprint, number);
    return number;
  }
}

/** Every way to call servers by each other's names; the first leaves them as they are. */
export function namingsOf(ids: readonly string[]): readonly Naming[] {
  return permutationsOf(ids).map((names) => new Map(ids.map((id, at) => [id, names[at] ?? id])));
}

function permutationsOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  if (all.length < 2) return [all];
  return all.flatMap((each, at) =>
    permutationsOf(all.toSpliced(at, 1)).map((others) => [each, ...others]),
  );
}
