import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Configuration, Entry, EntryId, SnapshotMeta } from "../../src/core/types.ts";
import { encodedSize } from "../../src/entry-codec.ts";
import { frameOf, FrameParser } from "../../src/transport/frame.ts";
import { decodeMessage, encodeMessage, isBulk } from "../../src/transport/messages.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import { codeOf } from "./fixtures.ts";

const integer = fc.maxSafeNat();
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
const TERM = 1000;

const entryId: fc.Arbitrary<EntryId> = fc.oneof(
  fc.constant({ term: 0, index: 0 }),
  fc.record({
    term: fc.integer({ min: 1, max: TERM }),
    index: fc.integer({ min: 1, max: 2 ** 50 }),
  }),
);

const member = fc.record({ id: name, address: text, storeId: fc.option(text, { nil: undefined }) });
const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: fc.array(member, { maxLength: 3 }),
  votersOutgoing: fc.array(member, { maxLength: 2 }),
  learners: fc.array(member, { maxLength: 2 }),
});

const snapshot: fc.Arbitrary<SnapshotMeta> = fc
  .tuple(name, entryId, integer, fc.nat(), configuration)
  .map(([id, lastIncluded, time, index, value]) => ({
    id: lastIncluded.index === 0 ? "" : id,
    lastIncluded,
    time,
    configuration: { index: Math.min(index, lastIncluded.index), configuration: value },
  }));

const content = fc.oneof(
  fc.uint8Array({ maxLength: 50 }).map((payload) => ({ kind: "command" as const, payload })),
  fc.constant({ kind: "blank" as const }),
  configuration.map((value) => ({ kind: "configuration" as const, configuration: value })),
);

function entriesAfter(prevLog: EntryId, contents: readonly object[], times: number): Entry[] {
  return contents.map(
    (each, at) =>
      ({
        index: prevLog.index + 1 + at,
        term: Math.min(TERM, Math.max(1, prevLog.term) + at),
        time: times,
        encoded: undefined,
        ...each,
      }) as Entry,
  );
}

const envelope = { from: name, to: name, term: fc.integer({ min: TERM, max: 2 ** 53 - 1 }) };
const of = <Type extends string>(type: Type): fc.Arbitrary<Type> => fc.constant(type);

const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ type: of("PreVote"), ...envelope, lastLog: entryId }),
  fc.record({ type: of("PreVoteResponse"), ...envelope, voteGranted: fc.boolean() }),
  fc.record({
    type: of("RequestVote"),
    ...envelope,
    lastLog: entryId,
    leadershipTransfer: fc.boolean(),
  }),
  fc.record({ type: of("RequestVoteResponse"), ...envelope, voteGranted: fc.boolean() }),
  fc
    .tuple(fc.record(envelope), entryId, integer, fc.array(content, { maxLength: 5 }), integer)
    .map(([base, prevLog, leaderCommit, contents, time]) => ({
      type: "AppendEntries" as const,
      ...base,
      prevLog,
      leaderCommit,
      entries: entriesAfter(prevLog, contents, time),
    })),
  fc.record({
    type: of("AppendEntriesResponse"),
    ...envelope,
    success: fc.constant(true as const),
    matchIndex: integer,
  }),
  fc.record({
    type: of("AppendEntriesResponse"),
    ...envelope,
    success: fc.constant(false as const),
    prevLogIndex: integer,
    hint: entryId,
  }),
  fc.record({ type: of("Heartbeat"), ...envelope, leaderCommit: integer, round: integer }),
  fc.record({ type: of("HeartbeatResponse"), ...envelope, round: integer }),
  fc.record({ type: of("InstallSnapshot"), ...envelope, snapshot }),
  fc.record({ type: of("InstallSnapshotResponse"), ...envelope, matchIndex: integer }),
  fc.record({ type: of("TimeoutNow"), ...envelope }),
  fc.record({
    type: of("SnapshotChunk"),
    ...envelope,
    snapshot,
    chunk: integer,
    done: fc.boolean(),
    data: fc.uint8Array({ maxLength: 100 }),
  }),
  fc.record({ type: of("SnapshotChunkResponse"), ...envelope, snapshotId: text, next: integer }),
);

function bytesIn(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

function bodyOf(value: PeerMessage): Buffer {
  return Buffer.concat(encodeMessage(value));
}

/** Without the cache of the entry codec, and with one class of bytes. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) =>
      key === "encoded"
        ? undefined
        : inner instanceof Uint8Array
          ? Buffer.from(inner).toString("hex")
          : inner,
    ),
  );
}

function hexed(value: PeerMessage): unknown {
  // Buffers have a toJSON that runs before a replacer sees them.
  if (value.type === "SnapshotChunk") return plain({ ...value, data: new Uint8Array(value.data) });
  if (value.type !== "AppendEntries") return plain(value);
  const entries = value.entries.map((entry) =>
    entry.kind === "command" ? { ...entry, payload: new Uint8Array(entry.payload) } : entry,
  );
  return plain({ ...value, entries });
}

/** "RAFT_BAD_FRAME", or the message. */
function attempt(body: Uint8Array): PeerMessage | string {
  return codeOf(() => decodeMessage(body));
}

test("every message comes back as it was", () => {
  fc.assert(
    fc.property(message, (value) => {
      expect(hexed(decodeMessage(bodyOf(value)))).toEqual(hexed(value));
    }),
    { numRuns: 500 },
  );
});

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + encodedSize(entry), 0);
}

test("no truncated message is a message", () => {
  fc.assert(
    fc.property(message, (value) => {
      const body = bodyOf(value);
      for (let length = 0; length < body.length; length += 1) {
        const cut = body.subarray(0, length);
        // The data of a chunk is any bytes: there the frame's own length is what tells.
        if (value.type === "SnapshotChunk" && length >= body.length - value.data.length) continue;
        // Of entries, whole ones may be missing at the end: there it is the frame, too.
        if (value.type === "AppendEntries" && length >= body.length - sizeOf(value.entries)) {
          continue;
        }
        expect(attempt(cut)).toBe("RAFT_BAD_FRAME");
      }
    }),
    { numRuns: 60 },
  );
});

test("trailing bytes are refused, but where they are data", () => {
  fc.assert(
    fc.property(message, fc.uint8Array({ minLength: 1, maxLength: 40 }), (value, rest) => {
      fc.pre(value.type !== "SnapshotChunk");
      expect(attempt(Buffer.concat([bodyOf(value), rest]))).toBe("RAFT_BAD_FRAME");
    }),
  );
});

test("a framed message with one flipped bit is never decoded, cut or whole", () => {
  fc.assert(
    fc.property(message, fc.nat(), (value, seed) => {
      const bytes = Buffer.concat(frameOf(encodeMessage(value)).parts);
      const bit = seed % (bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const parser = new FrameParser(100_000);
      parser.push(bytes);
      expect(["RAFT_BAD_FRAME", undefined]).toContain(codeOf(() => parser.next()));
    }),
    { numRuns: 1000 },
  );
});

function isOutcome(outcome: PeerMessage | string): boolean {
  return outcome === "RAFT_BAD_FRAME" || typeof outcome === "object";
}

test("whatever the bytes, decoding gives a message or RAFT_BAD_FRAME", () => {
  const damaged = fc.tuple(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }));
  fc.assert(
    fc.property(damaged, ([value, changes]) => {
      const body = bodyOf(value);
      for (const [at, byte] of changes) body[at % body.length] = byte;
      expect(attempt(body)).toSatisfy(isOutcome);
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(attempt(bytes)).toSatisfy(isOutcome);
    }),
  );
});

test("decoded entries and chunks are views of the frame", () => {
  const body = bodyOf(append([command(5, 2)]));
  const decoded = decodeMessage(body);
  expect(decoded.type === "AppendEntries" && decoded.entries[0]?.encoded?.block.buffer).toBe(
    body.buffer,
  );
});

test("rule 68: entries go out as the bytes that they were encoded to once", () => {
  const value = append([command(5, 2), command(6, 2)]);
  const first = encodeMessage(value).at(-1);
  const second = encodeMessage(value).at(-1);
  expect(second?.buffer).toBe(first?.buffer);
  expect(second?.byteOffset).toBe(first?.byteOffset);
});

function command(index: number, term: number): Entry {
  return { kind: "command", index, term, time: 1, payload: Buffer.from("x"), encoded: undefined };
}

function append(entries: readonly Entry[], term = 3): PeerMessage {
  const prevLog = { term: 2, index: 4 };
  return { type: "AppendEntries", from: "a", to: "b", term, prevLog, leaderCommit: 0, entries };
}

describe("refused", () => {
  const base = { from: "a", to: "b", term: 3 };
  const meta: SnapshotMeta = {
    id: "s",
    lastIncluded: { term: 2, index: 4 },
    time: 1,
    configuration: { index: 4, configuration: { voters: [], votersOutgoing: [], learners: [] } },
  };
  const long = "x".repeat(1025);

  test.each<readonly [string, PeerMessage]>([
    ["a term of 0", { type: "TimeoutNow", ...base, term: 0 }],
    ["a vote in term 0", { type: "PreVoteResponse", ...base, term: 0, voteGranted: true }],
    ["a negative term", { type: "TimeoutNow", ...base, term: -1 }],
    ["rule 67: a term of 2^53", { type: "TimeoutNow", ...base, term: 2 ** 53 }],
    ["a round of 2^60", { type: "HeartbeatResponse", ...base, round: 2 ** 60 }],
    ["an empty sender", { type: "TimeoutNow", ...base, from: "" }],
    ["an endless name", { type: "TimeoutNow", ...base, to: long }],
    ["term 0 behind the first entry", { type: "PreVote", ...base, lastLog: { term: 0, index: 1 } }],
    ["a term before the first entry", { type: "PreVote", ...base, lastLog: { term: 1, index: 0 } }],
    ["a log above its term", { type: "PreVote", ...base, lastLog: { term: 4, index: 1 } }],
    ["a gap between entries", append([command(5, 2), command(7, 2)])],
    ["entries that do not follow prevLog", append([command(6, 2)])],
    ["an entry of a falling term", append([command(5, 3), command(6, 2)])],
    ["an entry of a term below prevLog's", append([command(5, 1)])],
    ["an entry above the leader's term", append([command(5, 4)])],
    [
      "a chunk above 128 KiB",
      {
        type: "SnapshotChunk",
        ...base,
        snapshot: meta,
        chunk: 0,
        done: false,
        data: Buffer.alloc(128 * 1024 + 1),
      },
    ],
    [
      "a snapshot without an id",
      { type: "InstallSnapshot", ...base, snapshot: { ...meta, id: "" } },
    ],
    [
      "a configuration from behind its snapshot",
      {
        type: "InstallSnapshot",
        ...base,
        snapshot: { ...meta, configuration: { ...meta.configuration, index: 5 } },
      },
    ],
    [
      "a member with an endless address",
      {
        type: "InstallSnapshot",
        ...base,
        snapshot: {
          ...meta,
          configuration: {
            index: 4,
            configuration: {
              voters: [{ id: "a", address: long, storeId: undefined }],
              votersOutgoing: [],
              learners: [],
            },
          },
        },
      },
    ],
  ])("%s", (_name, value) => {
    expect(attempt(bodyOf(value))).toBe("RAFT_BAD_FRAME");
  });

  /** From "a" to "b" in term 3, with leaderCommit 1 and round 2; then the same with something changed. */
  const HEARTBEAT =
    "0000000000000008 0000000000000000 00000001 61 00000001 62 0000000000000003 0000000000000001 0000000000000002";
  test("the bytes of a message are the same for ever", () => {
    const heartbeat: PeerMessage = { type: "Heartbeat", ...base, leaderCommit: 1, round: 2 };
    expect(bodyOf(heartbeat)).toEqual(bytesIn(HEARTBEAT));
    expect(decodeMessage(bytesIn(HEARTBEAT))).toEqual(heartbeat);
  });

  test.each<readonly [string, string]>([
    ["an unknown type", HEARTBEAT.replace("8", "f")],
    ["another group", HEARTBEAT.replace("8 0000000000000000", "8 0000000000000001")],
    ["a missing field", HEARTBEAT.slice(0, -16)],
    ["a field that is cut off", HEARTBEAT.slice(0, -2)],
    ["a field too many", `${HEARTBEAT} 00`],
    ["a name that is cut off", HEARTBEAT.replace("00000001 62", "ffffffff 62")],
    ["an empty name", HEARTBEAT.replace("00000001 62", "00000000")],
  ])("%s", (_name, bytes) => {
    expect(attempt(bytesIn(bytes))).toBe("RAFT_BAD_FRAME");
  });

  test.each([[0], [1], [2], [255]])("a flag of %d, unless it is one", (flag) => {
    const body = bodyOf({ type: "RequestVoteResponse", ...base, voteGranted: true });
    body[body.length - 1] = flag;
    const granted = { type: "RequestVoteResponse", ...base, voteGranted: flag === 1 };
    expect(attempt(body)).toEqual(flag < 2 ? granted : "RAFT_BAD_FRAME");
  });
});

test("names are told apart however many there are, and like ones are one string", () => {
  const names = Array.from({ length: 40 }, (_, n) => `server-${n}`);
  for (const from of [...names, ...names.toReversed(), "server-4", "server-", "x".repeat(100)]) {
    const value: PeerMessage = { type: "TimeoutNow", from, to: "ü", term: 1 };
    expect(decodeMessage(bodyOf(value))).toEqual(value);
    expect(decodeMessage(bodyOf(value))).toEqual(value);
  }
});

test("what may be large is bulk, and an empty append stays behind those before it", () => {
  expect(isBulk(append([command(5, 2)]))).toBe(true);
  expect(isBulk(append([]))).toBe(true);
  expect(isBulk({ type: "TimeoutNow", from: "a", to: "b", term: 1 })).toBe(false);
});
