/**
 * Peer messages as bytes, and the one place where bytes of a peer are checked: what `decodeMessage` returns is of its
 * type and in its range, and nothing behind it looks again.
 *
 * ```
 * | wire type | group | from | to | term | what its type has ... | tail        as in `message-fields.ts`
 * ```
 *
 * The tail is raw: the entries of an AppendEntries as `encodeEntries` has them, or the data of a SnapshotChunk; so the
 * bulk of a message is neither packed nor copied.
 */

import type { Entry, EntryId, NodeId, Term } from "../core/types.ts";
import { decodeEntries, encodeEntries } from "../entry-codec.ts";
import { isRaftError, messageOf, RaftError } from "../errors.ts";
import { MAX_CHUNK_BYTES } from "../storage/storage.ts";
import { check, FieldReader, FieldWriter } from "./message-fields.ts";
import type { PeerMessage } from "./transport.ts";

/** Changes when members of two versions cannot talk to each other: a handshake has to compare it. */
export const WIRE_VERSION = "2";

/** There is one group yet; its id is in every message so that many can share a connection later. */
const GROUP = 0;

/** Never change or reuse a number: they are the protocol. */
const WIRE_TYPE = {
  PreVote: 1,
  PreVoteResponse: 2,
  RequestVote: 3,
  RequestVoteResponse: 4,
  AppendEntries: 5,
  AppendEntriesSuccess: 6,
  AppendEntriesRefusal: 7,
  Heartbeat: 8,
  HeartbeatResponse: 9,
  InstallSnapshot: 10,
  InstallSnapshotResponse: 11,
  TimeoutNow: 12,
  SnapshotChunk: 13,
  SnapshotChunkResponse: 14,
} as const;

/** The parts of a frame's body, one behind the other. The last one may be large and is not a copy. */
export function encodeMessage(message: PeerMessage): readonly Uint8Array[] {
  const fields = new FieldWriter();
  fields.integer(wireTypeOf(message));
  fields.integer(GROUP);
  fields.name(message.from);
  fields.name(message.to);
  fields.integer(message.term);
  writeFields(fields, message);
  const tail = tailOf(message);
  return tail === undefined ? [fields.bytes] : [fields.bytes, tail];
}

/**
 * Whether a message gives way to heartbeats and votes (rule 69): one that may be large, and an append without entries, which
 * finds out what has become of those before it. Were it to overtake them, they would seem lost, and be sent again.
 */
export function isBulk({ type }: PeerMessage): boolean {
  return type === "SnapshotChunk" || type === "AppendEntries";
}

function tailOf(message: PeerMessage): Uint8Array | undefined {
  if (message.type === "SnapshotChunk") return message.data;
  if (message.type !== "AppendEntries" || message.entries.length === 0) return undefined;
  return encodeEntries(message.entries);
}

function wireTypeOf(message: PeerMessage): number {
  if (message.type !== "AppendEntriesResponse") return WIRE_TYPE[message.type];
  return message.success ? WIRE_TYPE.AppendEntriesSuccess : WIRE_TYPE.AppendEntriesRefusal;
}

function writeFields(fields: FieldWriter, message: PeerMessage): void {
  switch (message.type) {
    case "PreVote":
      return fields.entryId(message.lastLog);
    case "RequestVote":
      fields.entryId(message.lastLog);
      return fields.flag(message.leadershipTransfer);
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return fields.flag(message.voteGranted);
    case "AppendEntries":
      fields.entryId(message.prevLog);
      return fields.integer(message.leaderCommit);
    case "AppendEntriesResponse":
      if (message.success) return fields.integer(message.matchIndex);
      fields.integer(message.prevLogIndex);
      return fields.entryId(message.hint);
    case "Heartbeat":
      fields.integer(message.leaderCommit);
      return fields.integer(message.round);
    case "HeartbeatResponse":
      return fields.integer(message.round);
    case "InstallSnapshot":
      return fields.snapshot(message.snapshot);
    case "InstallSnapshotResponse":
      return fields.integer(message.matchIndex);
    case "SnapshotChunk":
      fields.snapshot(message.snapshot);
      fields.integer(message.chunk);
      return fields.flag(message.done);
    case "SnapshotChunkResponse":
      fields.text(message.snapshotId);
      return fields.integer(message.next);
    case "TimeoutNow":
      return undefined;
    default:
      return message satisfies never;
  }
}

/**
 * The message in a frame's body; throws `RAFT_BAD_FRAME` where it is not exactly one. Entries and data are views of
 * `body`, which must not be changed afterwards.
 */
export function decodeMessage(body: Uint8Array): PeerMessage {
  try {
    const fields = new FieldReader(body);
    const message = readMessage(fields);
    fields.end();
    return message;
  } catch (error) {
    if (isRaftError(error, "RAFT_BAD_FRAME")) throw error;
    throw new RaftError("RAFT_BAD_FRAME", `not a peer message: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function readMessage(fields: FieldReader): PeerMessage {
  const wireType = fields.integer();
  check(fields.integer() === GROUP, "a message of an unknown group");
  const from = fields.name();
  const to = fields.name();
  const term = fields.integer();
  // Only a server that has never heard of an election is in term 0, and all that it may say is no to a PreVote.
  check(term > 0 || wireType === WIRE_TYPE.PreVoteResponse, "a message of term 0");
  const envelope = { from, to, term };
  const message =
    readElection(wireType, envelope, fields) ??
    readReplication(wireType, envelope, fields) ??
    readSnapshot(wireType, envelope, fields);
  check(message !== undefined, `unknown type ${wireType}`);
  return message;
}

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

function readElection(
  wireType: number,
  envelope: Envelope,
  fields: FieldReader,
): PeerMessage | undefined {
  const { term } = envelope;
  switch (wireType) {
    case WIRE_TYPE.PreVote:
      return { type: "PreVote", ...envelope, lastLog: fields.entryId(term) };
    case WIRE_TYPE.PreVoteResponse: {
      const voteGranted = fields.flag();
      check(term > 0 || !voteGranted, "a vote in term 0");
      return { type: "PreVoteResponse", ...envelope, voteGranted };
    }
    case WIRE_TYPE.RequestVote: {
      const lastLog = fields.entryId(term);
      return { type: "RequestVote", ...envelope, lastLog, leadershipTransfer: fields.flag() };
    }
    case WIRE_TYPE.RequestVoteResponse:
      return { type: "RequestVoteResponse", ...envelope, voteGranted: fields.flag() };
    case WIRE_TYPE.TimeoutNow:
      return { type: "TimeoutNow", ...envelope };
    default:
      return undefined;
  }
}

function readReplication(
  wireType: number,
  { from, to, term }: Envelope,
  fields: FieldReader,
): PeerMessage | undefined {
  switch (wireType) {
    case WIRE_TYPE.AppendEntries: {
      const prevLog = fields.entryId(term);
      const leaderCommit = fields.integer();
      const entries = decodeEntries(fields.tail());
      checkEntries(entries, prevLog, term);
      return { type: "AppendEntries", from, to, term, prevLog, leaderCommit, entries };
    }
    case WIRE_TYPE.AppendEntriesSuccess: {
      const matchIndex = fields.integer();
      return { type: "AppendEntriesResponse", from, to, term, success: true, matchIndex };
    }
    case WIRE_TYPE.AppendEntriesRefusal: {
      const prevLogIndex = fields.integer();
      const hint = fields.entryId(term);
      return { type: "AppendEntriesResponse", from, to, term, success: false, prevLogIndex, hint };
    }
    case WIRE_TYPE.Heartbeat: {
      const leaderCommit = fields.integer();
      return { type: "Heartbeat", from, to, term, leaderCommit, round: fields.integer() };
    }
    case WIRE_TYPE.HeartbeatResponse:
      return { type: "HeartbeatResponse", from, to, term, round: fields.integer() };
    default:
      return undefined;
  }
}

function readSnapshot(
  wireType: number,
  envelope: Envelope,
  fields: FieldReader,
): PeerMessage | undefined {
  const { term } = envelope;
  switch (wireType) {
    case WIRE_TYPE.InstallSnapshot:
      return { type: "InstallSnapshot", ...envelope, snapshot: fields.snapshot(term) };
    case WIRE_TYPE.InstallSnapshotResponse:
      return { type: "InstallSnapshotResponse", ...envelope, matchIndex: fields.integer() };
    case WIRE_TYPE.SnapshotChunk: {
      const snapshot = fields.snapshot(term);
      const chunk = fields.integer();
      const done = fields.flag();
      const data = fields.tail();
      check(data.length <= MAX_CHUNK_BYTES, `a chunk of more than ${MAX_CHUNK_BYTES} bytes`);
      return { type: "SnapshotChunk", ...envelope, snapshot, chunk, done, data };
    }
    case WIRE_TYPE.SnapshotChunkResponse: {
      const snapshotId = fields.text();
      return { type: "SnapshotChunkResponse", ...envelope, snapshotId, next: fields.integer() };
    }
    default:
      return undefined;
  }
}

/** Log Matching rests on this: consecutive from `prevLog`, terms never falling, none above the leader's own. */
function checkEntries(entries: readonly Entry[], prevLog: EntryId, leaderTerm: Term): void {
  let previous = prevLog;
  for (const entry of entries) {
    check(entry.index === previous.index + 1, "entries that are not consecutive");
    check(
      entry.term >= previous.term && entry.term >= 1 && entry.term <= leaderTerm,
      "an entry of an impossible term",
    );
    previous = entry;
  }
}
