import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode } from "../../src/codec.ts";
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
    ["a term that is no integer", { type: "TimeoutNow", ...base, term: 1.5 }],
    ["rule 67: a term of 2^53", { type: "TimeoutNow", ...base, term: 2 ** 53 }],
    ["a round of NaN", { type: "HeartbeatResponse", ...base, round: Number.NaN }],
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

  /** A heartbeat whose head was tampered with. */
  function tampered(change: (head: unknown[]) => unknown): Buffer {
    const body = bodyOf({ type: "Heartbeat", ...base, leaderCommit: 1, round: 1 });
    const head = encode(change(decode(body.subarray(4)) as unknown[]));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    return Buffer.concat([length, head]);
  }

  test.each<readonly [string, (head: unknown[]) => unknown]>([
    ["an unknown type", ([, ...rest]) => [99, ...rest]],
    ["another group", ([type, , ...rest]) => [type, 1, ...rest]],
    ["a missing field", (head) => head.slice(0, -1)],
    ["a field too many", (head) => [...head, 0]],
    ["a text for a number", (head) => [...head.slice(0, -1), "1"]],
    ["a float for an integer", (head) => [...head.slice(0, -1), 1.25]],
    ["nil for a number", (head) => [...head.slice(0, -1), null]],
    ["a number for a name", ([type, group, , ...rest]) => [type, group, 7, ...rest]],
    ["a map for an array", (head) => Object.fromEntries(head.entries())],
  ])("%s", (_name, change) => {
    expect(attempt(tampered((head) => head))).toMatchObject({ type: "Heartbeat" });
    expect(attempt(tampered(change))).toBe("RAFT_BAD_FRAME");
  });
});

test("what may be large is bulk, and nothing else", () => {
  expect(isBulk(append([command(5, 2)]))).toBe(true);
  expect(isBulk(append([]))).toBe(false);
  expect(isBulk({ type: "TimeoutNow", from: "a", to: "b", term: 1 })).toBe(false);
});
