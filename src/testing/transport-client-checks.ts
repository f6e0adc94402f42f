/** What a `Transport` and a `ClientLink` must do for clients: connections that carry frames, and how they end. */

import assert from "node:assert/strict";
import { isRaftError } from "../errors.ts";
import { assertRejects } from "./conformance.ts";
import { Client } from "./transport-world.ts";
import type { NamedCheck, World } from "./transport-world.ts";

export const CLIENT_CHECKS: readonly NamedCheck[] = [
  ["frames between client and member arrive whole and in order", clientFrames],
  ["each side of a client connection hears when all that it has sent has left", clientDrains],
  ["each side of a client connection hears of its end exactly once", clientCloses],
  ["a member that closes ends the connections of its clients", memberCloses],
  ["a link that closes ends its connections", linkCloses],
  ["an exception in a frame handler closes that connection and no other", handlerThrows],
  ["a client that nobody serves does not stay", unservedClient],
  ["connecting to where nobody listens is refused", nobodyListens],
  ["connecting can be given up", givenUp],
];

const NOTHING = Buffer.alloc(0);

async function clientFrames(world: World): Promise<void> {
  const [n1] = await world.pair();
  const client = await world.client(n1);
  const frames = Array.from({ length: 300 }, (_, at) =>
    Buffer.alloc(1 + (at % 7) * 1000 + (at === 150 ? 300_000 : 0), at),
  );
  for (const frame of frames) client.connection?.send(frame);
  await world.until("the echoes", () => client.frames.length === frames.length);
  for (const side of [n1.clients[0], client]) {
    const wrong = frames.findIndex((frame, at) => !frame.equals(side?.frames[at] ?? NOTHING));
    assert.equal(wrong, -1, `frame ${wrong} has arrived as another one`);
    assert.equal(side?.frames.length, frames.length);
  }
  assert.deepEqual(n1.received, []);
}

async function clientDrains(world: World): Promise<void> {
  const [n1] = await world.pair();
  const client = await world.client(n1);
  for (const length of [10, 300_000]) {
    const told = [client.drained.length, n1.clients[0]?.drained.length ?? 0] as const;
    client.send(Buffer.alloc(length));
    await world.until(
      "both sides to have sent it all",
      () => client.drained.length > told[0] && (n1.clients[0]?.drained.length ?? 0) > told[1],
    );
  }
  assert.deepEqual(
    [...client.drained, ...(n1.clients[0]?.drained ?? [])].filter((bytes) => bytes > 0),
    [],
  );
  assert(!client.isToldWithin && n1.clients[0]?.isToldWithin === false, "told from within send");
}

async function clientCloses(world: World): Promise<void> {
  const [n1] = await world.pair();
  const first = await world.client(n1);
  first.connection?.send(Buffer.from("hello"));
  await world.until("the echo", () => first.frames.length === 1);
  first.connection?.close();
  first.connection?.close();
  first.connection?.send(Buffer.from("ignored"));
  await world.until("the end", () => n1.clients[0]?.ends.length === 1 && first.ends.length === 1);

  const second = await world.client(n1);
  second.connection?.send(Buffer.from("hello"));
  await world.until("the echo", () => second.frames.length === 1);
  n1.clients[1]?.connection?.close();
  await world.until("the end", () => second.ends.length === 1);
  assert.deepEqual(
    n1.clients.map(({ ends, frames }) => [ends.length, frames.length]),
    [
      [1, 1],
      [1, 1],
    ],
  );
  assert.equal(first.ends.length, 1);
}

async function memberCloses(world: World): Promise<void> {
  const [n1] = await world.pair();
  const client = await world.client(n1);
  client.connection?.send(Buffer.from("hello"));
  await world.until("the echo", () => client.frames.length === 1);
  await n1.transport.close();
  await world.until("the end", () => client.ends.length === 1);
  assert.equal(n1.clients[0]?.ends.length, 1);
}

async function linkCloses(world: World): Promise<void> {
  const [n1] = await world.pair();
  const [link, client] = [world.link(), new Client(world.changed)];
  const address = world.harness.addressOf(n1.transport);
  client.connection = await link.connect(address, client, new AbortController().signal);
  client.send(Buffer.from("hello"));
  await world.until("the echo", () => client.frames.length === 1);
  await link.close();
  await world.until("the end", () => client.ends.length === 1 && n1.clients[0]?.ends.length === 1);
}

async function handlerThrows(world: World): Promise<void> {
  const [n1] = await world.pair();
  const [good, bad] = [await world.client(n1), await world.client(n1)];
  n1.onFrame = (connection, frame) => {
    if (Buffer.from(frame).toString() === "bad") throw new Error("a bad frame");
    connection.send(frame);
  };
  bad.connection?.send(Buffer.from("bad"));
  await world.until("the end", () => bad.ends.length === 1);
  good.connection?.send(Buffer.from("good"));
  await world.until("the echo", () => good.frames.length === 1);
  assert.deepEqual(good.ends, []);
}

async function unservedClient(world: World): Promise<void> {
  const [n1] = await world.pair();
  n1.servesClients = false;
  const client = new Client(world.changed);
  const address = world.harness.addressOf(n1.transport);
  try {
    await world.link().connect(address, client, new AbortController().signal);
  } catch (error) {
    assert(
      isRaftError(error, "RAFT_HANDSHAKE_REFUSED") || isRaftError(error, "RAFT_CONNECTION_LOST"),
    );
    return;
  }
  await world.until("the end", () => client.ends.length === 1);
}

async function nobodyListens(world: World): Promise<void> {
  const [n1] = await world.pair();
  const address = world.harness.addressOf(n1.transport);
  await n1.transport.close();
  const client = new Client(world.changed);
  const connecting = world.link().connect(address, client, new AbortController().signal);
  await assertRejects(connecting, "RAFT_CONNECTION_LOST");
  assert.deepEqual(client.ends, []);
}

async function givenUp(world: World): Promise<void> {
  const [n1] = await world.pair();
  const address = world.harness.addressOf(n1.transport);
  const controller = new AbortController();
  const client = new Client(world.changed);
  const connecting = world.link().connect(address, client, controller.signal);
  controller.abort();
  await assertRejects(connecting, "RAFT_ABORTED");
  await assertRejects(world.link().connect(address, client, controller.signal), "RAFT_ABORTED");
  assert.deepEqual(n1.clients, []);
  assert.deepEqual(client.ends, []);
}
