/** What a type checker would tell of a call: it is refused by name and value, and the node goes on. */

import { expect, onTestFinished, test } from "vitest";
import type { RaftNode } from "../../src/node/node.ts";
import { Cluster } from "../support/cluster.ts";

/** As a program in plain JavaScript sees it. */
type Untyped = Record<
  keyof RaftNode<number, undefined, readonly string[]> & string,
  (...args: unknown[]) => unknown
>;

const BYTES = Uint8Array.of(1);
const SINK = { done: (): void => undefined, failed: (): void => undefined };

const WRONG: readonly (readonly [call: (node: Untyped) => unknown, ...mentions: string[]])[] = [
  [(node) => node.propose(BYTES, null), "options", "null"],
  [(node) => node.propose(BYTES, 500), "options", "500"],
  [(node) => node.propose(BYTES, { signal: 5 }), "signal", "5 lacks"],
  [(node) => node.propose(BYTES, { signal: {} }), "signal", "{} lacks"],
  [(node) => node.propose(BYTES, { signal: null }), "signal", "null lacks"],
  [(node) => node.submit(BYTES), "sink is missing"],
  [(node) => node.submit(BYTES, { done: SINK.done }, 0), "sink", "lacks failed"],
  [(node) => node.submit("text"), "sink is missing"],
  [(node) => node.read(undefined, null), "options", "null"],
  [(node) => node.read(undefined, "local"), "options", '"local"'],
  [(node) => node.read(undefined, { signal: 5 }), "signal", "5 lacks"],
  [(node) => node.read(undefined, { consistency: "eventual" }), "consistency", '"eventual"'],
  [(node) => node.submitRead(undefined), "sink is missing"],
  [(node) => node.submitRead(undefined, {}, 0), "sink", "{} lacks done, failed"],
  [(node) => node.waitForLeader(null), "options", "null"],
  [(node) => node.waitForLeader({ signal: 5 }), "signal", "5 lacks"],
  [(node) => node.waitForApplied(), "index", "undefined"],
  [(node) => node.waitForApplied("1"), "index", '"1"'],
  [(node) => node.waitForApplied(Number.NaN), "index", "NaN"],
  [(node) => node.waitForApplied(1000, { signal: {} }), "signal", "{} lacks"],
  [(node) => node.transferLeadership(), "undefined is not a voter"],
  [(node) => node.transferLeadership(5n), "5n is not a voter"],
  [(node) => node.transferLeadership("n1", null), "options", "null"],
];

test.each(WRONG.map(([call, ...mentions]) => ({ call, mentions })))(
  "$mentions",
  async ({ call, mentions }) => {
    const cluster = await Cluster.start({ size: 1 });
    onTestFinished(() => cluster.stop());
    const leader = await cluster.leader();

    const error: unknown = await cluster.clock.settle(told(call, leader as unknown as Untyped));

    expect(error).toMatchObject({ code: "RAFT_INVALID_OPTION", outcome: "rejected" });
    for (const mention of mentions) expect(String(error)).toContain(mention);
    await expect(cluster.clock.settle(leader.propose(BYTES))).resolves.toMatchObject({ result: 1 });
  },
);

test("a read without a promise tells its sink of a consistency that is none", async () => {
  const cluster = await Cluster.start({ size: 1 });
  onTestFinished(() => cluster.stop());
  const leader = await cluster.leader();
  const failures: unknown[] = [];
  const sink = { ...SINK, failed: (token: number, error: unknown) => failures.push(token, error) };

  leader.submitRead(undefined, sink, 7, "eventual" as "local");

  expect(failures).toEqual([7, expect.objectContaining({ code: "RAFT_INVALID_OPTION" })]);
});

/** Some throw, where there is neither a promise nor a sink to tell. */
async function told(call: (node: Untyped) => unknown, node: Untyped): Promise<unknown> {
  try {
    return await call(node);
  } catch (error) {
    return error;
  }
}
