import { expect, test } from "vitest";
import { Cluster } from "../support/cluster.ts";

test("three members elect a leader, and a command that it takes is applied on all of them", async () => {
  const cluster = await Cluster.start();
  const leader = await cluster.leader();

  const { index, result } = await cluster.clock.settle(leader.propose(Buffer.from("hello")));

  expect(result).toBe(1);
  expect(await cluster.agreement()).toEqual([`${index}:hello`]);
  await cluster.stop();
});
