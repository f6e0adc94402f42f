import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encode } from "../../src/codec.ts";
import { isRaftError } from "../../src/errors.ts";
import { encodeEnvelope } from "../../src/kv/envelope.ts";
import { MAX_CLIENT_FRAME_BYTES } from "../../src/kv/protocol.ts";
import { queryFrom, queryToArray } from "../../src/kv/queries.ts";
import { decodeRequests, encodeRequests } from "../../src/kv/requests.ts";
import type { Ask, ClientRequest } from "../../src/kv/requests.ts";
import { range } from "./support/histories.ts";
import { rawFrame, requestFrame } from "./support/request-frame.ts";

const payload = fc.uint8Array({ maxLength: 50 });
const number = fc.integer({ min: 1, max: 2 ** 40 });

const envelope = fc.oneof(
  fc.record({ type: fc.constant("plain" as const), payload }),
  fc.constant({ type: "open" as const }),
  fc.record({ type: fc.constant("close" as const), sessionId: number }),
  fc.record({
    type: fc.constant("command" as const),
    sessionId: number,
    sequence: number,
    lowestOutstanding: number,
    payload,
  }),
);

/** What is asked, and the request that reaches the node. */
interface Sent {
  readonly ask: Ask;
  readonly request: (id: number) => ClientRequest;
}

const sent: fc.Arbitrary<Sent> = fc.oneof(
  envelope.map((command): Sent => {
    const bytes = Buffer.from(encodeEnvelope(command));
    return {
      ask: { type: "propose", command },
      request: (id) => ({ type: "propose", id, command: bytes }),
    };
  }),
  fc
    .tuple(fc.constantFrom("read" as const, "local-read" as const), range.map(queryToArray))
    .map(([type, query]): Sent => {
      return { ask: { type, query: encode(query) }, request: (id) => ({ type, id, query }) };
    }),
  fc.constant<Sent>({ ask: { type: "status" }, request: (id) => ({ type: "status", id }) }),
);

test("requests arrive as they were asked, in order, in however many frames", () => {
  const first = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 40 }), first, (asked, firstId) => {
      const requests = asked.map(({ request }, n) => request(firstId + n));
      const frames = encodeRequests(asked, firstId);
      expect(frames.flatMap(decodeRequests)).toEqual(requests);
      if (asked.length > 0) expect(frames).toEqual([requestFrame(requests)]);
    }),
  );
});

test("few frames, none of them large but for a single item", () => {
  const small = Array.from({ length: 1000 }, () => ({ ask: { type: "status" } as const }));
  expect(encodeRequests(small, 0)).toHaveLength(1);
  expect(encodeRequests([...small, ...small], 0).length).toBe(2);
  expect(encodeRequests([], 0)).toEqual([]);

  const large = Array.from({ length: 20 }, (_, n) => {
    const bytes = new Uint8Array(n === 7 ? 300_000 : 30_000);
    return { ask: { type: "propose", command: { type: "plain", payload: bytes } } as const };
  });
  const frames = encodeRequests(large, 0);
  expect(frames.filter(({ length }) => length > 128 * 1024)).toHaveLength(1);
  expect(frames.flatMap(decodeRequests).map((each) => each.id)).toEqual([...large.keys()]);
});

test("a frame that is cut off or altered is refused or is a frame, and is never anything else", () => {
  const damage = fc.record({ cut: fc.nat(60), at: fc.nat(300), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(sent, { minLength: 1, maxLength: 5 }), damage, (asked, how) => {
      const [frame] = encodeRequests(asked, 0);
      if (frame === undefined) throw new TypeError("no frame");
      expectRefusal(() => decodeRequests(frame.subarray(0, -1 - (how.cut % frame.length))));
      const altered = Uint8Array.from(frame);
      altered[how.at % frame.length] = how.byte;
      expect(readOrRefuse(altered)).toBe(true);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      expectRefusal(() => decodeRequests(bytes));
    }),
  );
});

test("frames of another version, too large, empty, too full or of unknown things are refused", () => {
  const body = new Uint8Array();
  const status = { kind: 2, id: 1, body };
  expect(decodeRequests(rawFrame([status]))).toEqual([{ type: "status", id: 1 }]);
  for (const wrong of [
    rawFrame([status], { version: 5 }),
    rawFrame([]),
    rawFrame([status], { count: 2 }),
    rawFrame([status, status], { count: 1 }),
    rawFrame(Array.from({ length: 1025 }, () => status)),
    rawFrame([{ kind: 4, id: 1, body }]),
    rawFrame([{ kind: 2, id: 2 ** 53, body }]),
    rawFrame([{ kind: 0, id: 1, body }]),
    rawFrame([{ kind: 1, id: 1, body }]),
    rawFrame([{ kind: 1, id: 1, body: Uint8Array.of(0x92) }]),
    rawFrame([{ kind: 2, id: 1, body: Uint8Array.of(0) }]),
    new Uint8Array(MAX_CLIENT_FRAME_BYTES + 1),
  ]) {
    expectRefusal(() => decodeRequests(wrong));
  }
});

test("of a frame that holds more requests than it may, or says, no more are read", () => {
  const body = new Uint8Array();
  const status = { kind: 2, id: 1, body };
  const unknown = { kind: 4, id: 1, body };
  const full = Array.from({ length: 1024 }, () => status);
  expect(decodeRequests(rawFrame(full))).toHaveLength(1024);
  expect(() => decodeRequests(rawFrame([status, unknown], { count: 1 }))).toThrow("more requests");
  expect(() => decodeRequests(rawFrame([...full, unknown]))).toThrow("says it holds 1025");
});

test("a query is small, and its parts are its own: no few bytes say a tree of billions", () => {
  const text = encode("k".repeat(16 * 1024 - 3));
  expect(text).toHaveLength(16 * 1024);
  expect(decodeRequests(rawFrame([{ kind: 1, id: 1, body: text }]))).toHaveLength(1);
  expectRefusal(() =>
    decodeRequests(rawFrame([{ kind: 1, id: 1, body: encode("k".repeat(16 * 1024 - 2)) }])),
  );
  // Each level names the one before and is twice the same one: msgpackr's extensions for a structured clone.
  const levels = Array.from({ length: 18 }, (_, n) => {
    const former = [0xd6, 0x70, 0, 0, 0, n - 1];
    return [0xd6, 0x69, 0, 0, 0, n, ...(n === 0 ? [0x90] : [0x92, ...former, ...former])];
  });
  const tree = Uint8Array.from([0xdc, 0, levels.length, ...levels.flat()]);
  for (const kind of [1, 3]) {
    expectRefusal(() => decodeRequests(rawFrame([{ kind, id: 1, body: tree }])));
  }
});

test("queries come back as they were; anything else is refused", () => {
  fc.assert(
    fc.property(range, (query) => {
      expect(queryFrom(queryToArray(query))).toEqual(query);
    }),
  );
  for (const wrong of [
    [0],
    [0, ""],
    [0, "k", 1],
    [1, 1, null, 1, false],
    [1, null, null, 0, false],
  ]) {
    expect(() => queryFrom(wrong)).toThrow(
      expect.objectContaining({ code: "RAFT_INVALID_COMMAND" }),
    );
  }
});

function readOrRefuse(frame: Uint8Array): boolean {
  try {
    return decodeRequests(frame).every((each) => Number.isSafeInteger(each.id));
  } catch (refusal) {
    return isRaftError(refusal, "RAFT_BAD_FRAME");
  }
}

function expectRefusal(action: () => unknown): void {
  expect(action).toThrow(expect.objectContaining({ code: "RAFT_BAD_FRAME" }));
}
