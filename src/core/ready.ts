/** What goes into a core and what comes out of it: the only two things that its driver handles. */

import type { Message } from "./message.ts";
import type { Entry, EntryId, LogIndex, NodeId, SnapshotMeta, Term, Write } from "./types.ts";

/** Something that happened outside. A finished write and a finished apply are inputs like a message. */
export type Input =
  /** Time has passed; due at `raft.deadline`, harmless earlier. */
  | { readonly type: "tick" }
  | { readonly type: "message"; readonly message: Message }
  /** Commands, in order. Answered in `Ready.proposed` under the same `batch`. */
  | { readonly type: "propose"; readonly batch: number; readonly commands: readonly Uint8Array[] }
  /** Reads that want a confirmed index. Answered in `Ready.reads` under the same `batch`, perhaps much later. */
  | { readonly type: "read"; readonly batch: number }
  /** Hand the leadership to `target` (thesis 3.10). Ignored but on a leader. */
  | { readonly type: "transfer"; readonly target: NodeId }
  /** The write with this sequence number, and all before it, are durable. */
  | { readonly type: "persisted"; readonly sequence: number }
  /** The last `ApplyTask` is done up to `index`. */
  | { readonly type: "applied"; readonly index: LogIndex }
  /** The state at `index`, at most `lastApplied`, is staged durably under `id`; the log below `compactTo` may go. */
  | {
      readonly type: "snapshotTaken";
      readonly id: string;
      readonly index: LogIndex;
      readonly time: number;
      readonly compactTo: LogIndex;
    }
  /** The answer to a `ReadEntries`; `undefined`: the range is compacted, or the read was given up. */
  | {
      readonly type: "entriesRead";
      readonly request: ReadEntries;
      readonly entries: readonly Entry[] | undefined;
    }
  /** A `SendSnapshot` has ended. */
  | {
      readonly type: "snapshotSent";
      readonly peer: NodeId;
      readonly id: string;
      readonly delivered: boolean;
    };

/** Why a core takes no proposal or read. */
export type Refusal = "not leader" | "transferring" | "overloaded";

/** The first `accepted` commands of the batch are in the log, from `first` on; the rest were refused. */
export interface Proposed {
  readonly batch: number;
  readonly first: EntryId;
  readonly accepted: number;
  readonly refusal: Refusal | undefined;
}

/** With an index: whoever has applied it may answer the reads (thesis 6.4). Without: they were refused. */
export type ReadOutcome =
  | { readonly batch: number; readonly index: LogIndex; readonly refusal: undefined }
  | { readonly batch: number; readonly index: undefined; readonly refusal: Refusal };

/** One thing at a time for the state machine; answered by the input `applied`. */
export type ApplyTask =
  | { readonly type: "restore"; readonly snapshot: SnapshotMeta }
  /** Apply from `from`, at most to `to`; where `entries` are missing they are read from the storage, a prefix if need be. */
  | {
      readonly type: "entries";
      readonly from: LogIndex;
      readonly to: LogIndex;
      readonly entries: readonly Entry[] | undefined;
    };

/** Read entries for a slow follower, off the turn; answered by the input `entriesRead` with this very object. */
export interface ReadEntries {
  readonly peer: NodeId;
  readonly term: Term;
  readonly from: LogIndex;
  /** Inclusive. */
  readonly to: LogIndex;
  readonly maxBytes: number;
}

/** The entries that `peer` needs are gone: it is to be sent this snapshot. Answered by the input `snapshotSent`. */
export interface SendSnapshot {
  readonly peer: NodeId;
  readonly term: Term;
  readonly snapshot: SnapshotMeta;
}

/** The effects of a turn. Everything in it may be acted on at once and in any order. */
export interface Ready {
  /** To be sent now: what has to wait for a write is held back inside until that write is durable. */
  readonly messages: readonly Message[];
  /** To be handed to the storage; answered by the input `persisted`. */
  readonly write: Write | undefined;
  readonly proposed: readonly Proposed[];
  readonly reads: readonly ReadOutcome[];
  readonly apply: ApplyTask | undefined;
  readonly readEntries: readonly ReadEntries[];
  readonly sendSnapshots: readonly SendSnapshot[];
}
