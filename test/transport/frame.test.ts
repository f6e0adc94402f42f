import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Frame, frameOf, FrameParser } from "../../src/transport/frame.ts";
import { codeOf } from "./fixtures.ts";

const MAX = 20_000;

function bytesOf(frame: Frame): Buffer {
  return Buffer.concat(frame.parts);
}

/** All frames in the chunks, and the parser that found them. */
function parse(chunks: readonly Buffer[], max = MAX): { frames: Buffer[]; parser: FrameParser } {
  const parser = new FrameParser(max);
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let frame = parser.next(); frame !== undefined; frame = parser.next()) frames.push(frame);
  }
  return { frames, parser };
}

const bodies = fc.array(
  fc.array(fc.uint8Array({ maxLength: 6000 }), { minLength: 1, maxLength: 3 }),
  { maxLength: 6 },
);

test("frames come out as they went in, wherever the stream is cut", () => {
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(30_000), { maxLength: 12 }), (lists, cuts) => {
      const sent = lists.filter((parts) => parts.some((part) => part.length > 0));
      const stream = Buffer.concat(sent.map((parts) => bytesOf(frameOf(parts))));
      const edges = [0, ...cuts.filter((cut) => cut < stream.length), stream.length];
      edges.sort((a, b) => a - b);
      const chunks = edges.slice(1).map((edge, at) => stream.subarray(edges[at], edge));

      const { frames, parser } = parse(chunks);

      expect(frames.map((frame) => frame.toString("hex"))).toEqual(
        sent.map((parts) => Buffer.concat(parts).toString("hex")),
      );
      expect(parser.isMidFrame).toBe(false);
    }),
  );
});

test("a frame that lies whole in one chunk is a view of it", () => {
  const chunk = Buffer.concat([1, 2].map((at) => bytesOf(frameOf([Buffer.alloc(1000, at)]))));
  for (const frame of parse([chunk]).frames) expect(frame.buffer).toBe(chunk.buffer);
});

test("rule 68: a large part is written as it is, not copied", () => {
  const large = Buffer.alloc(100_000, 1);
  expect(frameOf([Buffer.from("head"), large]).parts[1]).toBe(large);
});

test("every truncated frame is no frame yet", () => {
  const frame = bytesOf(frameOf([Buffer.from("a body of some length")]));
  for (let length = 1; length < frame.length; length += 1) {
    const { frames, parser } = parse([frame.subarray(0, length)]);
    expect(frames).toEqual([]);
    expect(parser.isMidFrame).toBe(true);
  }
});

test("no frame with one flipped bit is taken for a frame", () => {
  const frame = bytesOf(frameOf([Buffer.from("a body of some length")]));
  for (let bit = 0; bit < frame.length * 8; bit += 1) {
    const damaged = Buffer.from(frame);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(["RAFT_BAD_FRAME", 0]).toContain(codeOf(() => parse([damaged], 1000).frames.length));
  }
});

function header(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(length);
  return bytes;
}

test("a length of zero or above the maximum is refused as soon as it is read", () => {
  for (const length of [0, 101, 2 ** 31, 2 ** 32 - 1]) {
    expect(() => parse([header(length)], 100)).toThrow(`a frame of ${length} bytes`);
  }
  expect(parse([header(100)], 100).frames).toEqual([]);
  expect(() => parse([Buffer.from("GET / HTTP/1.1\r\n")], MAX)).toThrow("a frame of");
});

test("another maximum holds from the next frame on, also within a chunk", () => {
  const parser = new FrameParser(10);
  parser.push(
    Buffer.concat([bytesOf(frameOf([Buffer.alloc(10)])), bytesOf(frameOf([Buffer.alloc(50)]))]),
  );
  expect(parser.next()).toHaveLength(10);
  parser.limit(50);
  expect(parser.next()).toHaveLength(50);
});
