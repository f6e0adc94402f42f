/** What may wait for a turn (rule 70). */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CommandEntry } from "../../src/core/types.ts";
import { Inbox, ProposalQueue } from "../../src/node/inbox.ts";
import type { InboxLimits } from "../../src/node/options.ts";
import { defaultInboxLimits } from "../../src/node/options.ts";
import type { Sink } from "../../src/node/sink.ts";

const SINK: Sink<number> = { done: () => undefined, failed: () => undefined };

function inboxOf(limits: Partial<InboxLimits>): Inbox<number, undefined, undefined> {
  return new Inbox({ ...defaultInboxLimits, ...limits });
}

function append(size: number): Parameters<Inbox<number, undefined, undefined>["receive"]>[0] {
  const entry: CommandEntry = {
    kind: "command",
    term: 1,
    index: 1,
    time: 0,
    payload: Buffer.alloc(size),
    encoded: undefined,
  };
  return {
    type: "message",
    message: {
      type: "AppendEntries",
      from: "a",
      to: "b",
      term: 1,
      prevLog: { term: 0, index: 0 },
      leaderCommit: 0,
      entries: [entry],
    },
  };
}

test("rule 70: commands are refused beyond a count and beyond a number of bytes; one always fits", () => {
  const counted = inboxOf({ maxProposals: 3 });
  const few = [1, 2, 3, 4].map((token) => counted.propose(Buffer.alloc(1), SINK, token, 1));
  expect(few.map((error) => error?.code)).toEqual([
    undefined,
    undefined,
    "RAFT_OVERLOADED",
    "RAFT_OVERLOADED",
  ]);

  const weighed = inboxOf({ maxProposalBytes: 10 });
  const large = [15, 1].map((size) => weighed.propose(Buffer.alloc(size), SINK, size, 0));
  expect(large.map((error) => error?.code)).toEqual([undefined, "RAFT_OVERLOADED"]);
  // What is withdrawn, or taken, makes room.
  expect(weighed.withdraw(SINK, 15)).toBe(true);
  expect(weighed.withdraw(SINK, 15)).toBe(false);
  expect(weighed.propose(Buffer.alloc(9), SINK, 2, 0)).toBeUndefined();
  expect(weighed.takeProposals().tokens).toEqual([2]);
  expect(weighed.propose(Buffer.alloc(9), SINK, 3, 0)).toBeUndefined();
});

function newSink(): Sink<number> {
  return { ...SINK };
}

interface Queued {
  readonly command: Uint8Array;
  readonly sink: Sink<number>;
  readonly token: number;
}

test("commands are taken in their order, but for those that were taken back, which make room", () => {
  const step = fc.record({
    action: fc.constantFrom("add", "add", "add", "withdraw", "withdraw", "take"),
    pick: fc.nat(),
    size: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const inbox = inboxOf({ maxProposals: 12, maxProposalBytes: 15 });
      // One sink serves many commands, as that of a connection does; the others one each, as those of calls do.
      const shared = newSink();
      const seen: Queued[] = [];
      let queue: Queued[] = [];
      for (const [token, { action, pick, size }] of steps.entries()) {
        const bytes = queue.reduce((sum, { command }) => sum + command.length, 0);
        if (action === "add") {
          const sink = pick % 4 === 0 ? shared : newSink();
          const each = { command: Buffer.alloc(size), sink, token };
          const isFull = queue.length >= 12 || (bytes > 0 && bytes + size > 15);
          const error = inbox.propose(each.command, sink, token, 0);
          expect(error?.code).toBe(isFull ? "RAFT_OVERLOADED" : undefined);
          seen.push(each);
          if (!isFull) queue.push(each);
        } else if (action === "withdraw" && seen.length > 0) {
          const each = seen[pick % seen.length];
          if (each === undefined) continue;
          expect(inbox.withdraw(each.sink, each.token)).toBe(queue.includes(each));
          queue = queue.filter((other) => other !== each);
        } else if (action === "take") {
          const { commands, sinks, tokens } = inbox.takeProposals();
          expect(commands.map((_, at) => tokens[at])).toEqual(queue.map(({ token: own }) => own));
          expect(queue.every(({ sink }, at) => sinks[at] === sink)).toBe(true);
          expect(queue.every(({ command }, at) => commands[at] === command)).toBe(true);
          expect([sinks.length, tokens.length]).toEqual([queue.length, queue.length]);
          queue = [];
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("what was taken back between two turns does not pile up", () => {
  const queue = new ProposalQueue<number>();
  for (let token = 0; token < 1000; token += 1) {
    const sinks = [newSink(), newSink(), newSink()];
    for (const sink of sinks) queue.add(Buffer.alloc(8), sink, token);
    for (const sink of sinks.slice(token % 10 === 0 ? 1 : 0))
      expect(queue.remove(sink, token)).toBe(true);
    expect(queue.commands.length).toBeLessThanOrEqual(2 * queue.size + 3);
  }
  expect(queue.size).toBe(100);
  expect(queue.bytes).toBe(800);
  queue.closeHoles();
  expect(queue.commands).toHaveLength(100);
  expect(queue.tokens).toEqual(Array.from({ length: 100 }, (_, n) => n * 10));
});

test("rule 70: messages of peers are dropped beyond a count and beyond a number of bytes; one always fits", () => {
  const counted = inboxOf({ maxMessages: 2 });
  expect([1, 1, 1].map((size) => counted.receive(append(size)))).toEqual([true, true, false]);

  const weighed = inboxOf({ maxMessageBytes: 10 });
  expect([15, 1].map((size) => weighed.receive(append(size)))).toEqual([true, false]);
  expect(weighed.takeInputs()).toHaveLength(1);
  expect([6, 4, 1].map((size) => weighed.receive(append(size)))).toEqual([true, true, false]);
});

test("what the node itself reports is never refused", () => {
  const inbox = inboxOf({ maxMessages: 1 });
  inbox.receive(append(1));
  for (let index = 1; index <= 100; index += 1) inbox.report({ type: "applied", index });
  expect(inbox.takeInputs()).toHaveLength(101);
});
