/**
 * Integers in bytes, big-endian: 32 bits, and from 0 to below 2^53 as 64 bits. Read and written byte by byte: a view of
 * its own for each stretch of bytes costs far more.
 */

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Four bytes that are there. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return high * 2 ** 16 + low;
}

export function writeInteger(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / 2 ** 32));
  writeUint32(bytes, at + 4, value >>> 0);
}

/** May be 2^53 or more, where the bytes come from elsewhere: whoever reads them checks. */
export function readInteger(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4);
}
