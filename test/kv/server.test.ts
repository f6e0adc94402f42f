import { expect, test } from "vitest";
import { RaftError } from "../../src/errors.ts";
import { encodeCommand, encodeEnvelope, serveClient } from "../../src/kv/index.ts";
import type { ClientServerOptions, KvHost } from "../../src/kv/index.ts";
import { decodeResponses } from "../../src/kv/protocol.ts";
import type { ClientResponse } from "../../src/kv/protocol.ts";
import type { ClientRequest } from "../../src/kv/requests.ts";
import { requestFrame } from "./support/request-frame.ts";
import type { Sink } from "../../src/node/sink.ts";
import type { ConnectionHandler } from "../../src/transport/transport.ts";
import { FakeConnection } from "./support/fake-cluster.ts";
import { ManualClock } from "./support/manual-clock.ts";

interface Submitted {
  readonly command: Uint8Array;
  readonly sink: Sink<unknown>;
  readonly token: number;
}

function parseQuery(value: unknown): unknown {
  if (value === "bad") throw new RaftError("RAFT_INVALID_COMMAND", "bad");
  return value;
}

/** A server whose host keeps everything, and the client's end of its connection. */
class World {
  readonly clock = new ManualClock();
  readonly connection = new FakeConnection(this.clock, "client");
  readonly submitted: Submitted[] = [];
  readonly reads: unknown[] = [];
  readonly handler: ConnectionHandler;

  constructor(options: Partial<ClientServerOptions<unknown>> = {}) {
    const host: KvHost<unknown> = {
      submit: (command, sink, token) => void this.submitted.push({ command, sink, token }),
      submitRead: (query) => void this.reads.push(query),
      status: () => {
        throw new Error("not asked");
      },
    };
    this.handler = serveClient(host, this.connection, {
      clock: this.clock,
      parseQuery,
      toPlain: (value) => value,
      ...options,
    });
    this.connection.join(undefined, this.handler);
  }

  receive(...requests: readonly ClientRequest[]): void {
    this.connection.receive(requestFrame(requests));
  }

  async responses(): Promise<readonly ClientResponse[]> {
    await this.clock.settle();
    return this.connection.sent.flatMap(decodeResponses);
  }
}

function propose(id: number): ClientRequest {
  return { type: "propose", id, command: Uint8Array.of(id + 1) };
}

test("rule 62: the bytes of a command reach the node as the client made them, session and all", () => {
  const world = new World();
  const payload = encodeCommand({ type: "put", key: "k", value: "v" });
  const sent = { sessionId: 7, sequence: 3, lowestOutstanding: 2 };
  const command = encodeEnvelope({ type: "command", ...sent, payload });
  world.receive({ type: "propose", id: 1, command });
  expect(Buffer.compare(world.submitted[0]?.command ?? new Uint8Array(), command)).toBe(0);
});

test("responses of one turn leave in one frame, in any order", async () => {
  const world = new World();
  world.receive(propose(1), propose(2), propose(3));
  const [first, second, third] = world.submitted;
  third?.sink.done(third.token, 12, "three");
  first?.sink.failed(first.token, new RaftError("RAFT_STOPPED", "stopped", { outcome: "unknown" }));
  second?.sink.done(second.token, 11, "two");

  expect(await world.responses()).toMatchObject([
    { type: "done", id: 3, index: 12, value: "three" },
    { type: "failed", id: 1, error: { code: "RAFT_STOPPED", outcome: "unknown" } },
    { type: "done", id: 2, index: 11, value: "two" },
  ]);
  expect(world.connection.sent).toHaveLength(1);
});

test("a bad query is answered, a bad frame closes the connection and reaches nobody", async () => {
  const world = new World();
  world.receive({ type: "read", id: 1, query: "bad" }, { type: "read", id: 2, query: "good" });
  expect(await world.responses()).toMatchObject([
    { type: "failed", id: 1, error: { code: "RAFT_INVALID_COMMAND" } },
  ]);
  expect(world.reads).toEqual(["good"]);

  world.connection.receive(Uint8Array.of(1, 2, 3));
  expect(world.connection.closed).toBe(true);
  expect(world.reads).toEqual(["good"]);
});

test("a bad query is answered also where another copy of the package says so", async () => {
  const error = Object.assign(new Error("bad"), {
    code: "RAFT_INVALID_COMMAND",
    outcome: "rejected",
  });
  error.name = "RaftError";
  const world = new World({
    parseQuery: () => {
      throw error;
    },
  });
  world.receive({ type: "read", id: 1, query: "q" });
  expect(await world.responses()).toMatchObject([
    { type: "failed", id: 1, error: { code: "RAFT_INVALID_COMMAND" } },
  ]);
  expect(world.connection.closed).toBe(false);
});

test("a value of which no plain data can be made is an error for who asked, and for nobody else", async () => {
  const world = new World({
    toPlain: (value) => {
      if (value === "secret") throw new TypeError("it cannot be told");
      return value;
    },
  });
  world.receive(propose(1), propose(2));
  const [first, second] = world.submitted;
  first?.sink.done(first.token, 11, "secret");
  second?.sink.done(second.token, 12, "open");

  expect(await world.responses()).toMatchObject([
    {
      type: "failed",
      id: 1,
      error: {
        code: "RAFT_INTERNAL",
        outcome: "unknown",
        message: expect.stringContaining("it cannot be told"),
      },
    },
    { type: "done", id: 2, value: "open" },
  ]);
});

test("plain data that is none after all costs the connection", async () => {
  const world = new World();
  world.receive(propose(1));
  const circle: unknown[] = [];
  circle.push(circle);
  const [first] = world.submitted;
  first?.sink.done(first.token, 11, circle);

  expect(await world.responses()).toEqual([]);
  expect(world.connection.closed).toBe(true);
});

test("rule 70: too many unanswered requests are refused as overload, certainly not applied", async () => {
  const world = new World({ maxOutstanding: 2 });
  world.receive(propose(1), propose(2), propose(3));
  expect(world.submitted).toHaveLength(2);
  expect(await world.responses()).toMatchObject([
    { id: 3, error: { code: "RAFT_OVERLOADED", outcome: "rejected" } },
  ]);

  const [first] = world.submitted;
  first?.sink.done(first.token, 1, undefined);
  world.receive(propose(4));
  expect(world.submitted).toHaveLength(3);
});

test("answers of one turn that are more than a connection may hold leave as the client takes them", async () => {
  const world = new World({ maxBufferedBytes: 200_000 });
  world.connection.isSlow = true;
  const ids = Array.from({ length: 40 }, (_, n) => n + 1);
  world.receive(...ids.map(propose));
  for (const { sink, token } of world.submitted) sink.done(token, 1, new Uint8Array(100_000));

  let arrived = await world.responses();
  while (arrived.length < ids.length) {
    expect(world.connection.bufferedBytes).toBeLessThan(200_000 + 101_000);
    const before = arrived.length;
    world.connection.drain();
    arrived = await world.responses();
    expect(arrived.length).toBeGreaterThan(before);
  }
  expect(arrived.map(({ id }) => id)).toEqual(ids);
  expect(world.connection.closed).toBe(false);
});

test("a client that does not take its responses is refused, and served again once it has", async () => {
  const world = new World({ maxBufferedBytes: 1000 });
  world.connection.isSlow = true;
  world.receive(propose(1));
  const [first] = world.submitted;
  first?.sink.done(first.token, 1, new Uint8Array(1001));
  await world.clock.settle();

  world.receive(propose(2));
  expect(await world.responses()).toMatchObject([{ id: 1 }]);
  world.connection.drain();
  expect(await world.responses()).toMatchObject([
    { id: 1 },
    { id: 2, error: { code: "RAFT_OVERLOADED" } },
  ]);
  expect(world.submitted).toHaveLength(1);

  world.receive(propose(3));
  expect(world.submitted).toHaveLength(2);
});

test("a client that takes nothing and sends on is closed", async () => {
  const world = new World({ maxBufferedBytes: 1000, maxOutstanding: 2 });
  world.connection.isSlow = true;
  world.receive(propose(1));
  const [first] = world.submitted;
  first?.sink.done(first.token, 1, new Uint8Array(1001));
  await world.clock.settle();

  for (let id = 2; id < 18; id += 1) world.receive(propose(id));
  expect(world.connection.closed).toBe(false);
  world.receive(propose(18));
  expect(world.connection.closed).toBe(true);
  expect(world.submitted).toHaveLength(1);
});

test("what the node answers after the connection has closed goes nowhere", async () => {
  const world = new World();
  world.receive(propose(1), propose(2));
  const [first, second] = world.submitted;
  first?.sink.done(first.token, 1, "early");
  world.connection.close();
  second?.sink.done(second.token, 2, "late");
  expect(await world.responses()).toEqual([]);
  world.connection.receive(Uint8Array.of(1, 2, 3));
  world.handler.onFrame(requestFrame([propose(3)]));
  expect(world.submitted).toHaveLength(2);
});

test("bounds that are no positive integers are refused", () => {
  for (const options of [{ maxOutstanding: 0 }, { maxBufferedBytes: 1.5 }]) {
    expect(() => new World(options)).toThrow(
      expect.objectContaining({ code: "RAFT_INVALID_OPTION" }),
    );
  }
});
