/** The whole of it: three real nodes, each with a store, on a network and disks in memory, and the client that ships. */

import { expect, test } from "vitest";
import { KvClient, kvStore } from "../../src/kv/index.ts";
import { silentLogger } from "../../src/node/logger.ts";
import { RaftNode } from "../../src/node/node.ts";
import { MemoryDisk, memoryStorage } from "../../src/storage/memory.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { ManualClock } from "./support/manual-clock.ts";

const IDS = ["n1", "n2", "n3"];

test("a replicated store outlives its leader and counts each write once", async () => {
  const clock = new ManualClock();
  const network = new MemoryNetwork({
    clock,
    logger: silentLogger,
    policy: () => [5],
    clientDelayMs: () => 1,
  });
  const members = IDS.map((id) => ({ id, address: `${id}:1` }));
  let seed = 0.1;
  const nodes = members.map(({ id, address }) =>
    RaftNode.start({
      id,
      members,
      storage: memoryStorage(new MemoryDisk()),
      transport: network.transport(address),
      clock,
      random: () => (seed = (seed * 7.3 + 0.17) % 1),
      ...kvStore({ clock }),
    }),
  );
  await clock.settle();
  const running = new Map((await Promise.all(nodes)).map((node) => [node.id, node]));
  const endpoints = members.map(({ address }) => address);
  const link = network.clientLink("client");
  const client = KvClient.connect({ endpoints, link, clock, random: () => 0.5 });

  const leader = await during(clock, client.waitForLeader());
  const before = Array.from({ length: 100 }, () => client.increment("n"));
  await during(clock, Promise.all(before));
  const across = Array.from({ length: 100 }, () => client.increment("n"));
  // The leader has them, and its messages to the others are on their way.
  await clock.advance(3);
  network.crash(leader.id);
  const results = await during(clock, Promise.all(across));
  const { value } = await during(clock, client.get("n"));
  const next = await during(clock, client.waitForLeader());

  expect(value).toBe(200);
  const values = results.map((result) => result.value).toSorted((a, b) => (a ?? 0) - (b ?? 0));
  expect(values).toEqual(Array.from({ length: 100 }, (_, n) => 101 + n));
  expect(next.id).not.toBe(leader.id);
  expect(next.configuration.voters.map(({ id }) => id)).toEqual(IDS);

  await during(clock, client.close());
  await during(clock, Promise.all([...running.values()].map((node) => node.stop())));
  expect(clock.timers).toBe(0);
});

async function during<Value>(clock: ManualClock, call: Promise<Value>): Promise<Value> {
  const progress = { over: false };
  const watched = call.finally(() => (progress.over = true));
  watched.catch(() => undefined);
  for (let n = 0; n < 2000 && !progress.over; n++) await clock.advance(10);
  if (!progress.over) throw new Error("not settled within 20 s");
  return watched;
}
