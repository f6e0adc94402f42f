import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/node/clock.ts";
import { silentLogger } from "../../src/node/logger.ts";
import { frameOf, FrameParser } from "../../src/transport/frame.ts";
import { encodeMessage } from "../../src/transport/messages.ts";
import { TcpClientLink, TcpTransport } from "../../src/transport/tcp.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import {
  certificate,
  closeAll,
  deliver,
  Events,
  heartbeat,
  nextTick,
  sendUntil,
  TestNode,
} from "./fixtures.ts";
import { ManualClock } from "./manual-clock.ts";

const cleanups: (() => void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await closeAll();
});

/** Somebody at a socket who says whatever the test likes. */
class Stranger {
  readonly frames = new Events<string>();
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    const parser = new FrameParser(1_000_000);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      parser.push(chunk);
      for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
        this.frames.add(frame.toString());
      }
    });
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    cleanups.push(() => socket.destroy());
  }

  static dial(node: TestNode): Stranger {
    return new Stranger(connect({ host: "127.0.0.1", port: node.port }));
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  say(body: unknown): void {
    this.raw(framed(Buffer.from(JSON.stringify(body))));
  }

  tell(message: PeerMessage): void {
    this.raw(framed(...encodeMessage(message)));
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

function framed(...parts: Uint8Array[]): Buffer {
  return Buffer.concat(frameOf(parts).parts);
}

const HELLO = ["peer", "quorate", "2", "cluster", "n9", "store", "n1"];
const WELCOME = ["welcome", "cluster", "n9", "store"];

async function join(node: TestNode): Promise<Stranger> {
  const stranger = Stranger.dial(node);
  stranger.say(HELLO);
  await stranger.frames.until();
  stranger.say(WELCOME);
  return stranger;
}

/** A port at which the test plays the member n9. */
async function impostor(onSocket: (stranger: Stranger) => void): Promise<string> {
  const server: Server = createServer((socket) => onSocket(new Stranger(socket)));
  cleanups.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? `127.0.0.1:${bound.port}` : "";
}

describe("a stranger is refused with a reason", () => {
  test.each<readonly [string, readonly string[], string, string]>([
    ["another protocol", ["peer", "other", ...HELLO.slice(2)], "RAFT_HANDSHAKE_REFUSED", "other"],
    [
      "another wire version",
      ["peer", "quorate", "3", ...HELLO.slice(3)],
      "RAFT_HANDSHAKE_REFUSED",
      "wire version",
    ],
    [
      "rule 43: another cluster",
      [...HELLO.slice(0, 3), "elsewhere", "n9", "store", "n1"],
      "RAFT_WRONG_CLUSTER",
      "elsewhere",
    ],
    ["who looked for another member", [...HELLO.slice(0, 6), "n2"], "RAFT_WRONG_NODE", "not n2"],
    [
      "who claims our own id",
      ["peer", "quorate", "2", "cluster", "n1", "store", "n1"],
      "RAFT_WRONG_NODE",
      "n1",
    ],
    ["a client of another cluster", ["client", "quorate", "2", "x"], "RAFT_WRONG_CLUSTER", "not x"],
  ])("%s", async (_name, hello, code, reason) => {
    const node = await TestNode.start("n1");
    const stranger = Stranger.dial(node);
    stranger.say(hello);
    const answer = JSON.parse(await stranger.frames.until()) as string[];
    await stranger.closed;
    expect(answer.slice(0, 2)).toEqual(["refused", code]);
    expect(answer[2]).toContain(reason);
    expect(await node.logger.warnings.until()).toContain(reason);
    expect(node.received.items).toEqual([]);
  });

  test("rule 43: a member with another store id, by whoever is to admit it", async () => {
    const node = await TestNode.start("n1");
    node.admit = ({ storeId }) =>
      storeId === "store" ? { code: "RAFT_WIPED_MEMBER", reason: "wiped" } : undefined;
    const stranger = Stranger.dial(node);
    stranger.say(HELLO);
    expect(JSON.parse(await stranger.frames.until())).toEqual([
      "refused",
      "RAFT_WIPED_MEMBER",
      "wiped",
    ]);
    expect(node.admissions.items).toEqual([{ nodeId: "n9", storeId: "store" }]);
  });

  test("a member that is another than was dialled", async () => {
    const refused = new Events<string>();
    const address = await impostor((stranger) => {
      void stranger.frames.until().then(() => stranger.say(WELCOME));
      void stranger.frames.until((frame) => frame.includes("refused")).then((f) => refused.add(f));
    });
    const node = await TestNode.start("n1");
    node.join({ id: "n8", address });
    expect(await refused.until()).toContain("n8 was expected here, not n9");
    expect(node.admissions.items).toEqual([]);
  });

  test("a name that is not UTF-8", async () => {
    const node = await TestNode.start("n1");
    const stranger = Stranger.dial(node);
    const hello = Buffer.from(JSON.stringify(HELLO));
    hello[hello.indexOf("n9") + 1] = 0xff;
    stranger.raw(framed(hello));
    await stranger.closed;
    expect(node.admissions.items).toEqual([]);
  });

  test("once, in the log of both, however often it comes back", async () => {
    const clock = new ManualClock();
    const [n1, n2] = [await TestNode.start("n1", { clock }), await TestNode.start("n2")];
    n2.admit = () => ({ code: "RAFT_WIPED_MEMBER", reason: "wiped" });
    n1.join(n2);
    await n1.refusals.until();
    for (let attempt = 2; attempt <= 4; attempt += 1) {
      await retryScheduled(clock);
      clock.advance(2000);
      await n2.admissions.until(() => n2.admissions.items.length === attempt);
    }
    await retryScheduled(clock);
    expect(n1.refusals.items).toEqual([
      { peer: "n2", refusal: { code: "RAFT_WIPED_MEMBER", reason: "wiped" } },
    ]);
    expect(n1.logger.warnings.items).toHaveLength(1);
    expect(n2.logger.warnings.items).toHaveLength(1);
  });
});

/** Resolves when the transport waits to dial again, and for nothing else. */
async function retryScheduled(clock: ManualClock): Promise<void> {
  while (clock.timers !== 1 || (clock.next ?? Infinity) > 500) {
    await nextTick();
  }
}

describe("what is not of the protocol closes its own connection and nothing else", () => {
  test.each<readonly [string, Uint8Array]>([
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")],
    ["a run of zeros", Buffer.alloc(64)],
    ["a huge length", Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    ["a frame above the handshake's limit", framed(Buffer.alloc(5000, 1))],
    ["malformed UTF-8", framed(Buffer.from([0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d]))],
    ["no JSON", framed(Buffer.from("hello"))],
    ["no list", framed(Buffer.from("{}"))],
    ["a list of numbers", framed(Buffer.from("[1,2,3]"))],
    ["an unknown role", framed(Buffer.from('["x","quorate","2","cluster"]'))],
    ["a short greeting", framed(Buffer.from('["peer","quorate","2","cluster"]'))],
  ])("%s", async (_name, bytes) => {
    const node = await TestNode.start("n1");
    const other = await join(node);
    const stranger = Stranger.dial(node);
    stranger.raw(bytes);
    await stranger.closed;
    expect(await node.logger.warnings.until()).toContain("127.0.0.1");
    other.tell(heartbeat("n9", "n1"));
    await node.received.until();
  });

  test("a connection that is cut in the middle of a frame", async () => {
    const node = await TestNode.start("n1");
    const socket = connect({ host: "127.0.0.1", port: node.port });
    socket.on("error", () => undefined);
    socket.end(framed(Buffer.from(JSON.stringify(HELLO))).subarray(0, 30));
    expect(await node.logger.warnings.until()).toContain("in the middle of a frame");
  });

  test.each<readonly [string, PeerMessage]>([
    ["a message in another's name", heartbeat("n2", "n1")],
    ["a message to another", heartbeat("n9", "n2")],
    ["a message that is not valid", { ...heartbeat("n9", "n1"), term: 0 }],
  ])("%s", async (_name, message) => {
    const node = await TestNode.start("n1");
    const peer = await join(node);
    peer.tell(message);
    await peer.closed;
    expect(node.received.items).toEqual([]);
    const again = await join(node);
    again.tell(heartbeat("n9", "n1"));
    await node.received.until();
  });

  test("a peer that speaks before it is admitted", async () => {
    const node = await TestNode.start("n1");
    const stranger = Stranger.dial(node);
    stranger.say(HELLO);
    stranger.tell(heartbeat("n9", "n1"));
    await stranger.closed;
    expect(node.received.items).toEqual([]);
  });
});

describe("who answers a greeting with something else is hung up on", () => {
  const strange = ["hello", "to", "you"];

  test("by a member, which tries again", async () => {
    const dialled = new Events<Stranger>();
    const address = await impostor((stranger) => {
      dialled.add(stranger);
      void stranger.frames.until().then(() => stranger.say(strange));
    });
    const node = await TestNode.start("n1");
    node.join({ id: "n9", address });
    const first = await dialled.until();
    await first.closed;
    await dialled.until((stranger) => stranger !== first);
    expect(node.logger.warnings.items[0]).toContain("neither a welcome nor a refusal");
  });

  test("by a client", async () => {
    const dialled = new Events<Stranger>();
    const address = await impostor((stranger) => {
      dialled.add(stranger);
      stranger.say(strange);
    });
    const link = new TcpClientLink();
    cleanups.push(() => void link.close());
    const nobody = { onFrame: () => undefined, onClose: () => undefined };
    await expect(link.connect(address, nobody, new AbortController().signal)).rejects.toMatchObject(
      { code: "RAFT_BAD_FRAME" },
    );
    await (
      await dialled.until()
    ).closed;
  });
});

test("a client may leave out the signal that would give up the attempt to connect", async () => {
  const node = await TestNode.start("n1");
  const link = new TcpClientLink();
  cleanups.push(() => void link.close());
  const nobody = { onFrame: () => undefined, onClose: () => undefined };
  const connection = await link.connect(`127.0.0.1:${node.port}`, nobody);
  expect(connection.remote).toBe(`127.0.0.1:${node.port}`);
});

test("a client can never carry a message of a peer", async () => {
  const node = await TestNode.start("n1");
  const client = Stranger.dial(node);
  client.say(["client", "quorate", "2", ""]);
  await client.frames.until();
  client.tell(heartbeat("n9", "n1"));
  const bytes = Buffer.concat(encodeMessage(heartbeat("n9", "n1"))).toString();
  await client.frames.until((frame) => frame === bytes);
  expect(node.received.items).toEqual([]);
});

/** A node that asks for a sign of life each second, and a peer that it has heard of. */
async function watchedPeer() {
  const clock = new ManualClock();
  const node = await TestNode.start("n1", { clock, limits: { keepAliveMs: 1000 } });
  const peer = await join(node);
  peer.tell(heartbeat("n9", "n1"));
  await node.received.until();
  return { clock, node, peer };
}

describe("half-open connections", () => {
  test("who does not greet in time is cut off, however slowly it speaks", async () => {
    const clock = new ManualClock();
    const node = await TestNode.start("n1", { clock, limits: { handshakeTimeoutMs: 1000 } });
    const [silent, slow, unconfirmed] = [1, 2, 3].map(() => Stranger.dial(node));
    slow?.raw(framed(Buffer.from(JSON.stringify(HELLO))).subarray(0, 20));
    unconfirmed?.say(HELLO);
    await unconfirmed?.frames.until();
    while (clock.timers < 3) await nextTick();
    clock.advance(999);
    slow?.raw(Buffer.from("x"));
    clock.advance(1);
    await Promise.all([silent?.closed, slow?.closed, unconfirmed?.closed]);
    expect(clock.timers).toBe(0);
  });

  test("a member that does not answer is given up and dialled again", async () => {
    const clock = new ManualClock();
    const dialled = new Events<Stranger>();
    const address = await impostor((stranger) => dialled.add(stranger));
    const node = await TestNode.start("n1", { clock, limits: { handshakeTimeoutMs: 1000 } });
    node.join({ id: "n9", address });
    const first = await dialled.until();
    await first.frames.until();
    clock.advance(1000);
    await first.closed;
    await retryScheduled(clock);
    clock.advance(clock.next ?? 0);
    await dialled.until((stranger) => stranger !== first);
    expect(node.logger.warnings.items[0]).toContain("no handshake");
  });

  test("a peer that falls silent is given up, one that shows life is not", async () => {
    const { clock, node, peer } = await watchedPeer();
    for (let round = 0; round < 10; round += 1) {
      clock.advance(1000);
      peer.raw(framed(Buffer.from([0xc0])));
      peer.tell(heartbeat("n9", "n1", round + 10));
      await node.received.until((m) => m.type === "Heartbeat" && m.round === round + 10);
    }
    await peer.frames.until((frame) => frame.length === 1);
    clock.advance(3000);
    peer.tell(heartbeat("n9", "n1", 99));
    await node.received.until((m) => m.type === "Heartbeat" && m.round === 99);
    clock.advance(4000);
    await peer.closed;
    expect(node.logger.warnings.items.at(-1)).toContain("not been heard of");
  });

  test("one whose message takes its time to arrive is not given up", async () => {
    const { clock, node, peer } = await watchedPeer();
    const bytes = framed(...encodeMessage(heartbeat("n9", "n1", 7)));
    const signs = (): number => peer.frames.items.filter(({ length }) => length === 1).length;
    for (let at = 0; at < 10; at += 1) {
      peer.raw(bytes.subarray(at, at + 1));
      clock.advance(1000);
      await peer.frames.until(() => signs() > at);
    }
    peer.raw(bytes.subarray(10));
    await node.received.until((message) => message.type === "Heartbeat" && message.round === 7);
    expect(node.logger.warnings.items).toEqual([]);
  });

  test("those that do not say who they are are bounded in number", async () => {
    const node = await TestNode.start("n1", { limits: { maxPendingHandshakes: 2 } });
    const peer = await join(node);
    peer.tell(heartbeat("n9", "n1", 1));
    await node.received.until();
    const waiting = [Stranger.dial(node), Stranger.dial(node)];
    const third = Stranger.dial(node);
    await third.closed;
    for (const stranger of waiting) stranger.say(HELLO);
    await Promise.all(waiting.map((stranger) => stranger.frames.until()));
    peer.tell(heartbeat("n9", "n1", 2));
    await node.received.until((message) => message.type === "Heartbeat" && message.round === 2);
    expect(node.logger.warnings.items).toEqual([expect.stringContaining("too many connections")]);
  });
});

describe("clients", () => {
  test("beyond the limit are refused with a reason, until one leaves", async () => {
    const node = await TestNode.start("n1", { limits: { maxClients: 1 } });
    const link = new TcpClientLink({ clock: systemClock });
    cleanups.push(() => void link.close());
    const ends = new Events<string>();
    const open = (name: string): ReturnType<TcpClientLink["connect"]> =>
      link.connect(
        node.address,
        { onFrame: () => undefined, onClose: () => ends.add(name) },
        new AbortController().signal,
      );
    const first = await open("first");
    await expect(open("second")).rejects.toMatchObject({
      code: "RAFT_HANDSHAKE_REFUSED",
      message: expect.stringContaining("no room"),
    });
    first.close();
    await node.clientEnds.until();
    await open("third");
    expect(ends.items).toEqual(["first"]);
  });

  test("may not send larger frames than they are allowed", async () => {
    const node = await TestNode.start("n1", { limits: { maxClientFrameBytes: 100 } });
    const link = new TcpClientLink({ clock: systemClock });
    cleanups.push(() => void link.close());
    const ends = new Events<Error | undefined>();
    const connection = await link.connect(
      node.address,
      { onFrame: () => undefined, onClose: (error) => ends.add(error) },
      new AbortController().signal,
    );
    connection.send(Buffer.alloc(101, 1));
    await ends.until();
    expect(await node.clientEnds.until()).toMatchObject({ code: "RAFT_BAD_FRAME" });
  });

  test.each(["plain", "with TLS"])(
    "are heard to their last word before a close: %s",
    async (how) => {
      const isPlain = how === "plain";
      const node = await TestNode.start("n1", isPlain ? {} : { tls: certificate("n1") });
      const frames = new Events<string>();
      node.serve = () => ({
        onFrame: (frame) => frames.add(Buffer.from(frame).toString()),
        onClose: (error) => node.clientEnds.add(error),
      });
      const link = new TcpClientLink({
        clock: systemClock,
        tls: isPlain ? undefined : certificate("client"),
      });
      cleanups.push(() => void link.close());
      const connection = await link.connect(
        node.address,
        { onFrame: () => undefined, onClose: () => undefined },
        new AbortController().signal,
      );
      connection.send(Buffer.from("one more thing"));
      connection.close();
      expect(await node.clientEnds.until()).toBeUndefined();
      expect(frames.items).toEqual(["one more thing"]);
    },
  );

  test("are heard no more once the member closes: not of what has come already either", async () => {
    const node = await TestNode.start("n1");
    const frames: string[] = [];
    node.serve = () => ({
      onFrame: (frame) => {
        frames.push(Buffer.from(frame).toString());
        void node.transport.close();
      },
      onClose: (error) => node.clientEnds.add(error),
    });
    const client = Stranger.dial(node);
    client.say(["client", "quorate", "2", ""]);
    await client.frames.until();
    client.raw(Buffer.concat([framed(Buffer.from("first")), framed(Buffer.from("second"))]));
    expect(await node.clientEnds.until()).toBeUndefined();
    await node.transport.close();
    expect(frames).toEqual(["first"]);
    expect(node.clientEnds.items).toHaveLength(1);
  });

  test("that do not read are closed before they fill our memory", async () => {
    const node = await TestNode.start("n1", { limits: { maxClientQueueBytes: 10_000_000 } });
    const client = Stranger.dial(node);
    client.say(["client", "quorate", "2", ""]);
    await client.frames.until();
    client.pause();
    const connection = await node.clients.until();
    let largest = 0;
    while (node.clientEnds.items.length === 0) {
      connection.send(Buffer.alloc(1_000_000, 1));
      largest = Math.max(largest, connection.bufferedBytes);
      await nextTick();
    }
    expect(node.clientEnds.items[0]).toMatchObject({ code: "RAFT_CONNECTION_LOST" });
    expect(largest).toBeLessThanOrEqual(10_000_000);
  });
});

/** A node that is connected to a peer of ours that reads nothing. */
async function stalled(limits: object): Promise<readonly [TestNode, Stranger]> {
  const dialled = new Events<Stranger>();
  const address = await impostor((stranger) => {
    void stranger.frames.until().then(() => {
      stranger.say(WELCOME);
      return dialled.add(stranger);
    });
  });
  const node = await TestNode.start("n1", { limits });
  node.join({ id: "n9", address });
  const peer = await dialled.until();
  await peer.frames.until((frame) => frame.includes("welcome"));
  await sendUntil(
    peer.frames.until((frame) => frame.includes("n9")),
    () => node.transport.send(heartbeat("n1", "n9")),
  );
  peer.pause();
  return [node, peer];
}

function isChunk(frame: string): boolean {
  return frame.length > 100_000;
}

describe("sending", () => {
  const bulk: PeerMessage = {
    type: "SnapshotChunk",
    from: "n1",
    to: "n9",
    term: 1,
    snapshot: {
      id: "s",
      lastIncluded: { term: 1, index: 1 },
      time: 0,
      configuration: { index: 0, configuration: { voters: [], votersOutgoing: [], learners: [] } },
    },
    chunk: 0,
    done: false,
    data: Buffer.alloc(128 * 1024, 7),
  };

  test("rule 69: with a peer that does not read, bulk is dropped and heartbeats overtake it", async () => {
    const [node, peer] = await stalled({ maxPeerQueueBytes: 9 * 1024 * 1024 });
    for (let sent = 0; sent < 400; sent += 1) {
      node.transport.send(bulk);
      if (sent % 10 === 0) await nextTick();
    }
    node.transport.send(heartbeat("n1", "n9", 77_777));
    const mark = Buffer.concat(encodeMessage(heartbeat("n1", "n9", 77_777))).toString();
    const already = peer.frames.items.filter(isChunk).length;
    peer.resume();
    await peer.frames.until((frame) => frame === mark);
    const before = peer.frames.items.filter(isChunk).length;

    // Behind the heartbeat comes what our own queue held, 71 chunks in 9 MiB; before it what the system had taken.
    await peer.frames.until(() => peer.frames.items.filter(isChunk).length === before + 71);
    expect(before).toBeGreaterThan(already);
    expect(before + 71).toBeLessThan(400);
  });

  test("a message above the peers' limit is not sent, and costs no connection", async () => {
    const maxPeerFrameBytes = 9 * 1024 * 1024;
    const node1 = await TestNode.start("n1", { limits: { maxPeerFrameBytes } });
    const node2 = await TestNode.start("n2", { limits: { maxPeerFrameBytes } });
    node1.join(node2);
    await deliver(node1, node2, 1);
    node1.transport.send({ ...bulk, to: "n2", data: Buffer.alloc(maxPeerFrameBytes) });
    await deliver(node1, node2, 2);
    expect(node1.logger.warnings.items).toEqual([expect.stringContaining("too large")]);
    expect(node2.admissions.items).toHaveLength(1);
  });

  test("all that is sent in one turn leaves in one write", async () => {
    const chunks: number[] = [];
    const greeted = new Events<Socket>();
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      cleanups.push(() => socket.destroy());
      let frames = 0;
      socket.on("data", (chunk) => {
        frames += 1;
        if (frames === 1) socket.write(framed(Buffer.from(JSON.stringify(WELCOME))));
        else if (frames === 2) greeted.add(socket);
        else chunks.push(chunk.length);
      });
    });
    cleanups.push(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const node = await TestNode.start("n1", { clock: new ManualClock() });
    node.join({ id: "n9", address: `127.0.0.1:${port}` });
    const socket = await greeted.until();
    const each = framed(...encodeMessage(heartbeat("n1", "n9"))).length;
    for (let sent = 0; sent < 50; sent += 1) node.transport.send(heartbeat("n1", "n9"));
    await new Promise((resolve) => socket.once("data", resolve));
    expect(chunks).toEqual([50 * each]);
  });
});

describe("reconnecting", () => {
  test("a peer that comes back at its address is heard, and hears, again", async () => {
    const n1 = await TestNode.start("n1");
    let n2 = await TestNode.start("n2");
    const { address } = n2;
    n1.join(n2);
    await deliver(n1, n2, 1);
    for (let round = 2; round < 5; round += 1) {
      await n2.transport.close();
      n2 = await TestNode.start("n2", { listen: address });
      await deliver(n1, n2, round);
      await deliver(n2, n1, round);
      expect(n2.admissions.items).toEqual([{ nodeId: "n1", storeId: "store of n1" }]);
    }
  });

  test("the first attempt is immediate, the next ones back off up to a bound, with jitter", async () => {
    const clock = new ManualClock();
    const draws = [0.999_999, 0, 0.5, 0.999_999, 0];
    const n2 = await TestNode.start("n2");
    const { address } = n2;
    await n2.transport.close();
    const n1 = await TestNode.start("n1", {
      clock,
      random: () => draws.shift() ?? 0,
      limits: { reconnectMinMs: 100, reconnectMaxMs: 400 },
    });
    n1.join({ id: "n2", address });
    const delays: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await retryScheduled(clock);
      delays.push(Math.round(clock.next ?? -1));
      clock.advance(clock.next ?? 0);
    }
    expect(delays).toEqual([100, 100, 300, 400, 200]);
    expect(n1.logger.warnings.items).toHaveLength(1);
    await retryScheduled(clock);
    await n1.transport.close();
    expect(clock.timers).toBe(0);
  });

  test("only a connection that has lasted makes the delays short again", async () => {
    const clock = new ManualClock();
    const dialled = new Events<Stranger>();
    const address = await impostor((stranger) => {
      dialled.add(stranger);
      void stranger.frames.until().then(() => stranger.say(WELCOME));
    });
    const limits = { reconnectMinMs: 100, reconnectMaxMs: 400, keepAliveMs: 1000 };
    const node = await TestNode.start("n1", { clock, random: () => 0.999_999, limits });
    node.join({ id: "n9", address });
    const delays: number[] = [];
    for (const lasts of [0, 0, 399, 400]) {
      const count = delays.length + 1;
      await dialled.until(() => dialled.items.length === count);
      const peer = dialled.items[count - 1];
      await peer?.frames.until((frame) => frame.includes("welcome"));
      while (clock.timers !== 1 || Math.round(clock.next ?? 0) !== 1000) await nextTick();
      clock.advance(lasts);
      peer?.hangUp();
      await retryScheduled(clock);
      delays.push(Math.round(clock.next ?? -1));
      clock.advance(clock.next ?? 0);
    }
    expect(delays).toEqual([100, 200, 400, 100]);
  });

  test("a member that leaves is not dialled any more, and a new address is dialled at once", async () => {
    const clock = new ManualClock();
    const [n1, n2, heir] = [
      await TestNode.start("n1", { clock }),
      await TestNode.start("n2"),
      await TestNode.start("n2"),
    ];
    n1.join(n2);
    await deliver(n1, n2, 1);
    n1.join(heir);
    await deliver(n1, heir, 2);
    n1.join();
    n1.join(n1);
    expect(clock.timers).toBe(0);
  });

  test("rule 43: a connection to another store than the membership names is dropped", async () => {
    const [n1, n2] = [await TestNode.start("n1"), await TestNode.start("n2")];
    const admitted = n2.admissions;
    n1.join(n2);
    await deliver(n1, n2, 1);
    n1.transport.setMembers([{ id: "n2", address: n2.address, storeId: "store of n2" }]);
    await deliver(n1, n2, 2);
    expect(admitted.items).toHaveLength(1);
    n1.transport.setMembers([{ id: "n2", address: n2.address, storeId: "another store" }]);
    await admitted.until(() => admitted.items.length === 2);
  });

  test("rule 37: a peer that connects anew takes the place of its former self", async () => {
    const node = await TestNode.start("n1");
    const former = await join(node);
    former.tell(heartbeat("n9", "n1", 1));
    await node.received.until();
    const latter = await join(node);
    await former.closed;
    latter.tell(heartbeat("n9", "n1", 2));
    await node.received.until((message) => message.type === "Heartbeat" && message.round === 2);
    expect(node.received.items).toHaveLength(2);
  });
});

describe("listening", () => {
  test("on a port that is taken is RAFT_ADDRESS_IN_USE", async () => {
    const node = await TestNode.start("n1");
    await expect(TestNode.start("n2", { listen: node.address })).rejects.toMatchObject({
      code: "RAFT_ADDRESS_IN_USE",
      message: expect.stringContaining(node.address),
    });
  });

  test("on an address of another machine is RAFT_INVALID_OPTION", async () => {
    await expect(
      TestNode.start("n1", { listen: "localhost.invalid:0" }).catch((error: unknown) => error),
    ).resolves.toMatchObject({ code: "RAFT_INSECURE" });
    const transport = new TcpTransport({
      listen: "192.0.2.1:0",
      insecure: true,
      clock: systemClock,
      random: () => 0,
      logger: silentLogger,
    });
    const idle = {
      onMessage: () => undefined,
      admitPeer: () => Promise.resolve(undefined),
      onRefused: () => undefined,
      onClient: () => undefined,
    };
    await expect(
      transport.start({ clusterId: "c", nodeId: "n1", storeId: "s" }, idle),
    ).rejects.toMatchObject({ code: "RAFT_INVALID_OPTION" });
    await transport.close();
  });

  test("where others can connect needs TLS, or the word insecure", () => {
    const options = { clock: systemClock, random: () => 0, logger: silentLogger };
    for (const listen of ["0.0.0.0:1", "[::]:1", "10.1.2.3:1", "example.com:1"]) {
      expect(() => new TcpTransport({ ...options, listen })).toThrow(
        expect.objectContaining({ code: "RAFT_INSECURE" }),
      );
      expect(() => new TcpTransport({ ...options, listen, insecure: true })).not.toThrow();
    }
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity])("a limit of %s is refused by its name", (value) => {
    const options = { clock: systemClock, random: () => 0, logger: silentLogger };
    expect(
      () => new TcpTransport({ ...options, listen: "[::1]:1", limits: { maxClients: value } }),
    ).toThrow(`limits.maxClients is an integer of at least 1, not ${value}`);
  });
});

test("close leaves no timer and no connection, also in the middle of a handshake", async () => {
  const clock = new ManualClock();
  const dialled = new Events<Stranger>();
  const address = await impostor((stranger) => dialled.add(stranger));
  const node = await TestNode.start("n1", { clock });
  node.join({ id: "n9", address });
  const acceptor = await dialled.until();
  await acceptor.frames.until();
  const dialler = Stranger.dial(node);
  dialler.say(HELLO);
  await dialler.frames.until();
  const first = node.transport.close();
  expect(node.transport.close()).toBe(first);
  await first;
  await Promise.all([acceptor.closed, dialler.closed]);
  expect(clock.timers).toBe(0);
});
