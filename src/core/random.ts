/** A small seeded generator (xorshift, 32 bits), part of the state so that a replay draws the same time-outs. */

/** A state that is never zero, from any number. */
export function seedFrom(seed: number): number {
  // Multiplying by an odd constant spreads neighbouring seeds.
  return Math.imul(Math.floor(seed) ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
}

/** The next number, at least 0 and below 1. */
export function draw(state: { random: number }): number {
  let x = state.random;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  state.random = x >>> 0;
  return state.random / 2 ** 32;
}
