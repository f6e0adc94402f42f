/** An ordered map of strings to bytes, under the log store. */

/** One change of a batch. */
export type StoreOperation =
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: string };

/** The keys from `gte` to below `lt`, in order. */
export interface StoreRange {
  /** Inclusive lower bound. */
  readonly gte: string;
  /** Exclusive upper bound. */
  readonly lt: string;
  readonly reverse?: boolean;
  /** At most so many records. At least 1. */
  readonly limit: number;
}

/** One key with its value. The bytes are the reader's own. */
export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/**
 * The thin seam under the log store: an ordered map of strings to bytes with atomic, optionally synced batches.
 * `level` in production, memory in tests, a faulty one in simulation. Record layout, checksums, sequence numbers and
 * recovery are above it, in the log store.
 *
 * The fault model that an implementation must keep:
 * - a batch is atomic: after a crash all of it is there or none;
 * - batches become durable in the order in which they were handed over, one after the other: the caller never has two
 *   batches under way at once;
 * - a crash keeps a prefix of the batches since the last synced one; a synced batch, once resolved, is kept for ever,
 *   and so is every batch before it;
 * - a rejected batch may or may not be there after a restart. The caller stops using the store.
 */
export interface OrderedStore {
  /** Rejects with `RAFT_LOCKED` where another process (or another handle) has it open. */
  open(): Promise<void>;
  get(key: string): Promise<Uint8Array | undefined>;
  /** Ascending by code unit, or descending with `reverse`. What is returned is the caller's to keep. */
  range(range: StoreRange): Promise<readonly StoreRecord[]>;
  /** Like `range`, without reading the values. */
  keys(range: StoreRange): Promise<readonly string[]>;
  /** Values must not be changed until this has resolved. With `sync` it resolves when the batch is on disk. */
  batch(operations: readonly StoreOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
