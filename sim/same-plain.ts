/** Equality of plain data. */

/** Whether two pieces of plain data say the same; a field that is `undefined` is as good as none. */
export function samePlain(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return sameList(a, b);
  if (!isRecord(a) || !isRecord(b)) return false;
  // Each field of `a` is one of `b`; as many of `b` are then the same ones.
  let fields = 0;
  for (const name in a) {
    const value = a[name];
    if (value === undefined) continue;
    if (!samePlain(value, b[name])) return false;
    fields += 1;
  }
  for (const name in b) if (b[name] !== undefined) fields -= 1;
  return fields === 0;
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (!samePlain(a[at], b[at])) return false;
  return true;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
