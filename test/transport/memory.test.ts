import { expect, test } from "vitest";
import { silentLogger } from "../../src/node/logger.ts";
import {
  MemoryNetwork,
  type MemoryNetworkOptions,
  MemoryTransport,
} from "../../src/transport/memory.ts";
import type { Connection, ConnectionHandler } from "../../src/transport/transport.ts";
import { heartbeat } from "./fixtures.ts";
import { ManualClock } from "./manual-clock.ts";

const ids = ["n1", "n2"];

class World {
  readonly clock = new ManualClock();
  readonly network: MemoryNetwork;
  readonly rounds: number[] = [];
  readonly server: string[] = [];

  constructor(options: Partial<MemoryNetworkOptions> = {}) {
    this.network = new MemoryNetwork({ clock: this.clock, logger: silentLogger, ...options });
  }

  async start(id: string): Promise<MemoryTransport> {
    const transport = this.network.transport(id);
    const serve = (): ConnectionHandler => ({
      onFrame: (frame) => this.server.push(Buffer.from(frame).toString()),
      onClose: (error) => this.server.push(error === undefined ? "closed" : "lost"),
    });
    await transport.start(
      { clusterId: "c", nodeId: id, storeId: id },
      {
        onMessage: (message) => {
          if (message.type === "Heartbeat") this.rounds.push(message.round);
        },
        admitPeer: () => Promise.resolve(undefined),
        onRefused: () => undefined,
        onClient: serve,
      },
    );
    transport.setMembers(
      ids.map((member) => ({ id: member, address: member, storeId: undefined })),
    );
    return transport;
  }

  /** Lets deferred callbacks and promises run, as often as one may lead to the next. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async connect(log: string[]): Promise<Connection> {
    return this.network.clientLink("client").connect(
      "n1",
      {
        onFrame: (frame) => log.push(Buffer.from(frame).toString()),
        onClose: (error) => log.push(error === undefined ? "closed" : "lost"),
      },
      new AbortController().signal,
    );
  }
}

test("the policy decides what is lost, delayed, reordered and duplicated", async () => {
  const fates: Record<number, number[]> = { 1: [], 2: [20], 3: [10, 30], 4: [0] };
  const world = new World({
    policy: (message) => (message.type === "Heartbeat" ? (fates[message.round] ?? []) : []),
  });
  const [n1] = [await world.start("n1"), await world.start("n2")];
  for (const round of [1, 2, 3, 4]) n1.send(heartbeat("n1", "n2", round));
  await world.settle();
  expect(world.rounds).toEqual([4]);
  for (let passed = 0; passed < 3; passed += 1) {
    world.clock.advance(10);
    await world.settle();
  }
  expect(world.rounds).toEqual([4, 3, 2, 3]);
});

test("a cut link loses what is under way, in its direction alone, until it is healed", async () => {
  const world = new World();
  const [n1, n2] = [await world.start("n1"), await world.start("n2")];
  n1.send(heartbeat("n1", "n2", 1));
  world.network.cut("n1", "n2");
  n1.send(heartbeat("n1", "n2", 2));
  n2.send(heartbeat("n2", "n1", 3));
  await world.settle();
  world.network.heal("n1", "n2");
  n1.send(heartbeat("n1", "n2", 4));
  await world.settle();
  expect(world.rounds).toEqual([3, 4]);
});

test("a crashed member neither hears nor speaks, and comes back as another process", async () => {
  const world = new World();
  const [n1, n2] = [await world.start("n1"), await world.start("n2")];
  n1.send(heartbeat("n1", "n2", 1));
  await world.settle();
  world.network.crash("n2");
  n2.send(heartbeat("n2", "n1", 2));
  n1.send(heartbeat("n1", "n2", 3));
  await world.settle();
  expect(world.rounds).toEqual([1]);
  await world.start("n2");
  n1.send(heartbeat("n1", "n2", 4));
  await world.settle();
  expect(world.rounds).toEqual([1, 4]);
});

test("copies of one message share no memory", async () => {
  const world = new World({ policy: () => [0, 0] });
  const n1 = await world.start("n1");
  const payloads: Uint8Array[] = [];
  const n2 = world.network.transport("n2");
  await n2.start(
    { clusterId: "c", nodeId: "n2", storeId: "n2" },
    {
      onMessage: (message) => {
        const entry = message.type === "AppendEntries" ? message.entries[0] : undefined;
        if (entry?.kind === "command") payloads.push(entry.payload);
      },
      admitPeer: () => Promise.resolve(undefined),
      onRefused: () => undefined,
      onClient: () => undefined,
    },
  );
  n1.send({
    type: "AppendEntries",
    from: "n1",
    to: "n2",
    term: 1,
    prevLog: { term: 0, index: 0 },
    leaderCommit: 0,
    entries: [
      {
        kind: "command",
        index: 1,
        term: 1,
        time: 0,
        payload: Buffer.from("x"),
        encoded: undefined,
      },
    ],
  });
  await world.settle();
  payloads[0]?.fill(0);
  expect(Buffer.from(payloads[1] ?? []).toString()).toBe("x");
});

test("client frames keep their order whatever their delays", async () => {
  const delays = [30, 0, 10];
  const world = new World({ clientDelayMs: () => delays.shift() ?? 0 });
  await world.start("n1");
  const connection = await world.connect([]);
  for (const frame of ["a", "b", "c"]) connection.send(Buffer.from(frame));
  world.clock.advance(29);
  await world.settle();
  expect(world.server).toEqual([]);
  expect(connection.bufferedBytes).toBe(3);
  world.clock.advance(1);
  await world.settle();
  expect(world.server).toEqual(["a", "b", "c"]);
  expect(connection.bufferedBytes).toBe(0);
});

test("a client may leave out the signal that would give up the attempt to connect", async () => {
  const world = new World();
  await world.start("n1");
  const nobody = { onFrame: () => undefined, onClose: () => undefined };
  const connecting = world.network.clientLink("client").connect("n1", nobody);
  await world.settle();
  await expect(connecting).resolves.toMatchObject({ remote: "n1" });
});

test("a cut breaks client connections for both sides, a crash for the client alone", async () => {
  const world = new World();
  await world.start("n1");
  const first: string[] = [];
  await world.connect(first);
  world.network.cut("n1", "client");
  expect([first, world.server]).toEqual([["lost"], ["lost"]]);
  await expect(world.connect([])).rejects.toMatchObject({ code: "RAFT_CONNECTION_LOST" });

  world.network.healAll();
  const second: string[] = [];
  const connection = await world.connect(second);
  connection.send(Buffer.from("never arrives"));
  world.network.crash("n1");
  await world.settle();
  expect([second, world.server]).toEqual([["lost"], ["lost"]]);
});

test("a transport that is made by its class refuses in silence, as one that the network makes", async () => {
  const network = new MemoryNetwork({ clock: new ManualClock() });
  const refused: string[] = [];
  for (const [id, clusterId] of [
    ["n1", "c"],
    ["n2", "d"],
  ] as const) {
    const transport = new MemoryTransport(network, id);
    await transport.start(
      { clusterId, nodeId: id, storeId: id },
      {
        onMessage: () => undefined,
        admitPeer: () => Promise.resolve(undefined),
        onRefused: (peer, { code }) => refused.push(`${peer} ${code}`),
        onClient: () => undefined,
      },
    );
    transport.setMembers(
      ids.map((member) => ({ id: member, address: member, storeId: undefined })),
    );
    transport.send(heartbeat(id, id === "n1" ? "n2" : "n1"));
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(refused.toSorted()).toEqual(["n1 RAFT_WRONG_CLUSTER", "n2 RAFT_WRONG_CLUSTER"]);
});
