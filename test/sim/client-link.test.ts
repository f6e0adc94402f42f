/** What the simulated connections of clients do to frames. */

import { expect, test } from "vitest";
import type { Connection, TransportHandler } from "../../src/transport/transport.ts";
import { ClientNetwork, SimClientLink } from "../../sim/client-link.ts";
import { SimNetwork, SimTransport } from "../../sim/network.ts";
import { addressOf, idOf } from "../../sim/process.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import type { Actor } from "../../sim/scheduler.ts";

const MODEL = {
  mode: "datagram",
  minDelayUs: 100,
  maxDelayUs: 1000,
  tailPpm: 0,
  tailDelayUs: 0,
  lossPpm: 0,
  duplicatePpm: 0,
  capacity: 1000,
  bytesPerMs: 0,
} as const;

interface Rig {
  readonly scheduler: Scheduler;
  readonly clients: ClientNetwork;
  readonly connection: Connection;
  /** At the node, and back at the client, which gets each frame as an echo. */
  readonly atNode: number[];
  readonly atClient: number[];
}

/** A client that is connected to the one node. */
async function rig(): Promise<Rig> {
  const scheduler = new Scheduler({
    onStep: () => undefined,
    onThrow: (error) => expect.fail(String(error)),
  });
  const network = new SimNetwork(scheduler, 1, 1, MODEL, {
    onLeave: () => undefined,
    onSend: () => undefined,
    onDeliver: () => undefined,
    onLose: () => undefined,
  });
  const clients = new ClientNetwork(network, 1);
  const atNode: number[] = [];
  const atClient: number[] = [];
  const member: Actor = { slot: 0, isAlive: true, gateUs: 0 };
  const transport = new SimTransport(network, member, new Map([[idOf(0), 0]]));
  const handler: TransportHandler = {
    onMessage: () => undefined,
    admitPeer: () => Promise.resolve(undefined),
    onRefused: () => undefined,
    onClient: (connection) => ({
      onFrame: (frame) => {
        atNode.push(frame[0] ?? 0);
        connection.send(frame);
      },
      onClose: () => undefined,
    }),
  };
  await transport.start({ clusterId: "c", nodeId: idOf(0), storeId: "s" }, handler);
  const actor: Actor = { slot: 1, isAlive: true, gateUs: 0 };
  const link = new SimClientLink({ clients, actor, seed: 1, resolve: () => 0 });
  const connecting = link.connect(
    addressOf(0),
    { onFrame: (frame) => atClient.push(frame[0] ?? 0), onClose: () => undefined },
    new AbortController().signal,
  );
  await scheduler.run(10_000);
  return { scheduler, clients, connection: await connecting, atNode, atClient };
}

const FRAMES = Array.from({ length: 20 }, (_, n) => n);

test("frames arrive in order", async () => {
  const each = await rig();
  for (const n of FRAMES) each.connection.send(Buffer.of(n));
  await each.scheduler.run(1_000_000);
  expect([each.atNode, each.atClient]).toEqual([FRAMES, FRAMES]);
});

test("what is clogged arrives when that ends, in order, and so does what is sent meanwhile", async () => {
  const each = await rig();
  const endUs = each.scheduler.nowUs + 50_000;
  for (const n of FRAMES.slice(0, 10)) each.connection.send(Buffer.of(n));
  each.clients.clog(0, endUs);
  await each.scheduler.run(endUs - 50);
  expect(each.atNode).toEqual([]);
  for (const n of FRAMES.slice(10)) each.connection.send(Buffer.of(n));
  await each.scheduler.run(endUs);
  expect(each.atNode.length).toBeGreaterThanOrEqual(10);
  await each.scheduler.run(1_000_000);
  expect([each.atNode, each.atClient]).toEqual([FRAMES, FRAMES]);
});

test("healing lets go what is clogged", async () => {
  const each = await rig();
  each.clients.clog(0, each.scheduler.nowUs + 10_000_000);
  each.connection.send(Buffer.of(1));
  await each.scheduler.run(100_000);
  expect(each.atNode).toEqual([]);
  each.clients.healAll();
  await each.scheduler.run(200_000);
  expect([each.atNode, each.atClient]).toEqual([[1], [1]]);
});

test("a client that is paused takes its answers late", async () => {
  const each = await rig();
  const endUs = each.scheduler.nowUs + 50_000;
  expect(each.clients.pause(7, endUs)).toBe(false);
  each.connection.send(Buffer.of(1));
  expect(each.clients.pause(0, endUs)).toBe(true);
  await each.scheduler.run(endUs - 1);
  expect([each.atNode, each.atClient]).toEqual([[1], []]);
  await each.scheduler.run(endUs + 1);
  expect(each.atClient).toEqual([1]);
});
