/** Log records on disk: cutting a write into them, finding the one that holds an index, decoding it with suspicion. */

import type { Entry, LogIndex } from "../core/types.ts";
import { decodeEntries, encodedSize, verifyChecksums } from "../entry-codec.ts";
import { messageOf, RaftError } from "../errors.ts";
import { verify } from "./checks.ts";
import { keyOf, numberIn, rangeOf } from "./layout.ts";
import type { OrderedStore, StoreOperation, StoreRecord } from "./ordered-store.ts";

/**
 * How large a log record may be, in bytes; an entry larger than this has one to itself. Large, because a record costs
 * far more than a byte; not larger, because reading one entry means to read its record.
 */
const MAX_RECORD_BYTES = 128 * 1024;

/** Adds records that hold `entries`, whose concatenated bytes are `encoded`. Nothing is copied. */
export function putEntries(
  operations: StoreOperation[],
  entries: readonly Entry[],
  encoded: Uint8Array,
): void {
  let begin = 0;
  let end = 0;
  let firstIndex = 0;
  for (const entry of entries) {
    const size = encodedSize(entry);
    if (end > begin && end + size - begin > MAX_RECORD_BYTES) {
      operations.push(putRecord(firstIndex, encoded.subarray(begin, end)));
      begin = end;
    }
    if (begin === end) firstIndex = entry.index;
    end += size;
  }
  if (end > begin) operations.push(putRecord(firstIndex, encoded.subarray(begin, end)));
}

/** What is left below `index` of the record that holds it, or its removal where that is nothing. */
export function shortenRecord(record: StoreRecord, index: LogIndex): StoreOperation {
  const entries = entriesOf(record);
  verify((entries.at(-1)?.index ?? 0) >= index, `no log record holds entry ${index}`);
  let kept = 0;
  for (const entry of entries) {
    if (entry.index < index) kept += encodedSize(entry);
  }
  if (kept === 0) return { type: "del", key: record.key };
  return { type: "put", key: record.key, value: record.value.subarray(0, kept) };
}

function putRecord(firstIndex: LogIndex, value: Uint8Array): StoreOperation {
  return { type: "put", key: keyOf("log", firstIndex), value };
}

/** The record that holds `index`, if any does: the last that begins at or below it. */
export async function recordAt(
  store: OrderedStore,
  index: LogIndex,
): Promise<StoreRecord | undefined> {
  const { gte } = rangeOf("log");
  const [record] = await store.range({
    gte,
    lt: keyOf("log", index + 1),
    reverse: true,
    limit: 1,
  });
  return record;
}

/** The key of the record that holds `index`, or would. */
export async function recordKeyAt(
  store: OrderedStore,
  index: LogIndex,
): Promise<string | undefined> {
  const { gte } = rangeOf("log");
  const [key] = await store.keys({ gte, lt: keyOf("log", index + 1), reverse: true, limit: 1 });
  return key;
}

/** The entries of a record, verified: checksums, the index in the key, no hole. Throws `RAFT_CORRUPT`. */
export function entriesOf(record: StoreRecord): readonly Entry[] {
  const entries = decodeRecord(record);
  const firstIndex = numberIn(record.key);
  verify(entries.length > 0, `the log record ${record.key} is empty`);
  for (let offset = 0; offset < entries.length; offset += 1) {
    verify(
      entries[offset]?.index === firstIndex + offset,
      `the log record ${record.key} holds another entry than ${firstIndex + offset}`,
    );
  }
  return entries;
}

function decodeRecord({ key, value }: StoreRecord): readonly Entry[] {
  try {
    const entries = decodeEntries(value);
    verifyChecksums(entries);
    return entries;
  } catch (cause) {
    throw new RaftError("RAFT_CORRUPT", `the log record ${key}: ${messageOf(cause)}`, { cause });
  }
}
