/** The network that a check of the transport conformance suite plays on: members, clients, and waiting for them. */

import assert from "node:assert/strict";
import type { Entry } from "../core/types.ts";
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

const PATIENCE_MS = 10_000;
const RESEND_MS = 5;
const LARGE_RESEND_MS = 2000;

/** A member under test. */
export class Node {
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
export class Client implements ConnectionHandler {
  /** As they came: they are the handler's to keep. */
  readonly frames: Uint8Array[] = [];
  readonly ends: (Error | undefined)[] = [];
  /** How many bytes were waiting to leave whenever it was told that none are. */
  readonly drained: number[] = [];
  /** Whether it was ever told of that while it was sending. */
  isToldWithin = false;
  connection: Connection | undefined;
  readonly #changed: () => void;
  readonly #react: (frame: Uint8Array) => void;
  #isSending = false;

  constructor(changed: () => void, react: (frame: Uint8Array) => void = () => undefined) {
    this.#changed = changed;
    this.#react = react;
  }

  send(frame: Uint8Array): void {
    this.#sending(() => this.connection?.send(frame));
  }

  onFrame(frame: Uint8Array): void {
    this.frames.push(frame);
    this.#changed();
    this.#sending(() => this.#react(frame));
  }

  onDrained(): void {
    this.isToldWithin ||= this.#isSending;
    this.drained.push(this.connection?.bufferedBytes ?? 0);
    this.#changed();
  }

  onClose(error: Error | undefined): void {
    this.ends.push(error);
    this.#changed();
  }

  #sending(send: () => void): void {
    this.#isSending = true;
    try {
      send();
    } finally {
      this.#isSending = false;
    }
  }
}

/** A promise of the contract, and what sees whether it is kept. */
export type NamedCheck = readonly [name: string, check: (world: World) => Promise<void>];

/** All that one check has opened, and how it waits. */
export class World {
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
  until(
    what: string,
    holds: () => boolean,
    again: () => void = () => undefined,
    everyMs: number = RESEND_MS,
  ): Promise<void> {
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
        timer = clock.setTimer(everyMs, repeat);
      };
      this.#waiting.add(look);
      repeat();
      look();
    });
  }

  /** Sends until one of its type and term has arrived; the message as it did. */
  async deliver(
    from: Node,
    to: Node,
    message: PeerMessage,
    everyMs: number = RESEND_MS,
  ): Promise<PeerMessage> {
    let next = to.received.length;
    let received: PeerMessage | undefined;
    const look = (): boolean => {
      for (; received === undefined && next < to.received.length; next += 1) {
        const one = to.received[next];
        if (one?.type === message.type && one.term === message.term) received = one;
      }
      return received !== undefined;
    };
    await this.until(
      `${message.type} from ${from.id} to ${to.id}`,
      look,
      () => from.transport.send(message),
      everyMs,
    );
    assert(received !== undefined);
    return received;
  }

  /** The same of a message that takes its time: over a connection that stands, and seldom again. */
  async deliverLarge(from: Node, to: Node, message: PeerMessage): Promise<PeerMessage> {
    await this.deliver(from, to, heartbeat(from.id, to.id));
    return this.deliver(from, to, message, LARGE_RESEND_MS);
  }

  async close(): Promise<void> {
    for (const link of this.#links) await link.close();
    for (const transport of this.#transports) await transport.close();
  }
}

export function heartbeat(from: string, to: string, round = 1): PeerMessage {
  return { type: "Heartbeat", from, to, term: 1, leaderCommit: 0, round };
}

export function command(index: number, payload: Buffer): Entry {
  return { kind: "command", index, term: 2, time: 10 + index, payload, encoded: undefined };
}

/** Every message that there is, with every value of its flags and with numbers that need all their bits. */
export function everyKind(from: string, to: string): readonly PeerMessage[] {
  const large = 2 ** 40;
  const base = { from, to, term: 0 };
  const configuration = {
    voters: [{ id: "n1", address: "localhost:1", storeId: "s" }],
    votersOutgoing: [],
    learners: [{ id: "n2", address: "[::1]:2", storeId: undefined }],
  };
  const lastLog = { term: 2, index: large + 2 };
  const prevLog = { term: 2, index: large };
  const snapshot = {
    id: "snapshot",
    lastIncluded: lastLog,
    time: large + 3,
    configuration: { index: 4, configuration },
  };
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const entries: Entry[] = [
    command(large + 1, everyByte),
    { kind: "blank", index: large + 2, term: 3, time: 2 * large, encoded: undefined },
    {
      kind: "configuration",
      index: large + 3,
      term: 3,
      time: 2 * large,
      configuration,
      encoded: undefined,
    },
  ];
  const bytes = { snapshot, chunk: 1, data: everyByte };
  const kinds: readonly PeerMessage[] = [
    { type: "PreVote", ...base, lastLog },
    { type: "PreVoteResponse", ...base, voteGranted: true },
    { type: "PreVoteResponse", ...base, voteGranted: false },
    { type: "RequestVote", ...base, lastLog: { term: 0, index: 0 }, leadershipTransfer: true },
    { type: "RequestVote", ...base, lastLog, leadershipTransfer: false },
    { type: "RequestVoteResponse", ...base, voteGranted: true },
    { type: "RequestVoteResponse", ...base, voteGranted: false },
    { type: "AppendEntries", ...base, prevLog, leaderCommit: large, entries },
    {
      type: "AppendEntries",
      ...base,
      prevLog: { term: 0, index: 0 },
      leaderCommit: 0,
      entries: [],
    },
    { type: "AppendEntriesResponse", ...base, success: true, matchIndex: large },
    { type: "AppendEntriesResponse", ...base, success: false, prevLogIndex: large, hint: prevLog },
    { type: "Heartbeat", ...base, leaderCommit: 4, round: large },
    { type: "HeartbeatResponse", ...base, round: Number.MAX_SAFE_INTEGER },
    { type: "InstallSnapshot", ...base, snapshot },
    { type: "InstallSnapshotResponse", ...base, matchIndex: large },
    { type: "TimeoutNow", ...base },
    { type: "SnapshotChunk", ...base, ...bytes, done: false },
    { type: "SnapshotChunk", ...base, ...bytes, done: true },
    { type: "SnapshotChunkResponse", ...base, snapshotId: "snapshot", next: 2 },
  ];
  return kinds.map((message, at) => ({ ...message, term: large + at }));
}

/** Without the caches of the entry codec, and with one class of bytes. */
export function plain(message: PeerMessage): unknown {
  return JSON.parse(
    JSON.stringify(message, (key, value: unknown) => (key === "encoded" ? undefined : value)),
  );
}
