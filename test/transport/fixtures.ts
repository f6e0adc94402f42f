/** Certificates, members and a log for the tests of the TCP transport. */

import { readFileSync } from "node:fs";
import { isRaftError, type RaftErrorCode } from "../../src/errors.ts";
import { systemClock } from "../../src/node/clock.ts";
import type { Clock } from "../../src/node/clock.ts";
import type { Logger } from "../../src/node/logger.ts";
import {
  type TcpLimits,
  TcpTransport,
  type TcpTransportOptions,
  type TlsOptions,
} from "../../src/transport/tcp.ts";
import type {
  Connection,
  ConnectionHandler,
  PeerIdentity,
  PeerMessage,
  PeerRefusal,
} from "../../src/transport/transport.ts";

const folder = new URL("certificates/", import.meta.url);

function read(file: string): Buffer {
  return readFileSync(new URL(file, folder));
}

/** The certificate of that file name, and whom it trusts. */
export function certificate(name: string, authority = "ca"): TlsOptions {
  return { cert: read(`${name}.crt`), key: read(`${name}.key`), ca: read(`${authority}.crt`) };
}

/** A list that can be waited for. */
export class Events<Item> {
  readonly items: Item[] = [];
  #waiting: { readonly test: (item: Item) => boolean; readonly resolve: (item: Item) => void }[] =
    [];

  add(item: Item): void {
    this.items.push(item);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const waiter of waiting) {
      if (waiter.test(item)) waiter.resolve(item);
      else this.#waiting.push(waiter);
    }
  }

  /** The first item, past or future, that passes `test`. */
  until(test: (item: Item) => boolean = () => true): Promise<Item> {
    const past = this.items.find(test);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve) => this.#waiting.push({ test, resolve }));
  }
}

class TestLogger implements Logger {
  readonly warnings = new Events<string>();
  info(): void {}
  warn(message: string): void {
    this.warnings.add(message);
  }
  error(message: string): void {
    this.warnings.add(message);
  }
}

export interface NodeOptions {
  readonly clock?: Clock;
  readonly clusterId?: string;
  readonly storeId?: string;
  readonly limits?: Partial<TcpLimits>;
  readonly tls?: TlsOptions;
  readonly listen?: string;
  readonly random?: TcpTransportOptions["random"];
}

/** A started transport whose events can be waited for. */
export class TestNode {
  readonly id: string;
  readonly transport: TcpTransport;
  readonly logger = new TestLogger();
  readonly received = new Events<PeerMessage>();
  readonly refusals = new Events<{ readonly peer: string; readonly refusal: PeerRefusal }>();
  readonly admissions = new Events<PeerIdentity>();
  readonly clients = new Events<Connection>();
  readonly clientEnds = new Events<Error | undefined>();
  admit: (peer: PeerIdentity) => PeerRefusal | undefined = () => undefined;
  serve: (connection: Connection) => ConnectionHandler = (connection) => ({
    onFrame: (frame) => connection.send(frame),
    onClose: (error) => this.clientEnds.add(error),
  });

  private constructor(id: string, options: NodeOptions) {
    this.id = id;
    this.transport = new TcpTransport({
      listen: options.listen ?? "127.0.0.1:0",
      tls: options.tls,
      limits: options.limits,
      clock: options.clock ?? systemClock,
      random: options.random ?? (() => 0.5),
      logger: this.logger,
    });
    nodes.add(this);
  }

  static async start(id: string, options: NodeOptions = {}): Promise<TestNode> {
    const node = new TestNode(id, options);
    await node.transport.start(
      {
        clusterId: options.clusterId ?? "cluster",
        nodeId: id,
        storeId: options.storeId ?? `store of ${id}`,
      },
      {
        onMessage: (message) => node.received.add(message),
        admitPeer: (peer) => {
          node.admissions.add(peer);
          return Promise.resolve(node.admit(peer));
        },
        onRefused: (peer, refusal) => node.refusals.add({ peer, refusal }),
        onClient: (connection) => {
          node.clients.add(connection);
          return node.serve(connection);
        },
      },
    );
    return node;
  }

  get address(): string {
    return this.transport.address ?? "not started";
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  /** Makes `others` its membership, under their addresses or under one that is given. */
  join(...others: readonly (TestNode | { readonly id: string; readonly address: string })[]): void {
    this.transport.setMembers(
      others.map(({ id, address }) => ({ id, address, storeId: undefined })),
    );
  }
}

const nodes = new Set<TestNode>();

/** Closes whatever tests have started. */
export async function closeAll(): Promise<void> {
  for (const node of nodes) await node.transport.close();
  nodes.clear();
}

/** The code of the error that `run` throws, or what it returns. */
export function codeOf<Value>(run: () => Value): RaftErrorCode | Value {
  try {
    return run();
  } catch (error) {
    if (isRaftError(error)) return error.code;
    throw error;
  }
}

/** Sends again and again until `arrival`: what is sent before a connection stands is lost. */
export async function sendUntil<Item>(arrival: Promise<Item>, send: () => void): Promise<Item> {
  const arrived = arrival.then(() => true);
  while (!(await Promise.race([arrived, nextTick()]))) send();
  return arrival;
}

/** Resolves to false once the I/O that is due has been done. */
export function nextTick(): Promise<boolean> {
  return new Promise((resolve) => setImmediate(() => resolve(false)));
}

/** Delivers a heartbeat of this round over a connection that may not stand yet. */
export function deliver(from: TestNode, to: TestNode, round = 1): Promise<PeerMessage> {
  return sendUntil(
    to.received.until((message) => message.type === "Heartbeat" && message.round === round),
    () => from.transport.send(heartbeat(from.id, to.id, round)),
  );
}

export function heartbeat(from: string, to: string, round = 1): PeerMessage {
  return { type: "Heartbeat", from, to, term: 1, leaderCommit: 0, round };
}
