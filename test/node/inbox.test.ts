/** What may wait for a turn (rule 70). */

import { expect, test } from "vitest";
import type { CommandEntry } from "../../src/core/types.ts";
import { Inbox } from "../../src/node/inbox.ts";
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
