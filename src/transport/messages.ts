/**
 * Peer messages as bytes, and the one place where bytes of a peer are checked: what `decodeMessage` returns is of its
 * type and in its range, and nothing behind it looks again.
 *
 * ```
 * 0             4
 * | head length | head | tail        head: a MessagePack array [wire type, group id, from, to, term, ...fields]
 * ```
 *
 * The tail is raw: the entries of an AppendEntries as `encodeEntries` has them, or the data of a SnapshotChunk; so the
 * bulk of a message is neither packed nor copied.
 */

import { decode, encode } from "../codec.ts";
import type { Entry, EntryId, NodeId, SnapshotMeta, Term } from "../core/types.ts";
import {
  configurationFromArray,
  configurationToArray,
  decodeEntries,
  encodeEntries,
} from "../entry-codec.ts";
import { isRaftError, messageOf, RaftError } from "../errors.ts";
import { MAX_CHUNK_BYTES } from "../storage/storage.ts";
import type { PeerMessage } from "./transport.ts";

/** An upper bound for every id and address in a message, in UTF-16 units. */
const MAX_TEXT_LENGTH = 1024;
const HEAD_LENGTH_BYTES = 4;
const NO_TAIL = new Uint8Array(0);

/** There is one group yet; its id is in every message so that many can share a connection later. */
const GROUP = 0;

/** Never change or reuse a number: they are the protocol. */
const WIRE_TYPE = {
  preVote: 1,
  preVoteResponse: 2,
  requestVote: 3,
  requestVoteResponse: 4,
  appendEntries: 5,
  appendEntriesSuccess: 6,
  appendEntriesRefusal: 7,
  heartbeat: 8,
  heartbeatResponse: 9,
  installSnapshot: 10,
  installSnapshotResponse: 11,
  timeoutNow: 12,
  snapshotChunk: 13,
  snapshotChunkResponse: 14,
} as const;

/** The parts of a frame's body. The last one may be large and is not a copy. */
export function encodeMessage(message: PeerMessage): readonly Uint8Array[] {
  const [wireType, ...fields] = fieldsOf(message);
  const head = encode([wireType, GROUP, message.from, message.to, message.term, ...fields]);
  const headLength = Buffer.allocUnsafe(HEAD_LENGTH_BYTES);
  headLength.writeUInt32BE(head.length);
  return [headLength, head, tailOf(message)];
}

/** Whether a message may be large: such ones give way to heartbeats and votes (rule 69). */
export function isBulk(message: PeerMessage): boolean {
  return (
    message.type === "SnapshotChunk" ||
    (message.type === "AppendEntries" && message.entries.length > 0)
  );
}

function tailOf(message: PeerMessage): Uint8Array {
  if (message.type === "AppendEntries") return encodeEntries(message.entries);
  return message.type === "SnapshotChunk" ? message.data : NO_TAIL;
}

function fieldsOf(message: PeerMessage): readonly [number, ...unknown[]] {
  switch (message.type) {
    case "PreVote":
      return [WIRE_TYPE.preVote, ...idFields(message.lastLog)];
    case "PreVoteResponse":
      return [WIRE_TYPE.preVoteResponse, message.voteGranted];
    case "RequestVote":
      return [WIRE_TYPE.requestVote, ...idFields(message.lastLog), message.leadershipTransfer];
    case "RequestVoteResponse":
      return [WIRE_TYPE.requestVoteResponse, message.voteGranted];
    case "AppendEntries":
      return [WIRE_TYPE.appendEntries, ...idFields(message.prevLog), message.leaderCommit];
    case "AppendEntriesResponse":
      return message.success
        ? [WIRE_TYPE.appendEntriesSuccess, message.matchIndex]
        : [WIRE_TYPE.appendEntriesRefusal, message.prevLogIndex, ...idFields(message.hint)];
    case "Heartbeat":
      return [WIRE_TYPE.heartbeat, message.leaderCommit, message.round];
    case "HeartbeatResponse":
      return [WIRE_TYPE.heartbeatResponse, message.round];
    case "InstallSnapshot":
      return [WIRE_TYPE.installSnapshot, ...snapshotFields(message.snapshot)];
    case "InstallSnapshotResponse":
      return [WIRE_TYPE.installSnapshotResponse, message.matchIndex];
    case "TimeoutNow":
      return [WIRE_TYPE.timeoutNow];
    case "SnapshotChunk":
      return [
        WIRE_TYPE.snapshotChunk,
        ...snapshotFields(message.snapshot),
        message.chunk,
        message.done,
      ];
    case "SnapshotChunkResponse":
      return [WIRE_TYPE.snapshotChunkResponse, message.snapshotId, message.next];
    default:
      return message satisfies never;
  }
}

function idFields({ term, index }: EntryId): readonly number[] {
  return [term, index];
}

function snapshotFields({
  id,
  lastIncluded,
  time,
  configuration,
}: SnapshotMeta): readonly unknown[] {
  return [
    id,
    ...idFields(lastIncluded),
    time,
    configuration.index,
    configurationToArray(configuration.configuration),
  ];
}

/**
 * The message in a frame's body; throws `RAFT_BAD_FRAME` where it is not exactly one. Entries and data are views of
 * `body`, which must not be changed afterwards.
 */
export function decodeMessage(body: Uint8Array): PeerMessage {
  try {
    const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const tailStart = HEAD_LENGTH_BYTES + buffer.readUInt32BE(0);
    check(tailStart <= buffer.length, "the head is longer than the message");
    const fields = new FieldReader(
      decode(buffer.subarray(HEAD_LENGTH_BYTES, tailStart)),
      buffer.subarray(tailStart),
    );
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
  check(term > 0 || wireType === WIRE_TYPE.preVoteResponse, "a message of term 0");
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
    case WIRE_TYPE.preVote:
      return { type: "PreVote", ...envelope, lastLog: fields.entryId(term) };
    case WIRE_TYPE.preVoteResponse: {
      const voteGranted = fields.flag();
      check(term > 0 || !voteGranted, "a vote in term 0");
      return { type: "PreVoteResponse", ...envelope, voteGranted };
    }
    case WIRE_TYPE.requestVote: {
      const lastLog = fields.entryId(term);
      return { type: "RequestVote", ...envelope, lastLog, leadershipTransfer: fields.flag() };
    }
    case WIRE_TYPE.requestVoteResponse:
      return { type: "RequestVoteResponse", ...envelope, voteGranted: fields.flag() };
    case WIRE_TYPE.timeoutNow:
      return { type: "TimeoutNow", ...envelope };
    default:
      return undefined;
  }
}

function readReplication(
  wireType: number,
  envelope: Envelope,
  fields: FieldReader,
): PeerMessage | undefined {
  const { term } = envelope;
  switch (wireType) {
    case WIRE_TYPE.appendEntries: {
      const prevLog = fields.entryId(term);
      const leaderCommit = fields.integer();
      const entries = decodeEntries(fields.tail());
      checkEntries(entries, prevLog, term);
      return { type: "AppendEntries", ...envelope, prevLog, leaderCommit, entries };
    }
    case WIRE_TYPE.appendEntriesSuccess: {
      const matchIndex = fields.integer();
      return { type: "AppendEntriesResponse", ...envelope, success: true, matchIndex };
    }
    case WIRE_TYPE.appendEntriesRefusal: {
      const prevLogIndex = fields.integer();
      const hint = fields.entryId(term);
      return { type: "AppendEntriesResponse", ...envelope, success: false, prevLogIndex, hint };
    }
    case WIRE_TYPE.heartbeat: {
      const leaderCommit = fields.integer();
      return { type: "Heartbeat", ...envelope, leaderCommit, round: fields.integer() };
    }
    case WIRE_TYPE.heartbeatResponse:
      return { type: "HeartbeatResponse", ...envelope, round: fields.integer() };
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
    case WIRE_TYPE.installSnapshot:
      return { type: "InstallSnapshot", ...envelope, snapshot: fields.snapshot(term) };
    case WIRE_TYPE.installSnapshotResponse:
      return { type: "InstallSnapshotResponse", ...envelope, matchIndex: fields.integer() };
    case WIRE_TYPE.snapshotChunk: {
      const snapshot = fields.snapshot(term);
      const chunk = fields.integer();
      const done = fields.flag();
      const data = fields.tail();
      check(data.length <= MAX_CHUNK_BYTES, `a chunk of more than ${MAX_CHUNK_BYTES} bytes`);
      return { type: "SnapshotChunk", ...envelope, snapshot, chunk, done, data };
    }
    case WIRE_TYPE.snapshotChunkResponse: {
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

/** Takes a message apart from front to back; each method checks what it returns. */
class FieldReader {
  readonly #values: readonly unknown[];
  #next = 0;
  #tail: Uint8Array;

  constructor(head: unknown, tail: Uint8Array) {
    check(Array.isArray(head), "the head is not an array");
    this.#values = head;
    this.#tail = tail;
  }

  integer(): number {
    const value = this.#values[this.#next++];
    check(
      typeof value === "number" && Number.isSafeInteger(value) && value >= 0,
      "not an integer of 0 to 2^53 - 1",
    );
    return value;
  }

  flag(): boolean {
    const value = this.#values[this.#next++];
    check(typeof value === "boolean", "not a boolean");
    return value;
  }

  text(): string {
    const value = this.#values[this.#next++];
    check(
      typeof value === "string" && value.length <= MAX_TEXT_LENGTH,
      `not a text of at most ${MAX_TEXT_LENGTH} characters`,
    );
    return value;
  }

  name(): string {
    const name = this.text();
    check(name !== "", "an empty name");
    return name;
  }

  /** Of a log that belongs to somebody in `maxTerm`. */
  entryId(maxTerm: Term): EntryId {
    const term = this.integer();
    const index = this.integer();
    check((term === 0) === (index === 0), "only the position before the first entry is of term 0");
    check(term <= maxTerm, "a log of a higher term than its owner");
    return { term, index };
  }

  snapshot(maxTerm: Term): SnapshotMeta {
    const id = this.text();
    const lastIncluded = this.entryId(maxTerm);
    const time = this.integer();
    const index = this.integer();
    const configuration = configurationFromArray(this.#values[this.#next++]);
    check((id === "") === (lastIncluded.index === 0), "only the empty snapshot is without an id");
    check(index <= lastIncluded.index, "a configuration from behind its snapshot");
    const { voters, votersOutgoing, learners } = configuration;
    for (const member of [...voters, ...votersOutgoing, ...learners]) {
      for (const text of [member.id, member.address, member.storeId ?? ""]) {
        check(text.length <= MAX_TEXT_LENGTH, `a text of more than ${MAX_TEXT_LENGTH} characters`);
      }
    }
    return { id, lastIncluded, time, configuration: { index, configuration } };
  }

  tail(): Uint8Array {
    const tail = this.#tail;
    this.#tail = NO_TAIL;
    return tail;
  }

  end(): void {
    check(this.#next === this.#values.length, "a field too many or too few");
    check(this.#tail.length === 0, "bytes are left over");
  }
}

function check(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new TypeError(problem);
}
