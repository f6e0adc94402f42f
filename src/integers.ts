/** Integers from 0 to below 2^53 as 64 bits, big-endian: how indexes, terms and times stand in bytes. */

/** The view through which integers are read and written in place. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function writeInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value >>> 0);
}

/** May be 2^53 or more, where the bytes come from elsewhere: whoever reads them checks. */
export function readInteger(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}
