/**
 * The nouns of the paper (section 5, figure 2) as types: ids, entries, configurations, what is durable.
 *
 * Indexes and terms are numbers below 2^53; `0` is the position before the first entry and the term before the first
 * election. Nothing here has behaviour.
 */

/** The name of a member: 1 to 64 characters, unique in the cluster and for good. */
export type NodeId = string;

/** A logical clock (section 5.1): at most one leader each. */
export type Term = number;

/** A place in the log; the first entry is at 1. */
export type LogIndex = number;

/** The four states of a server; pre-candidate is of the thesis (9.6). */
export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** The identity of one entry: by Log Matching (section 5.3) it determines the entry and all before it. */
export interface EntryId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** A server as the configuration knows it. */
export interface Member {
  readonly id: NodeId;
  /** Where it listens, `host:port`: one address for peers, clients and redirects. */
  readonly address: string;
  /** The random number stamped on its data folder; `undefined` until it is known to the log. */
  readonly storeId: string | undefined;
}

/**
 * Who takes part. Joint (section 6) while `votersOutgoing` is not empty: then every decision takes a majority of
 * `voters` and a majority of `votersOutgoing`.
 */
export interface Configuration {
  readonly voters: readonly Member[];
  readonly votersOutgoing: readonly Member[];
  readonly learners: readonly Member[];
}

/** A configuration together with the log index of the entry that holds it; 0 for the one a cluster starts from. */
export interface LoggedConfiguration {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/** Where an entry's bytes are: a stretch of a block that many entries share. Nobody changes them. */
export interface EncodedBytes {
  readonly block: Uint8Array;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

interface EntryHeader extends EntryId {
  /** Cluster time in milliseconds, stamped by the leader; never falls from one entry to the next. */
  readonly time: number;
  /**
   * The entry's bytes as they stand on the wire and on disk, once somebody has encoded or decoded it. A cache kept by
   * the entry codec and only there: the core never looks at it.
   */
  encoded: EncodedBytes | undefined;
}

/** A command for the state machine. */
export interface CommandEntry extends EntryHeader {
  readonly kind: "command";
  readonly payload: Uint8Array;
}

/** The first entry of each leader (section 8). */
export interface BlankEntry extends EntryHeader {
  readonly kind: "blank";
}

/** Changes who is a member; in force from when it is appended, not from when it is committed (section 6). */
export interface ConfigurationEntry extends EntryHeader {
  readonly kind: "configuration";
  readonly configuration: Configuration;
}

/** One place of the log. */
export type Entry = CommandEntry | BlankEntry | ConfigurationEntry;

/** A maximal stretch of the log in one term; it ends where the next run begins, or at the last entry. */
export interface TermRun {
  readonly term: Term;
  readonly firstIndex: LogIndex;
}

/** What a server must not forget before it answers (figure 2), with `commitIndex` written along for a warm start. */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: NodeId | undefined;
  readonly commitIndex: LogIndex;
}

/** What a snapshot stands for (section 7); its bytes are kept by the storage under `id`. */
export interface SnapshotMeta {
  /** Names the staged bytes, unique for each snapshot ever taken; `""` for the empty snapshot at index 0. */
  readonly id: string;
  readonly lastIncluded: EntryId;
  /** Cluster time of the last included entry. */
  readonly time: number;
  /** The configuration in force at `lastIncluded`, joint ones included. */
  readonly configuration: LoggedConfiguration;
}

/**
 * One atomic durable write. Writes are numbered 1, 2, 3 ... in a node's run; a storage applies them in that order, each
 * whole or not at all. Within one write the order is: truncation, snapshot, entries, compaction.
 */
export interface Write {
  readonly sequence: number;
  readonly hardState: HardState | undefined;
  /** Remove every entry at this index and above, before `entries` are added. */
  readonly truncateFrom: LogIndex | undefined;
  /** Consecutive, and the first follows what is left after truncation and snapshot. */
  readonly entries: readonly Entry[];
  /**
   * Switch to this staged snapshot. Where the log, truncated, ends before `lastIncluded` or there with another entry,
   * it is empty afterwards and starts behind it.
   */
  readonly snapshot: SnapshotMeta | undefined;
  /** Entries up to and including this one may be forgotten; at most the snapshot's `lastIncluded`. */
  readonly compactTo: EntryId | undefined;
}

/** What a storage found when it was opened: all that a core needs in order to carry on. */
export interface StoredState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** The entry before the first that is still there; never above `snapshot.lastIncluded`. */
  readonly compacted: EntryId;
  readonly lastIndex: LogIndex;
  /** Cluster time of the last entry, or of the snapshot where there is none. */
  readonly lastTime: number;
  /** The terms of all entries from `compacted.index + 1` to `lastIndex`, ascending. */
  readonly runs: readonly TermRun[];
  /** Every configuration from the last at or below the snapshot to the end of the log, ascending by index. */
  readonly configurations: readonly LoggedConfiguration[];
}
