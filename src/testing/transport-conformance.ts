/**
 * What every `Transport` and `ClientLink` must do, as a list of named checks for any test runner.
 *
 * ```ts
 * for (const { name, run } of transportConformance(harness)) test(name, run);
 * ```
 *
 * The contract allows a transport to lose messages, so a check that waits for one sends it again and again.
 */

import assert from "node:assert/strict";
import type { Entry } from "../core/types.ts";
import { isRaftError, type RaftErrorCode } from "../errors.ts";
import type { Clock, Timer } from "../node/clock.ts";
import type {
  ClientLink,
  Connection,
  ConnectionHandler,
  PeerIdentity,
  PeerMessage,
  PeerRefusal,
  Transport,
} from "../transport/transport.ts";

/** One empty network; each check gets its own. */
export interface TransportHarness {
  /** The clock that the transports use; it has to go on by itself. */
  readonly clock: Clock;
  /**
   * A transport for `nodeId`, not started. At `address` where that is given, a former one's; else at a free one.
   * Where there are certificates, members are called n1, n2 and n3.
   */
  transport(nodeId: string, address?: string): Transport;
  /** Where a started transport listens. */
  addressOf(transport: Transport): string;
  clientLink(): ClientLink;
}

export interface TransportCheck {
  readonly name: string;
  run(): Promise<void>;
}

/** The checks; `open` makes a harness for each. They close all that they have opened. */
export function transportConformance(open: () => TransportHarness): readonly TransportCheck[] {
  return CHECKS.map(([name, check]) => ({
    name,
    async run(): Promise<void> {
      const world = new World(open());
      try {
        await check(world);
      } finally {
        await world.close();
      }
    },
  }));
}

const PATIENCE_MS = 10_000;
const RESEND_MS = 5;

type Check = (world: World) => Promise<void>;

const CHECKS: readonly (readonly [string, Check])[] = [
  ["every kind of message arrives as it was sent", everyKindArrives],
  ["what has arrived shares no memory with what was sent", nothingIsShared],
  ["a message is delivered to the member it names and to nobody else", onlyToTheNamed],
  ["a large append arrives whole", largeAppend],
  ["an answer reaches a member that the own membership lacks", answersStrangers],
  ["a message to nobody, before the start or after the close, is lost in silence", lostInSilence],
  ["nothing is delivered once close has been called", nothingAfterClose],
  ["close is idempotent, and its address is free for a successor, who is heard", successor],
  ["an address is not given twice", addressInUse],
  ["a peer that the accepting side refuses is not heard, and learns why", refusedByAcceptor],
  ["a peer that the sending side refuses is not spoken to, and learns why", refusedBySender],
  ["a member of another cluster is refused", otherCluster],
  ["a member that left the membership on both sides is not heard any more", leftMember],
  ["frames between client and member arrive whole and in order", clientFrames],
  ["each side of a client connection hears of its end exactly once", clientCloses],
  ["a member that closes ends the connections of its clients", memberCloses],
  ["an exception in a frame handler closes that connection and no other", handlerThrows],
  ["a client that nobody serves does not stay", unservedClient],
  ["connecting to where nobody listens is refused", nobodyListens],
  ["connecting can be given up", givenUp],
];

/** A member under test. */
class Node {
  readonly id: string;
  readonly storeId: string;
  readonly transport: Transport;
  readonly received: PeerMessage[] = [];
  readonly refusals: { readonly peer: string; readonly refusal: PeerRefusal }[] = [];
  readonly clients: Client[] = [];
  servesClients = true;
  admit: (peer: PeerIdentity) => PeerRefusal | undefined = () => undefined;
  onFrame: (connection: Connection, frame: Uint8Array) => void = (connection, frame) =>
    connection.send(frame);

  constructor(id: string, storeId: string, transport: Transport) {
    this.id = id;
    this.storeId = storeId;
    this.transport = transport;
  }

  start(clusterId: string, changed: () => void): Promise<void> {
    return this.transport.start(
      { clusterId, nodeId: this.id, storeId: this.storeId },
      {
        onMessage: (message) => {
          this.received.push(message);
          changed();
        },
        admitPeer: (peer) => Promise.resolve(this.admit(peer)),
        onRefused: (peer, refusal) => {
          this.refusals.push({ peer, refusal });
          changed();
        },
        onClient: (connection) => {
          if (!this.servesClients) return undefined;
          const client = new Client(changed, (frame) => this.onFrame(connection, frame));
          client.connection = connection;
          this.clients.push(client);
          return client;
        },
      },
    );
  }
}

/** One side of a client connection. */
class Client implements ConnectionHandler {
  readonly frames: Buffer[] = [];
  readonly ends: (Error | undefined)[] = [];
  connection: Connection | undefined;
  readonly #changed: () => void;
  readonly #react: (frame: Uint8Array) => void;

  constructor(changed: () => void, react: (frame: Uint8Array) => void = () => undefined) {
    this.#changed = changed;
    this.#react = react;
  }

  onFrame(frame: Uint8Array): void {
    this.frames.push(Buffer.from(frame));
    this.#changed();
    this.#react(frame);
  }

  onClose(error: Error | undefined): void {
    this.ends.push(error);
    this.#changed();
  }
}

/** All that one check has opened, and how it waits. */
class World {
  readonly harness: TransportHarness;
  readonly #transports: Transport[] = [];
  readonly #links: ClientLink[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(harness: TransportHarness) {
    this.harness = harness;
  }

  readonly changed = (): void => {
    for (const look of this.#waiting) look();
  };

  node(id: string, options: { address?: string; storeId?: string } = {}): Node {
    const transport = this.harness.transport(id, options.address);
    this.#transports.push(transport);
    return new Node(id, options.storeId ?? `store of ${id}`, transport);
  }

  start(node: Node, clusterId = "cluster"): Promise<void> {
    return node.start(clusterId, this.changed);
  }

  /** Started members that know each other. */
  async nodes(...ids: readonly string[]): Promise<readonly Node[]> {
    const nodes = ids.map((id) => this.node(id));
    for (const node of nodes) await this.start(node);
    for (const node of nodes) this.join(node, ...nodes);
    return nodes;
  }

  async pair(): Promise<readonly [Node, Node]> {
    const [one, other] = await this.nodes("n1", "n2");
    assert(one !== undefined && other !== undefined);
    return [one, other];
  }

  join(node: Node, ...members: readonly Node[]): void {
    node.transport.setMembers(
      members.map(({ id, transport }) => ({
        id,
        address: this.harness.addressOf(transport),
        storeId: undefined,
      })),
    );
  }

  link(): ClientLink {
    const link = this.harness.clientLink();
    this.#links.push(link);
    return link;
  }

  async client(node: Node): Promise<Client> {
    const client = new Client(this.changed);
    const address = this.harness.addressOf(node.transport);
    client.connection = await this.link().connect(address, client, new AbortController().signal);
    return client;
  }

  /** Resolves when `holds` does; does `again` until then, from time to time. */
  until(what: string, holds: () => boolean, again: () => void = () => undefined): Promise<void> {
    const { clock } = this.harness;
    return new Promise((resolve, reject) => {
      const deadline = clock.now() + PATIENCE_MS;
      let timer: Timer | undefined;
      const settle = (then: () => void): void => {
        this.#waiting.delete(look);
        timer?.cancel();
        then();
      };
      const look = (): void => {
        if (holds()) settle(resolve);
      };
      const repeat = (): void => {
        if (clock.now() > deadline) {
          settle(() => reject(new assert.AssertionError({ message: `${what}: in vain` })));
          return;
        }
        again();
        timer = clock.setTimer(RESEND_MS, repeat);
      };
      this.#waiting.add(look);
      repeat();
      look();
    });
  }

  /** Sends until it has arrived; the message as it did. */
  async deliver(from: Node, to: Node, message: PeerMessage): Promise<PeerMessage> {
    const before = to.received.length;
    const found = (): PeerMessage | undefined =>
      to.received.slice(before).find((received) => received.type === message.type);
    await this.until(
      `${message.type} from ${from.id} to ${to.id}`,
      () => found() !== undefined,
      () => from.transport.send(message),
    );
    const received = found();
    assert(received !== undefined);
    return received;
  }

  async close(): Promise<void> {
    for (const link of this.#links) await link.close();
    for (const transport of this.#transports) await transport.close();
  }
}

function heartbeat(from: string, to: string, round = 1): PeerMessage {
  return { type: "Heartbeat", from, to, term: 1, leaderCommit: 0, round };
}

function command(index: number, payload: Buffer): Entry {
  return { kind: "command", index, term: 2, time: 10 + index, payload, encoded: undefined };
}

function everyKind(from: string, to: string): readonly PeerMessage[] {
  const base = { from, to, term: 3 };
  const configuration = {
    voters: [{ id: "n1", address: "localhost:1", storeId: "s" }],
    votersOutgoing: [],
    learners: [{ id: "n2", address: "[::1]:2", storeId: undefined }],
  };
  const snapshot = {
    id: "snapshot",
    lastIncluded: { term: 2, index: 9 },
    time: 12,
    configuration: { index: 4, configuration },
  };
  const entries: Entry[] = [
    command(5, Buffer.from("a")),
    { kind: "blank", index: 6, term: 3, time: 20, encoded: undefined },
    { kind: "configuration", index: 7, term: 3, time: 20, configuration, encoded: undefined },
  ];
  return [
    { type: "PreVote", ...base, lastLog: { term: 2, index: 4 } },
    { type: "PreVoteResponse", ...base, voteGranted: true },
    { type: "RequestVote", ...base, lastLog: { term: 0, index: 0 }, leadershipTransfer: true },
    { type: "RequestVoteResponse", ...base, voteGranted: false },
    { type: "AppendEntries", ...base, prevLog: { term: 2, index: 4 }, leaderCommit: 4, entries },
    { type: "AppendEntriesResponse", ...base, success: true, matchIndex: 7 },
    { type: "Heartbeat", ...base, leaderCommit: 4, round: 2 ** 40 },
    { type: "HeartbeatResponse", ...base, round: Number.MAX_SAFE_INTEGER },
    { type: "InstallSnapshot", ...base, snapshot },
    { type: "InstallSnapshotResponse", ...base, matchIndex: 9 },
    { type: "TimeoutNow", ...base },
    { type: "SnapshotChunk", ...base, snapshot, chunk: 1, done: true, data: Buffer.from("data") },
    { type: "SnapshotChunkResponse", ...base, snapshotId: "snapshot", next: 2 },
  ];
}

/** Without the caches of the entry codec, and with one class of bytes. */
function plain(message: PeerMessage): unknown {
  return JSON.parse(
    JSON.stringify(message, (key, value: unknown) => (key === "encoded" ? undefined : value)),
  );
}

async function everyKindArrives(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  for (const message of everyKind("n1", "n2")) {
    assert.deepEqual(plain(await world.deliver(n1, n2, message)), plain(message));
  }
  for (const message of everyKind("n2", "n1")) {
    assert.deepEqual(plain(await world.deliver(n2, n1, message)), plain(message));
  }
}

async function nothingIsShared(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  const payload = Buffer.from("before");
  const entry = command(1, payload);
  const message: PeerMessage = {
    type: "AppendEntries",
    from: "n1",
    to: "n2",
    term: 2,
    prevLog: { term: 0, index: 0 },
    leaderCommit: 0,
    entries: [entry],
  };
  const received = await world.deliver(n1, n2, message);
  payload.fill("x");
  entry.encoded?.fill(0);
  assert(received.type === "AppendEntries");
  const [copy] = received.entries;
  assert(copy?.kind === "command");
  assert.equal(Buffer.from(copy.payload).toString(), "before");
}

async function onlyToTheNamed(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await world.deliver(n1, n3, heartbeat("n1", "n3"));
  await world.deliver(n2, n1, heartbeat("n2", "n1"));
  for (const node of [n1, n2, n3]) {
    assert(node.received.every(({ to, from }) => to === node.id && from !== node.id));
  }
}

async function largeAppend(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  const entries = Array.from({ length: 4000 }, (_, at) => command(at + 1, Buffer.alloc(40, at)));
  const message: PeerMessage = {
    type: "AppendEntries",
    from: "n1",
    to: "n2",
    term: 2,
    prevLog: { term: 0, index: 0 },
    leaderCommit: 0,
    entries,
  };
  assert.deepEqual(plain(await world.deliver(n1, n2, message)), plain(message));
}

async function answersStrangers(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  await world.start(n1);
  await world.start(n2);
  world.join(n1, n1, n2);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await world.deliver(n2, n1, heartbeat("n2", "n1"));
}

async function lostInSilence(world: World): Promise<void> {
  const late = world.node("n3");
  late.transport.send(heartbeat("n3", "n1"));
  const [n1, n2] = await world.pair();
  n1.transport.send(heartbeat("n1", "nobody"));
  n1.transport.send(heartbeat("n1", "n1"));
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await n1.transport.close();
  n1.transport.send(heartbeat("n1", "n2", 99));
  assert.deepEqual(n1.received, []);
  assert(n2.received.every((message) => message.type === "Heartbeat" && message.round === 1));
}

async function nothingAfterClose(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  const before = n2.received.length;
  n1.transport.send(heartbeat("n1", "n2"));
  const closed = n2.transport.close();
  n1.transport.send(heartbeat("n1", "n2"));
  await closed;
  await world.deliver(n1, n3, heartbeat("n1", "n3"));
  assert.equal(n2.received.length, before);
}

async function successor(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  const address = world.harness.addressOf(n2.transport);
  await Promise.all([n2.transport.close(), n2.transport.close()]);
  await n2.transport.close();

  const heir = world.node("n2", { address });
  await world.start(heir);
  world.join(heir, n1, heir);
  await world.deliver(n1, heir, heartbeat("n1", "n2"));
  await world.deliver(heir, n1, heartbeat("n2", "n1"));
}

async function addressInUse(world: World): Promise<void> {
  const [n1] = await world.pair();
  const rival = world.node("n3", { address: world.harness.addressOf(n1.transport) });
  await rejects(world.start(rival), "RAFT_ADDRESS_IN_USE");
}

const WIPED: PeerRefusal = { code: "RAFT_WIPED_MEMBER", reason: "its disk is not the one we know" };

async function refusedByAcceptor(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  const seen: PeerIdentity[] = [];
  n2.admit = (peer) => {
    seen.push(peer);
    return WIPED;
  };
  await world.start(n1);
  await world.start(n2);
  world.join(n1, n1, n2);
  await untilRefused(world, n1, n2, WIPED.code);
  assert.deepEqual(seen[0], { nodeId: "n1", storeId: "store of n1" });
  assert.equal(n1.refusals[0]?.refusal.reason, WIPED.reason);
}

async function refusedBySender(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  n1.admit = () => WIPED;
  await world.start(n1);
  await world.start(n2);
  world.join(n1, n1, n2);
  await world.until(
    "the refusal",
    () => n2.refusals.length > 0,
    () => n1.transport.send(heartbeat("n1", "n2")),
  );
  assert.deepEqual(n2.refusals, [{ peer: "n1", refusal: WIPED }]);
  assert.deepEqual(n2.received, []);
}

async function otherCluster(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  await world.start(n1, "mine");
  await world.start(n2, "yours");
  world.join(n1, n1, n2);
  await untilRefused(world, n1, n2, "RAFT_WRONG_CLUSTER");
}

async function untilRefused(
  world: World,
  from: Node,
  to: Node,
  code: RaftErrorCode,
): Promise<void> {
  await world.until(
    "the refusal",
    () => from.refusals.length > 0,
    () => from.transport.send(heartbeat(from.id, to.id)),
  );
  assert.deepEqual(
    from.refusals.map(({ peer, refusal }) => [peer, refusal.code]),
    [[to.id, code]],
  );
  assert.deepEqual(to.received, []);
}

async function leftMember(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await world.deliver(n2, n1, heartbeat("n2", "n1"));
  world.join(n1, n1, n3);
  world.join(n2, n2, n3);
  // Once n1 has spoken to n3 over and over, what it had said to n2 would have arrived.
  for (let round = 2; round < 5; round += 1) {
    n1.transport.send(heartbeat("n1", "n2", 99));
    await world.deliver(n1, n3, heartbeat("n1", "n3", round));
    await world.deliver(n2, n3, heartbeat("n2", "n3", round));
  }
  const before = n2.received.length;
  n1.transport.send(heartbeat("n1", "n2", 99));
  await world.deliver(n1, n3, heartbeat("n1", "n3", 5));
  assert.equal(n2.received.length, before);
}

async function clientFrames(world: World): Promise<void> {
  const [n1] = await world.pair();
  const client = await world.client(n1);
  const frames = Array.from({ length: 300 }, (_, at) =>
    Buffer.alloc(1 + (at % 7) * 1000 + (at === 150 ? 300_000 : 0), at),
  );
  for (const frame of frames) client.connection?.send(frame);
  await world.until("the echoes", () => client.frames.length === frames.length);
  assert.deepEqual(client.frames, frames);
  assert.deepEqual(n1.received, []);
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
  await rejects(connecting, "RAFT_CONNECTION_LOST");
  assert.deepEqual(client.ends, []);
}

async function givenUp(world: World): Promise<void> {
  const [n1] = await world.pair();
  const address = world.harness.addressOf(n1.transport);
  const controller = new AbortController();
  const client = new Client(world.changed);
  const connecting = world.link().connect(address, client, controller.signal);
  controller.abort();
  await rejects(connecting, "RAFT_ABORTED");
  await rejects(world.link().connect(address, client, controller.signal), "RAFT_ABORTED");
  assert.deepEqual(n1.clients, []);
  assert.deepEqual(client.ends, []);
}

async function rejects(promise: Promise<unknown>, code: RaftErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert(isRaftError(error, code), `${String(error)} instead of ${code}`);
    return true;
  });
}
