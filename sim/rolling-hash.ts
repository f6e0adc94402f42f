/** One hash of everything that ever happened in a run: two runs with the same hash were the same run. */

import { crc32 } from "node:zlib";

export class RollingHash {
  #low = 0x9e3779b9;
  #high = 0x85ebca6b;

  /** Each argument up to 2^53; what is above 32 bits counts as well. */
  mix(time: number, kind: number, node: number, digest: number): void {
    this.#word(time);
    this.#word(Math.floor(time / 2 ** 32));
    this.#word((kind << 8) ^ node);
    this.#word(digest);
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return hex(this.#high) + hex(this.#low);
  }

  #word(value: number): void {
    let mixed = Math.imul(value ^ this.#low, 0xcc9e2d51);
    mixed = (mixed << 15) | (mixed >>> 17);
    this.#low = (Math.imul(mixed, 0x1b873593) + 0xe6546b64) | 0;
    this.#high = (Math.imul(this.#high ^ mixed, 0x27d4eb2f) + this.#low) | 0;
  }
}

/** From so many bytes on a checksum of the engine's own is quicker. */
const MANY_BYTES = 512;

/** 32 bits of some bytes: FNV-1a where they are few, else CRC-32. */
export function digestOf(bytes: Uint8Array): number {
  if (bytes.length >= MANY_BYTES) return crc32(bytes);
  let digest = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at += 1) {
    digest = Math.imul(digest ^ (bytes[at] ?? 0), 0x01000193);
  }
  return digest >>> 0;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
