/** A deep copy of plain data: records, arrays, maps and sets. Bytes are shared, because nobody changes them. */

export function clone<T>(value: T): T;
export function clone(value: unknown): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => clone(item));
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [clone<unknown>(key), clone<unknown>(item)]));
  if (value instanceof Set) return new Set(value);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, clone<unknown>(item)]),
  );
}
