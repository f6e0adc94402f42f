/** Text in bytes, which is UTF-8. */

/**
 * What Node's own `Buffer` reads text with. It is not documented, though older than every Node that this runs on; without
 * it, a view of the bytes does the same, for three times the time.
 */
const utf8Slice = Reflect.get(Buffer.prototype, "utf8Slice") as
  ((this: Uint8Array, start: number, end: number) => string) | undefined;

/** The text in the bytes from `start` to below `end`, which are there. What is no UTF-8 reads as U+FFFD. */
export function textIn(bytes: Uint8Array, start: number, end: number): string {
  if (utf8Slice !== undefined) return utf8Slice.call(bytes, start, end);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
