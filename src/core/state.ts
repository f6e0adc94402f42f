/**
 * The whole state of a server: one plain record (figure 2, "State", and the thesis' additions), mutated in place by the
 * functions of this folder and by nothing else.
 */

import { assert } from "./assert.ts";
import { createLog, lastEntryId } from "./log.ts";
import type { Log } from "./log.ts";
import { activeConfiguration } from "./membership.ts";
import type { Configurations } from "./membership.ts";
import type { Message } from "./message.ts";
import type { RaftOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { seedFrom } from "./random.ts";
import type { Proposed, ReadEntries, ReadOutcome, SendSnapshot } from "./ready.ts";
import type {
  Configuration,
  HardState,
  LogIndex,
  NodeId,
  Role,
  SnapshotMeta,
  StoredState,
  Term,
} from "./types.ts";

/** All that a core is (figure 2), as one plain record. To be read by anybody, between steps; only the core changes it. */
export interface RaftState {
  readonly options: RaftOptions;
  /** The time of the last input, in milliseconds. */
  now: number;
  /** The generator of election timeouts. */
  random: number;

  // Persistent (figure 2): shown to nobody before `durability` says that it is on disk.
  currentTerm: Term;
  votedFor: NodeId | undefined;
  log: Log;
  configurations: Configurations;
  snapshot: SnapshotMeta;
  /** The highest cluster time seen in the log. */
  clusterTime: number;

  // Volatile.
  role: Role;
  /** The leader of `currentTerm`, once it has shown itself. */
  leader: NodeId | undefined;
  commitIndex: LogIndex;
  lastApplied: LogIndex;
  /** What the state machine is busy with, up to which index; `undefined` when it is idle. */
  applying: LogIndex | undefined;
  electionDeadline: number;
  /** When the leader was last heard; `-Infinity` before. */
  leaderContact: number;
  /** Who granted us a vote, or a pre-vote, in this campaign (rule 9): a set of ids, never a counter. */
  votes: Set<NodeId>;
  /** Only while leading. */
  leadership: Leadership | undefined;

  durability: Durability;
  outbox: Outbox;
}

/** Volatile state on leaders (figure 2): made at election, gone at step-down. */
export interface Leadership {
  /** The blank entry that this leader began with (section 8). */
  readonly firstIndex: LogIndex;
  /** Cluster time and own time when it took over. */
  readonly clusterTimeAtStart: number;
  readonly startedAt: number;
  /** Every other member, voters and learners. */
  readonly progress: Map<NodeId, Progress>;
  heartbeatDeadline: number;
  quorumCheckDeadline: number;
  /** The latest heartbeat round; reads wait for a quorum to answer one. */
  round: number;
  /** A read of this turn wants a round of its own. */
  roundWanted: boolean;
  /** Confirmed in order; `undefined` round: this leader has not committed an entry of its term yet (rule 45). */
  reads: PendingRead[];
  transfer: { readonly target: NodeId; readonly deadline: number; asked: boolean } | undefined;
  /** What was proposed in this leadership and is not committed. */
  uncommittedBytes: number;
}

interface PendingRead {
  readonly batch: number;
  index: LogIndex | undefined;
  round: number;
}

/** What is on its way to the disk, and what waits for it. */
interface Durability {
  /** The sequence number of the last write handed out, and of the last that is durable. */
  issued: number;
  durable: number;
  /** Handed out and not durable, oldest first. */
  inFlight: IssuedWrite[];
  /** Entries from here on are in no write yet. */
  unissuedFrom: LogIndex;
  /** Where the stored log ends once everything in flight is done. */
  storedLast: LogIndex;

  // What the next write has to do beside adding entries.
  hardStateChanged: boolean;
  truncateFrom: LogIndex | undefined;
  snapshot: SnapshotMeta | undefined;
  compacted: boolean;

  /** The write that holds the current term and vote. */
  voteWrite: number;
  /** Messages that wait, oldest first. */
  held: HeldMessage[];
}

interface IssuedWrite {
  readonly sequence: number;
  readonly issuedAt: number;
  /** When this write is done the log is durable up to here; a truncation lowers it (rule 6). */
  lastIndex: LogIndex;
}

interface HeldMessage {
  readonly message: Message;
  /** The write that must be durable first. */
  readonly after: number;
  /** The term in which it was said: it is not said any more in a later one. */
  readonly term: Term;
}

/** Effects that wait for the next `takeReady`. */
export interface Outbox {
  messages: Message[];
  proposed: Proposed[];
  reads: ReadOutcome[];
  readEntries: ReadEntries[];
  sendSnapshots: SendSnapshot[];
}

export function emptyOutbox(): Outbox {
  return { messages: [], proposed: [], reads: [], readEntries: [], sendSnapshots: [] };
}

/** A follower as it comes up, with what its storage found. Its election timeout is not armed yet. */
export function createState(options: RaftOptions, stored: StoredState, now: number): RaftState {
  const { hardState, snapshot } = stored;
  const log = createLog(stored);
  assert(
    lastEntryId(log).term <= hardState.currentTerm,
    "no entry is of a term that this server does not know",
  );
  return {
    options,
    now,
    random: seedFrom(options.seed),
    currentTerm: hardState.currentTerm,
    votedFor: hardState.votedFor,
    log,
    configurations: stored.configurations,
    snapshot,
    clusterTime: stored.lastTime,
    role: "follower",
    leader: undefined,
    commitIndex: storedCommit(hardState, stored),
    lastApplied: 0,
    applying: undefined,
    electionDeadline: Infinity,
    leaderContact: -Infinity,
    votes: new Set(),
    leadership: undefined,
    durability: newDurability(stored.lastIndex),
    outbox: emptyOutbox(),
  };
}

/** Committed stays committed: the snapshot is, and so is what was known to be when the disk was last written. */
function storedCommit(hardState: HardState, stored: StoredState): LogIndex {
  return Math.max(
    stored.snapshot.lastIncluded.index,
    Math.min(hardState.commitIndex, stored.lastIndex),
  );
}

function newDurability(lastIndex: LogIndex): Durability {
  return {
    issued: 0,
    durable: 0,
    inFlight: [],
    unissuedFrom: lastIndex + 1,
    storedLast: lastIndex,
    hardStateChanged: false,
    truncateFrom: undefined,
    snapshot: undefined,
    compacted: false,
    voteWrite: 0,
    held: [],
  };
}

/** The configuration in force. */
export function configurationOf(state: RaftState): Configuration {
  return activeConfiguration(state.configurations);
}
