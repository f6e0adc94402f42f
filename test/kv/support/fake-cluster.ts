/**
 * Nodes without Raft, at `<name>:1`: one log and one state machine that all of them share, a leader that the test appoints, and a
 * script that decides what becomes of each command. What a client can meet, in the order in which the test wants it.
 */

import { RaftError } from "../../../src/errors.ts";
import { kvStore } from "../../../src/kv/index.ts";
import type {
  HostStatus,
  KvHost,
  KvQuery,
  KvStore,
  KvStoreOptions,
} from "../../../src/kv/index.ts";
import type { Sink } from "../../../src/node/sink.ts";
import type {
  ClientLink,
  Connection,
  ConnectionHandler,
} from "../../../src/transport/transport.ts";
import type { ManualClock } from "./manual-clock.ts";

/** What becomes of one command or read at the leader. */
export type Fate =
  | "apply"
  /** Applied, but the connection breaks before the answer leaves. */
  | "apply and disconnect"
  /** Kept in the node's hands; `release` applies it later. */
  | "hold"
  /** Never in any log, and the client learns nothing. */
  | "swallow"
  | "overloaded"
  | "leadership lost"
  | "too large";

interface Held {
  readonly command: Uint8Array;
  readonly sink: Sink<unknown>;
  readonly token: number;
}

export class FakeCluster implements ClientLink {
  readonly clock: ManualClock;
  readonly store: KvStore;
  leader: string | undefined;
  /** Whether a node that does not lead says who does. */
  hints = true;
  /** Nodes that nobody can connect to. */
  readonly down = new Set<string>();
  /** Nodes that take a connection attempt and never answer it. */
  readonly deaf = new Set<string>();
  /** Fates of the coming commands, then of all others: `apply`. Opening a session is a command too. */
  readonly script: Fate[] = [];
  readonly readScript: Fate[] = [];
  readonly held: Held[] = [];
  /** The frames that arrived at nodes. */
  readonly frames: { readonly node: string; readonly frame: Uint8Array }[] = [];
  readonly dialled: string[] = [];
  /** Cluster time of the entries. */
  time = 0;
  index = 0;
  closed = false;
  readonly #open = new Map<FakeConnection, string>();

  constructor(clock: ManualClock, options: KvStoreOptions = {}) {
    this.clock = clock;
    this.store = kvStore({ clock, ...options });
    this.leader = "n1";
  }

  /** How many connections are open, counting both ends as one. */
  get connections(): number {
    return this.#open.size;
  }

  async connect(
    address: string,
    handler: ConnectionHandler,
    signal: AbortSignal,
  ): Promise<Connection> {
    const node = address.replace(/:1$/, "");
    this.dialled.push(node);
    if (this.deaf.has(node)) await aborted(signal);
    if (this.down.has(node) || signal.aborted) {
      throw new RaftError("RAFT_CONNECTION_LOST", `${address} is not there`);
    }
    const near = new FakeConnection(this.clock, address);
    const far = new FakeConnection(this.clock, "client");
    const server = this.store.clients(
      this.#host(node, () => far.close()),
      far,
    );
    near.join(far, handler);
    far.join(near, {
      onFrame: (frame) => {
        this.frames.push({ node, frame });
        server.onFrame(frame);
      },
      onClose: (error) => {
        this.#open.delete(near);
        server.onClose(error);
      },
    });
    this.#open.set(near, node);
    return near;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Breaks every connection to a node. */
  cut(node: string): void {
    for (const [connection, to] of this.#open) if (to === node) connection.break();
  }

  /** Puts what was held, or as many of it, into the log now, whoever leads. */
  release(count: number = this.held.length): void {
    for (const { command, sink, token } of this.held.splice(0, count))
      this.#apply(command, sink, token);
  }

  /** Bypasses the clients. */
  apply(command: Uint8Array): unknown {
    this.index += 1;
    const entry = { index: this.index, term: 1, time: this.time, payload: command };
    const results = this.store.machine.apply([entry]);
    if (results instanceof Promise) throw new TypeError("the store is synchronous");
    return results[0];
  }

  #host(node: string, disconnect: () => void): KvHost<KvQuery> {
    return {
      submit: (command, sink, token) => {
        if (this.leader !== node) return sink.failed(token, this.#notLeader(node));
        const fate = this.script.shift() ?? "apply";
        if (fate === "hold") this.held.push({ command, sink, token });
        else if (fate === "apply") this.clock.defer(() => this.#apply(command, sink, token));
        else if (fate === "apply and disconnect") {
          this.apply(command);
          disconnect();
        } else this.#refuse(fate, sink, token);
      },
      submitRead: (query, sink, token, consistency) => {
        if (this.leader !== node && consistency === "linearizable")
          return sink.failed(token, this.#notLeader(node));
        const fate = this.readScript.shift() ?? "apply";
        if (fate !== "apply") return this.#refuse(fate, sink, token);
        sink.done(token, this.index, this.store.machine.query(query));
      },
      status: () => this.#status(node),
    };
  }

  #apply(command: Uint8Array, sink: Sink<unknown>, token: number): void {
    const result = this.apply(command);
    sink.done(token, this.index, result);
  }

  #refuse(fate: Fate, sink: Sink<unknown>, token: number): void {
    if (fate === "overloaded") sink.failed(token, new RaftError("RAFT_OVERLOADED", "busy"));
    if (fate === "too large") sink.failed(token, new RaftError("RAFT_TOO_LARGE", "too large"));
    if (fate === "leadership lost") {
      const error = new RaftError("RAFT_LEADERSHIP_LOST", "stepped down", { outcome: "unknown" });
      sink.failed(token, error);
    }
  }

  #notLeader(node: string): RaftError {
    return new RaftError("RAFT_NOT_LEADER", `${node} does not lead`, { leader: this.#hint() });
  }

  #hint(): { id: string; address: string } | undefined {
    return this.leader === undefined || !this.hints
      ? undefined
      : { id: this.leader, address: `${this.leader}:1` };
  }

  #status(node: string): HostStatus {
    const members = ["n1", "n2", "n3"].map((id) => {
      return { id, address: `${id}:1`, storeId: undefined };
    });
    return {
      id: node,
      address: `${node}:1`,
      role: this.leader === node ? "leader" : "follower",
      currentTerm: 1,
      votedFor: undefined,
      leader: this.leader,
      leaderHint: this.#hint(),
      commitIndex: this.index,
      lastApplied: this.index,
      lastIndex: this.index,
      durableIndex: this.index,
      firstIndex: 1,
      snapshotIndex: 0,
      configuration: { voters: members, votersOutgoing: [], learners: [] },
      peers: [],
    };
  }
}

/** One end of a connection in memory: frames arrive in order, a turn later. */
export class FakeConnection implements Connection {
  readonly remote: string;
  bufferedBytes = 0;
  /** Whether what is sent stays in the buffer until it is drained. */
  isSlow = false;
  readonly sent: Uint8Array[] = [];
  readonly #clock: ManualClock;
  #peer: FakeConnection | undefined;
  #handler: ConnectionHandler | undefined;
  #closed = false;

  constructor(clock: ManualClock, remote: string) {
    this.#clock = clock;
    this.remote = remote;
  }

  get closed(): boolean {
    return this.#closed;
  }

  join(peer: FakeConnection | undefined, handler: ConnectionHandler): void {
    this.#peer = peer;
    this.#handler = handler;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    this.sent.push(frame);
    if (this.isSlow) this.bufferedBytes += frame.length;
    this.#clock.defer(() => this.#peer?.receive(Uint8Array.from(frame)));
  }

  receive(frame: Uint8Array): void {
    if (this.#closed) return;
    try {
      this.#handler?.onFrame(frame);
    } catch {
      this.close();
    }
  }

  /** All that was sent has left. */
  drain(): void {
    this.bufferedBytes = 0;
    this.#handler?.onDrained?.();
  }

  close(): void {
    this.end(undefined);
    this.#clock.defer(() => this.#peer?.end(undefined));
  }

  /** Both ends at once, and what is on its way is lost. */
  break(): void {
    const error = new RaftError("RAFT_CONNECTION_LOST", "the cable was cut");
    this.end(error);
    this.#peer?.end(error);
  }

  /** This end only. */
  end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler?.onClose(error);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
