/** Whole ranges of an ordered store, a page at a time. */

import type { KeyRange } from "./layout.ts";
import type { OrderedStore, StoreOperation, StoreRecord } from "./ordered-store.ts";

const PAGE = 1000;

/** Every record in `range`, for kinds whose records are small. */
export async function recordsIn(
  store: OrderedStore,
  range: KeyRange,
): Promise<readonly StoreRecord[]> {
  const records: StoreRecord[] = [];
  let { gte } = range;
  for (;;) {
    const page = await store.range({ gte, lt: range.lt, limit: PAGE });
    for (const record of page) records.push(record);
    if (page.length < PAGE) return records;
    gte = after(page[PAGE - 1]?.key ?? gte);
  }
}

/** Adds the removal of every key in `range`. */
export async function deleteIn(
  store: OrderedStore,
  range: KeyRange,
  operations: StoreOperation[],
): Promise<void> {
  let { gte } = range;
  for (;;) {
    const page = await store.keys({ gte, lt: range.lt, limit: PAGE });
    for (const key of page) operations.push({ type: "del", key });
    if (page.length < PAGE) return;
    gte = after(page[PAGE - 1] ?? gte);
  }
}

/** The least key above `key`. */
export function after(key: string): string {
  return `${key}\0`;
}
