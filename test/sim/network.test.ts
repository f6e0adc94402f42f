/** What the simulated links do to messages. */

import { describe, expect, test } from "vitest";
import type { PeerMessage, TransportHandler } from "../../src/transport/transport.ts";
import { encodeMessage } from "../../src/transport/messages.ts";
import { SimNetwork, SimTransport } from "../../sim/network.ts";
import { addressOf, idOf } from "../../sim/process.ts";
import type { NetworkModel } from "../../sim/schedule.ts";
import { Scheduler } from "../../sim/scheduler.ts";
import type { Actor } from "../../sim/scheduler.ts";

const MODEL: NetworkModel = {
  mode: "datagram",
  minDelayUs: 100,
  maxDelayUs: 1000,
  tailPpm: 0,
  tailDelayUs: 0,
  lossPpm: 0,
  duplicatePpm: 0,
  capacity: 1000,
  bytesPerMs: 0,
};

interface Rig {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly transports: readonly SimTransport[];
  readonly actors: readonly Actor[];
  /** Rounds of the heartbeats that n2 has received. */
  readonly received: number[];
  readonly lost: string[];
  send(round: number): void;
  /** Another process runs on n2 from now on. */
  restart(): Promise<void>;
}

async function rig(model: Partial<NetworkModel> = {}): Promise<Rig> {
  const scheduler = new Scheduler({
    onStep: () => undefined,
    onThrow: (error) => expect.fail(String(error)),
  });
  const received: number[] = [];
  const lost: string[] = [];
  const network = new SimNetwork(
    scheduler,
    1,
    2,
    { ...MODEL, ...model },
    {
      onLeave: () => undefined,
      onSend: () => undefined,
      onDeliver: () => undefined,
      onLose: (_, reason) => lost.push(reason),
    },
  );
  const slots = new Map([0, 1].map((slot) => [idOf(slot), slot]));
  const actors: Actor[] = [0, 1].map((slot) => ({ slot, isAlive: true, gateUs: 0 }));
  const transports = actors.map((actor) => new SimTransport(network, actor, slots));
  const members = [0, 1].map((slot) => ({
    id: idOf(slot),
    address: addressOf(slot),
    storeId: undefined,
  }));
  const start = async (slot: number, transport: SimTransport): Promise<void> => {
    const identity = { clusterId: "c", nodeId: idOf(slot), storeId: `s${slot}` };
    await transport.start(identity, handler(received));
    transport.setMembers(members);
  };
  for (const [slot, transport] of transports.entries()) await start(slot, transport);
  const restart = async (): Promise<void> => {
    const [, former] = actors;
    if (former !== undefined) former.isAlive = false;
    const actor = { slot: 1, isAlive: true, gateUs: 0 };
    await start(1, new SimTransport(network, actor, slots));
  };
  const send = (round: number): void => transports[0]?.send(heartbeat(round));
  send(0);
  await scheduler.run(100_000);
  received.length = 0;
  return { scheduler, network, transports, actors, received, lost, send, restart };
}

function handler(received: number[]): TransportHandler {
  return {
    onMessage: (message) => {
      if (message.type === "Heartbeat") received.push(message.round);
    },
    admitPeer: () => Promise.resolve(undefined),
    onRefused: () => undefined,
    onClient: () => undefined,
  };
}

function heartbeat(round: number): PeerMessage {
  return { type: "Heartbeat", from: "n1", to: "n2", term: 1, leaderCommit: 0, round };
}

const ROUNDS = Array.from({ length: 200 }, (_, round) => round);

async function sendAll(each: Rig): Promise<void> {
  for (const round of ROUNDS) each.send(round);
  await each.scheduler.run(each.scheduler.nowUs + 10_000_000);
}

function sorted(rounds: readonly number[]): number[] {
  return rounds.toSorted((a, b) => a - b);
}

describe("datagrams", () => {
  test("all arrive, in another order", async () => {
    const each = await rig();
    await sendAll(each);
    expect(each.received).not.toEqual(ROUNDS);
    expect(sorted(each.received)).toEqual(ROUNDS);
  });

  test("are lost as often as is said", async () => {
    const each = await rig({ lossPpm: 300_000 });
    await sendAll(each);
    expect(each.received.length).toBeGreaterThan(100);
    expect(each.received.length).toBeLessThan(180);
    expect(new Set(each.lost)).toEqual(new Set(["loss"]));
  });

  test("are duplicated", async () => {
    const each = await rig({ duplicatePpm: 500_000 });
    await sendAll(each);
    expect(each.received.length).toBeGreaterThan(250);
    expect(new Set(each.received).size).toBe(200);
  });

  test("beyond the capacity of a link are lost", async () => {
    const each = await rig({ capacity: 50 });
    await sendAll(each);
    expect(each.received.length).toBe(50);
    // Not the last ones: any.
    expect(Math.max(...each.received)).toBeGreaterThan(150);
    expect(each.lost).toHaveLength(150);
  });
});

describe("a stream", () => {
  test("keeps the order", async () => {
    const each = await rig({ mode: "stream" });
    await sendAll(each);
    expect(each.received).toEqual(ROUNDS);
  });

  test("that is reset loses what is under way, and only that", async () => {
    const each = await rig({ mode: "stream" });
    each.send(1);
    each.network.link(0, 1).reset();
    each.send(2);
    await each.scheduler.run(1_000_000);
    expect(each.received).toEqual([2]);
    expect(each.lost).toEqual(["reset"]);
  });

  test("whose other end was restarted is half open: the next message is lost, what follows connects anew", async () => {
    const each = await rig({ mode: "stream" });
    await each.restart();
    const beginUs = each.scheduler.nowUs;
    each.send(1);
    each.send(2);
    each.send(3);
    await each.scheduler.run(beginUs + 3 * MODEL.minDelayUs - 1);
    expect([each.received, each.lost]).toEqual([[], ["gone"]]);
    await each.scheduler.run(1_000_000);
    expect(each.received).toEqual([2, 3]);
  });

  test("beyond the capacity of the link takes no more", async () => {
    const each = await rig({ mode: "stream", capacity: 50 });
    await sendAll(each);
    expect(each.received).toEqual(ROUNDS.slice(0, 50));
  });
});

test("two spells of bad weather may overlap, and end in any order", async () => {
  const each = await rig();
  const { network } = each;
  const lossy = { lossPpm: 1000, duplicatePpm: 0, maxDelayUs: 500 };
  const slow = { lossPpm: 0, duplicatePpm: 0, maxDelayUs: 9000 };
  network.spoil(lossy);
  network.spoil(slow);
  expect(network.model).toEqual({ ...MODEL, ...slow });
  network.unspoil(lossy);
  expect(network.model).toEqual({ ...MODEL, ...slow });
  network.unspoil(slow);
  expect(network.model).toEqual(MODEL);
});

describe("a link", () => {
  test("that is cut loses also what is under way, even if it heals before that would arrive", async () => {
    const each = await rig();
    each.send(1);
    each.network.link(0, 1).cut();
    each.send(2);
    each.network.link(0, 1).heal();
    each.send(3);
    await each.scheduler.run(1_000_000);
    expect(each.received).toEqual([3]);
  });

  test("that is cut twice has to heal twice", async () => {
    const each = await rig();
    const link = each.network.link(0, 1);
    link.cut();
    link.cut();
    link.heal();
    each.send(1);
    link.heal();
    each.send(2);
    await each.scheduler.run(1_000_000);
    expect(each.received).toEqual([2]);
  });

  test("that is clogged lets everything through when it ends", async () => {
    const each = await rig();
    const endUs = each.scheduler.nowUs + 50_000;
    each.network.link(0, 1).cloggedUntilUs = endUs;
    each.send(1);
    await each.scheduler.run(endUs - 1);
    expect(each.received).toEqual([]);
    await each.scheduler.run(endUs + 1);
    expect(each.received).toEqual([1]);
  });

  test("that takes few bytes lets one message through after the other, until the network heals", async () => {
    const each = await rig();
    const link = each.network.link(0, 1);
    link.narrow(10);
    const beginUs = each.scheduler.nowUs;
    for (const round of [1, 2, 3]) each.send(round);
    const bytes = Buffer.concat(encodeMessage(heartbeat(1))).length;
    await each.scheduler.run(beginUs + 2 * bytes * 100 + MODEL.maxDelayUs);
    expect(each.received).toEqual([1, 2]);
    await each.scheduler.run(beginUs + 3 * bytes * 100 + MODEL.maxDelayUs);
    expect(each.received).toEqual([1, 2, 3]);

    for (let round = 4; round < 100; round += 1) each.send(round);
    each.network.heal();
    await each.scheduler.run(each.scheduler.nowUs + 3001);
    expect(each.received).toHaveLength(99);
  });

  test("that echoes brings each message once more, later, but not to a network that has healed", async () => {
    const each = await rig();
    const beginUs = each.scheduler.nowUs;
    each.network.link(0, 1).echo(500);
    each.send(1);
    await each.scheduler.run(beginUs + 499_000);
    expect(each.received).toEqual([1]);
    await each.scheduler.run(beginUs + 502_000);
    expect(each.received).toEqual([1, 1]);
    each.send(2);
    await each.scheduler.run(each.scheduler.nowUs + 10_000);
    each.network.heal();
    await each.scheduler.run(each.scheduler.nowUs + 1_000_000);
    expect(each.received).toEqual([1, 1, 2]);
  });

  test("may be worse than the others for a while", async () => {
    const each = await rig();
    const quality = { lossPpm: 1_000_000, duplicatePpm: 0, maxDelayUs: 100 };
    each.network.link(0, 1).spoil(quality);
    each.send(1);
    await each.scheduler.run(1_000_000);
    expect([each.received, each.lost]).toEqual([[], ["loss"]]);
    each.network.link(0, 1).unspoil(quality);
    each.send(2);
    await each.scheduler.run(2_000_000);
    expect(each.received).toEqual([2]);
  });

  test("may refuse messages of one type", async () => {
    const each = await rig();
    each.network.link(0, 1).filter(["Heartbeat"]);
    each.send(1);
    await each.scheduler.run(1_000_000);
    expect(each.lost).toEqual(["filter"]);
  });
});

test("what is for a process that is dead reaches nobody, and the dead send nothing", async () => {
  const each = await rig();
  const [sender, receiver] = each.actors;
  if (sender === undefined || receiver === undefined) throw new Error("there are two");
  receiver.isAlive = false;
  each.send(1);
  await each.scheduler.run(1_000_000);
  expect(each.lost).toEqual(["gone"]);
  sender.isAlive = false;
  each.send(2);
  await each.scheduler.run(2_000_000);
  expect(each.lost).toEqual(["gone"]);
});
