import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encode } from "../../src/codec.ts";
import { isRaftError, RaftError } from "../../src/errors.ts";
import {
  decodeRequests,
  decodeResponses,
  encodeRequests,
  encodeResponses,
  MAX_CLIENT_FRAME_BYTES,
} from "../../src/kv/protocol.ts";
import type { ClientRequest, ClientResponse } from "../../src/kv/protocol.ts";
import { queryFrom, queryToArray } from "../../src/kv/queries.ts";
import { range } from "./support/histories.ts";

const id = fc.integer({ min: 0, max: 2 ** 40 });

const request: fc.Arbitrary<ClientRequest> = fc.oneof(
  fc.record({
    type: fc.constant("propose" as const),
    id,
    command: fc.uint8Array({ minLength: 1, maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ type: fc.constant("read" as const), id, query: range.map(queryToArray) }),
  fc.record({ type: fc.constant("status" as const), id }),
);

const leader = fc.option(fc.record({ id: fc.string(), address: fc.string({ minLength: 1 }) }), {
  nil: undefined,
});

const error: fc.Arbitrary<RaftError> = fc
  .record({
    code: fc.constantFrom("RAFT_NOT_LEADER" as const, "RAFT_OVERLOADED" as const),
    message: fc.string(),
    outcome: fc.constantFrom("rejected" as const, "unknown" as const),
    leader,
  })
  .map(({ code, message, ...options }) => new RaftError(code, message, options));

const response: fc.Arbitrary<ClientResponse> = fc.oneof(
  fc.record({
    type: fc.constant("done" as const),
    id,
    index: id,
    value: fc.constantFrom(null, "x", 3, [1, 2], true),
  }),
  fc.record({ type: fc.constant("failed" as const), id, error }),
);

test("requests and responses come back as they were, in order, in however many frames", () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
      expect(encodeRequests(requests).flatMap(decodeRequests)).toEqual(requests);
    }),
  );
  fc.assert(
    fc.property(fc.array(response, { maxLength: 40 }), (responses) => {
      const decoded = encodeResponses(responses).flatMap(decodeResponses);
      expect(decoded).toEqual(responses);
      for (const [n, each] of decoded.entries()) {
        const sent = responses[n];
        if (each.type !== "failed" || sent?.type !== "failed") continue;
        const { code, message, outcome, leader: hint } = each.error;
        expect({ code, message, outcome, hint }).toEqual({
          code: sent.error.code,
          message: sent.error.message,
          outcome: sent.error.outcome,
          hint: sent.error.leader,
        });
      }
    }),
  );
});

test("few frames, none of them large but for a single item", () => {
  const small = Array.from({ length: 1000 }, (_, n): ClientRequest => ({ type: "status", id: n }));
  expect(encodeRequests(small)).toHaveLength(1);
  expect(encodeRequests([...small, ...small]).length).toBe(2);
  expect(encodeRequests([])).toEqual([]);

  const large = Array.from({ length: 20 }, (_, n): ClientRequest => {
    return { type: "propose", id: n, command: new Uint8Array(n === 7 ? 300_000 : 30_000) };
  });
  const frames = encodeRequests(large);
  expect(frames.filter(({ length }) => length > 128 * 1024)).toHaveLength(1);
  expect(frames.flatMap(decodeRequests).map((each) => each.id)).toEqual([...large.keys()]);
});

test("a frame that is cut off or altered is refused or is a frame, and is never anything else", () => {
  const damage = fc.record({ cut: fc.nat(60), at: fc.nat(300), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 5 }), damage, (requests, how) => {
      const [frame] = encodeRequests(requests);
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
      expectRefusal(() => decodeResponses(bytes));
    }),
  );
});

test("frames of another version, too large, empty, too full or of unknown things are refused", () => {
  const status = [2, 1];
  expect(decodeRequests(encode([2, [status]]))).toEqual([{ type: "status", id: 1 }]);
  for (const wrong of [
    [3, [status]],
    [2, []],
    [2, Array.from({ length: 1025 }, () => status)],
    [2, [status], 0],
    [2, [[3, 1]]],
    [2, [[2, -1]]],
    [2, [[2, 0.5]]],
    [2, [[0, 1, new Uint8Array(0)]]],
    [2, [[0, 1, "text"]]],
    [2, [[1, 1]]],
    [2],
    1,
  ]) {
    expectRefusal(() => decodeRequests(encode(wrong)));
  }
  for (const wrong of [
    [0, 1, 1],
    [0, 1, -1, 0],
    [1, 1, "RAFT_NOT_LEADER", "text", "maybe", null],
    [1, 1, "RAFT_NOT_LEADER", "text", "rejected", ["n1", ""]],
    [1, 1, 7, "text", "rejected", null],
    [2, 1, 1, 1],
  ]) {
    expectRefusal(() => decodeResponses(encode([2, [wrong]])));
  }
  expectRefusal(() => decodeRequests(new Uint8Array(MAX_CLIENT_FRAME_BYTES + 1)));
});

test("a code that a newer node knows keeps its outcome", () => {
  const frame = encode([2, [[1, 5, "RAFT_FROM_TOMORROW", "text", "unknown", null]]]);
  expect(decodeResponses(frame)).toMatchObject([
    { id: 5, error: { code: "RAFT_INTERNAL", outcome: "unknown" } },
  ]);
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
