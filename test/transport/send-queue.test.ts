import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Frame, frameOf } from "../../src/transport/frame.ts";
import { SendQueue, type Urgency } from "../../src/transport/send-queue.ts";

const KIB = 1024;

function frame(bytes: number): Frame {
  return frameOf([Buffer.alloc(bytes - 8)]);
}

test("rule 69: urgent frames leave before bulk that was there first", () => {
  const queue = new SendQueue({ maxBytes: 10_000, maxFrames: 10 });
  const [bulk, heartbeat, vote] = [frame(100), frame(20), frame(30)];
  queue.push(bulk, "bulk");
  queue.push(heartbeat, "urgent");
  queue.push(vote, "urgent");
  expect(queue.takeBatch()).toEqual([heartbeat, vote, bulk]);
  expect(queue.isEmpty).toBe(true);
});

test("rule 69: one write takes at most 128 KiB of bulk, or one frame that is larger", () => {
  const queue = new SendQueue({ maxBytes: 10_000 * KIB, maxFrames: 100 });
  const sizes = [100, 28, 1, 300, 64, 64, 64].map((kib) => frame(kib * KIB));
  for (const bulk of sizes) queue.push(bulk, "bulk");
  const batches: number[][] = [];
  while (!queue.isEmpty) batches.push(queue.takeBatch().map(({ bytes }) => bytes / KIB));
  expect(batches).toEqual([[100, 28], [1], [300], [64, 64], [64]]);
});

test("a full queue refuses bulk, and an urgent frame displaces the newest bulk, then the oldest urgent", () => {
  const queue = new SendQueue({ maxBytes: 100, maxFrames: 3 });
  const [b1, b2, b3] = [frame(40), frame(41), frame(42)];
  const [u1, u2, u3] = [frame(50), frame(51), frame(48)];
  queue.push(b1, "bulk");
  queue.push(b2, "bulk");
  queue.push(b3, "bulk");
  queue.push(u1, "urgent");
  queue.push(u2, "urgent");
  queue.push(u3, "urgent");
  expect(queue.takeBatch()).toEqual([u2, u3]);
});

test("the bounds hold whatever is sent, and a frame above them alone is dropped", () => {
  const sends = fc.array(
    fc.record({
      bytes: fc.integer({ min: 9, max: 300 }),
      urgency: fc.constantFrom<Urgency>("urgent", "bulk"),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(sends, (list) => {
      const queue = new SendQueue({ maxBytes: 250, maxFrames: 5 });
      for (const { bytes, urgency } of list) {
        const sent = frame(bytes);
        queue.push(sent, urgency);
        expect(queue.bytes).toBeLessThanOrEqual(250);
      }
      const rest: Frame[] = [];
      const held = queue.bytes;
      while (!queue.isEmpty) rest.push(...queue.takeBatch());
      expect(rest.length).toBeLessThanOrEqual(5);
      expect(rest.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(held);
      expect(queue.bytes).toBe(0);
    }),
  );
});
