import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encode } from "../../src/codec.ts";
import { RaftError } from "../../src/errors.ts";
import { decodeResponses, encodeResponses, MAX_CLIENT_FRAME_BYTES } from "../../src/kv/protocol.ts";
import type { ClientResponse } from "../../src/kv/protocol.ts";

const id = fc.integer({ min: 0, max: 2 ** 40 });

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

test("responses come back as they were, in order, in however many frames", () => {
  fc.assert(
    fc.property(fc.array(response, { maxLength: 40 }), (responses) => {
      const decoded = [...encodeResponses(responses)].flatMap(decodeResponses);
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
  const small = Array.from({ length: 1000 }, (_, n) => done(n, 1));
  expect([...encodeResponses(small)]).toHaveLength(1);
  expect([...encodeResponses([...small, ...small])]).toHaveLength(2);
  expect([...encodeResponses([])]).toEqual([]);

  const large = Array.from({ length: 20 }, (_, n) => done(n, n === 7 ? 300_000 : 30_000));
  const frames = [...encodeResponses(large)];
  expect(frames.filter(({ length }) => length > 128 * 1024)).toHaveLength(1);
  expect(frames.flatMap(decodeResponses).map((each) => each.id)).toEqual([...large.keys()]);
});

test("bytes at random are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      expect(() => decodeResponses(bytes)).toThrow(
        expect.objectContaining({ code: "RAFT_BAD_FRAME" }),
      );
    }),
  );
});

test("frames of another version, too large, empty, too full or of unknown things are refused", () => {
  const nothing = [0, 1, 1, null];
  expect(decodeResponses(frameOf([nothing]))).toEqual([
    { type: "done", id: 1, index: 1, value: null },
  ]);
  for (const wrong of [
    [0, 1, 1],
    [0, 1, -1, 0],
    [0, -1, 1, 0],
    [0, 0.5, 1, 0],
    [1, 1, "RAFT_NOT_LEADER", "text", "maybe", null],
    [1, 1, "RAFT_NOT_LEADER", "text", "rejected", ["n1", ""]],
    [1, 1, 7, "text", "rejected", null],
    [2, 1, 1, 1],
  ]) {
    expectRefusal(() => decodeResponses(frameOf([wrong])));
  }
  for (const wrong of [
    encode([5, [nothing]]),
    encode(1),
    frameOf(),
    frameOf([]),
    frameOf(Array.from({ length: 1025 }, () => nothing)),
    frameOf([nothing], 0),
    new Uint8Array(MAX_CLIENT_FRAME_BYTES + 1),
  ]) {
    expectRefusal(() => decodeResponses(wrong));
  }
});

test("a code that a newer node knows keeps its outcome", () => {
  const frame = encode([4, [[1, 5, "RAFT_FROM_TOMORROW", "text", "unknown", null]]]);
  expect(decodeResponses(frame)).toMatchObject([
    { id: 5, error: { code: "RAFT_INTERNAL", outcome: "unknown" } },
  ]);
});

function done(number: number, bytes: number): ClientResponse {
  return { type: "done", id: number, index: 1, value: new Uint8Array(bytes) };
}

function frameOf(...fields: readonly unknown[]): Uint8Array {
  return encode([4, ...fields]);
}

function expectRefusal(action: () => unknown): void {
  expect(action).toThrow(expect.objectContaining({ code: "RAFT_BAD_FRAME" }));
}
