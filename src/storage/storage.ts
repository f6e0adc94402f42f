/** Whatever keeps a log, a vote and snapshots, and how it is called. */

import type { Entry, LogIndex, NodeId, SnapshotMeta, StoredState, Write } from "../core/types.ts";
import type { Configuration } from "../core/types.ts";

/** Who the data belongs to; stamped at the first open, compared at every later one. */
export interface StorageIdentity {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** The configuration that the cluster starts from. Stored at the first open, ignored later. */
  readonly bootstrap: Configuration;
  /** Becomes the store id at the first open: 128 random bits as text. Ignored later. */
  readonly newStoreId: string;
}

/** What an opened storage holds. */
export interface OpenedStorage {
  readonly state: StoredState;
  readonly storeId: string;
  /** The store id of each peer as it was first seen; see `recordPeer`. */
  readonly peers: ReadonlyMap<NodeId, string>;
}

/** Which entries to read. */
export interface EntryRange {
  readonly from: LogIndex;
  /** Inclusive. */
  readonly to: LogIndex;
  /** Stop before the entry that would exceed this many bytes, but return at least one entry. */
  readonly maxBytes: number;
}

/**
 * The storage contract: what a node asks of whatever keeps its log, its vote and its snapshots.
 *
 * **Writes.** `write` takes one ordered stream of atomic durable writes. It may be called again before the last call
 * has resolved; the storage keeps the order, and may merge what is waiting into one. When the promise of write n
 * resolves, write n and all before it are on disk and will be found by the next `open`, whatever happens to the
 * process or the machine. When it rejects, nothing is known of n and of what follows; the node stops, never retries,
 * and calls nothing more but `close`.
 *
 * **Reads.** Only entries whose write has resolved are read. A read may run beside writes; it sees entries as they
 * were written, verified against their checksums, or rejects with `RAFT_CORRUPT`.
 *
 * **Snapshots** are staged outside the stream, chunk by chunk under an id, then switched in by a write that carries the
 * meta data. A staged snapshot that no write switched in is discarded at `open`.
 *
 * Bytes that are handed over must not be changed by either side afterwards.
 */
export interface Storage {
  /**
   * Opens or creates, verifies, discards staged snapshots. Rejects with `RAFT_WRONG_CLUSTER`, `RAFT_WRONG_NODE`,
   * `RAFT_FORMAT_VERSION`, `RAFT_LOCKED`, or `RAFT_CORRUPT` where a checksum fails or an acknowledged write is missing;
   * with `RAFT_INVALID_OPTION` where it was opened or closed before, `RAFT_STOPPED` where it is closed meanwhile. Nothing
   * is left open then.
   */
  open(identity: StorageIdentity): Promise<OpenedStorage>;

  /** Resolves when it and all before it are durable. See "Writes" above for what a rejection means. */
  write(write: Write): Promise<void>;

  /** A prefix of the range, never empty. Rejects with `RAFT_COMPACTED` where `from` is not there any more. */
  readEntries(range: EntryRange): Promise<readonly Entry[]>;

  /**
   * Appends one chunk to a staged snapshot, durably. Chunks come in order, 0, 1, 2 ...; chunk 0 begins anew whatever
   * was staged under that id. A chunk is at most `MAX_CHUNK_BYTES` long, and may be empty; a snapshot has at least one.
   */
  stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void>;

  /** One chunk of a staged or switched-in snapshot, verified; `undefined` after the last or where the id is gone. */
  readChunk(id: string, chunk: number): Promise<Uint8Array | undefined>;

  /**
   * Forgets a snapshot that is not the current one. Unknown ids are ignored. One that was replaced stays readable until
   * it is dropped, so that it can be sent to its end, or until the next open.
   */
  dropSnapshot(id: string): Promise<void>;

  /** Remembers durably that `peer` has the store id `storeId`; the first one recorded stays. */
  recordPeer(peer: NodeId, storeId: string): Promise<void>;

  /** Waits for what is under way, releases the folder. Idempotent. */
  close(): Promise<void>;
}

/** An upper bound for snapshot chunks, in bytes: heartbeats never queue behind more than this (rule 69). */
export const MAX_CHUNK_BYTES: number = 128 * 1024;

/** The first snapshot of every log: nothing, at index 0, in the configuration that the cluster starts from. */
export function emptySnapshot(bootstrap: Configuration): SnapshotMeta {
  return {
    id: "",
    lastIncluded: { term: 0, index: 0 },
    time: 0,
    configuration: { index: 0, configuration: bootstrap },
  };
}
