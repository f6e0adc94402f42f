/**
 * Numbers in bytes, big-endian: integers of 16 and 32 bits, and from 0 to below 2^53 as 64 bits; any number as a float of
 * 64 bits. Read and written byte by byte: a view of its own for each stretch of bytes costs far more.
 */

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Two bytes that are there. */
export function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

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

/** One number at a time, on its way into bytes or out of them. */
const float = new DataView(new ArrayBuffer(8));

export function writeDouble(bytes: Uint8Array, at: number, value: number): void {
  float.setFloat64(0, value);
  writeUint32(bytes, at, float.getUint32(0));
  writeUint32(bytes, at + 4, float.getUint32(4));
}

/** Eight bytes that are there. */
export function readDouble(bytes: Uint8Array, at: number): number {
  float.setUint32(0, readUint32(bytes, at));
  float.setUint32(4, readUint32(bytes, at + 4));
  return float.getFloat64(0);
}
