/** `RaftNode`: one member of a Raft group, to embed. It joins a core to a storage, a transport, a clock and a state machine. */

import { EventEmitter } from "node:events";
import { membersOf } from "../core/membership.ts";
import { configurationOf } from "../core/state.ts";
import type { RaftState } from "../core/state.ts";
import type { RaftStatus } from "../core/status.ts";
import type { LogIndex, NodeId, Role, Term } from "../core/types.ts";
import { isRaftError, messageOf, RaftError } from "../errors.ts";
import type { LeaderHint } from "../errors.ts";
import { problemsOfChoice, refuse, shown } from "../shapes.ts";
import type { OpenedStorage } from "../storage/storage.ts";
import type { PeerRefusal, Transport, TransportHandler } from "../transport/transport.ts";
import { Call, checkCallOptions, checkSink, orReject } from "./call.ts";
import { Driver } from "./driver.ts";
import { stoppedError } from "./failures.ts";
import { withAddresses } from "./members.ts";
import { settingsOf } from "./options.ts";
import type { NodeOptions, Settings } from "./options.ts";
import { Peers } from "./peers.ts";
import type { Sink } from "./sink.ts";
import { Waiters } from "./waiters.ts";

/** What a node emits. */
export interface RaftNodeEvents {
  /** This member's role or term has changed. */
  role: [change: { readonly role: Role; readonly term: Term }];
  /** Another leader is known than before, or none. */
  leader: [leader: LeaderHint | undefined];
  /** The node has stopped: with the failure that stopped it, or because it was told to. */
  stopped: [failure: RaftError | undefined];
}

/** What `status` tells: the state of the core, and where the leader is. */
export interface NodeStatus extends RaftStatus {
  readonly clusterId: string;
  /** This member's own, of the configuration; empty where it is not in it. */
  readonly address: string;
  /** The leader with its address, where known; itself, where it leads. */
  readonly leaderHint: LeaderHint | undefined;
}

/** A command that is committed, and applied here. */
export interface Applied<Result> {
  /** The log index at which the command was applied: unique and ascending, so a fencing token. */
  readonly index: LogIndex;
  readonly result: Result;
}

/** A query that was answered. */
export interface Answered<Answer> {
  /** The answer reflects every command up to here. */
  readonly index: LogIndex;
  readonly answer: Answer;
}

/** What may be said of one call. */
export interface CallOptions {
  /** Ends the wait. For a command that has reached the log the outcome is then unknown. */
  readonly signal?: AbortSignal | undefined;
}

/** What may be said of one read. */
export interface ReadOptions extends CallOptions {
  /**
   * `"linearizable"` (default): reflects every command that anybody saw applied before the read began; asks a majority.
   * `"local"`: what this member has applied, however old; asks nobody, and works without a leader.
   */
  readonly consistency?: "linearizable" | "local" | undefined;
}

/** What `read` takes: a state machine whose `query` takes nothing is asked without a query. */
export type ReadArguments<Query, Options = ReadOptions> = unknown extends Query
  ? [query?: Query, options?: Options]
  : [query: Query, options?: Options];

/** As much as events tell. */
interface Seen {
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
}

/**
 * One member. Its storage and transport are its own: it opens and closes them.
 *
 * ```ts
 * const node = await RaftNode.start({ id: "n1", members, machine, storage, transport });
 * await node.waitForLeader();
 * const { index, result } = await node.propose(command);
 * await node.stop();
 * ```
 */
export class RaftNode<Result = unknown, Query = unknown, Answer = unknown>
  extends EventEmitter<RaftNodeEvents>
  implements AsyncDisposable
{
  readonly #settings: Settings<Result, Query, Answer>;
  readonly #driver: Driver<Result, Query, Answer>;
  readonly #waiters = new Waiters();
  readonly #peers: Peers;
  #stopping: Promise<void> | undefined;
  #failure: RaftError | undefined;
  #seen: Seen = { role: "follower", term: 0, leader: undefined };

  /**
   * Opens the storage, listens, and takes part. Rejects with `RAFT_INVALID_OPTION`, or with what the storage or the
   * transport cannot do: see `Storage.open` and `Transport.start`. What was opened is closed again then.
   */
  static async start<Result, Query, Answer>(
    options: NodeOptions<Result, Query, Answer>,
  ): Promise<RaftNode<Result, Query, Answer>> {
    const settings = settingsOf(options);
    const { storage, transport, raft, clusterId, bootstrap, newStoreId } = settings;
    // Where it rejects nothing is open, and the storage may be somebody else's; so may a transport that does not start.
    const opened = await storage.open({ clusterId, nodeId: raft.id, bootstrap, newStoreId });
    let node: RaftNode<Result, Query, Answer> | undefined;
    try {
      node = new RaftNode(settings, opened);
      const identity = { clusterId, nodeId: raft.id, storeId: opened.storeId };
      await transport.start(identity, node.#transportHandler());
    } catch (error) {
      // A transport that fails to start may have heard from peers already.
      await (node === undefined ? storage.close() : node.#giveUp());
      throw error;
    }
    node.#driver.start();
    return node;
  }

  private constructor(settings: Settings<Result, Query, Answer>, opened: OpenedStorage) {
    super();
    this.#settings = settings;
    const { storage, raft } = settings;
    const onFailure = (error: RaftError): void => this.#fail(error);
    this.#peers = new Peers({ self: raft.id, storage, onFailure }, opened.peers);
    this.#driver = new Driver(settings, withAddresses(settings.bootstrap, opened.state), {
      onTurn: (state) => this.#onTurn(state),
      onFailure: (error) => this.#fail(error),
    });
  }

  get id(): NodeId {
    return this.#settings.raft.id;
  }

  /** What stopped the node; `undefined` while it runs, and where it was told to stop. */
  get failure(): RaftError | undefined {
    return this.#failure;
  }

  /**
   * Replicates a command and applies it on every member. Resolves when it is committed by a majority's disks and applied
   * here. Rejects with a `RaftError` whose `outcome` is `"rejected"` (certainly not in the log: `RAFT_NOT_LEADER`,
   * `RAFT_OVERLOADED`, `RAFT_TOO_LARGE`, `RAFT_REPLACED`, `RAFT_STOPPED`, `RAFT_ABORTED`) or `"unknown"` (it may yet be
   * applied: `RAFT_LEADERSHIP_LOST`, `RAFT_ABORTED`, `RAFT_STOPPED`). Where the node stops by itself, with the code of
   * its `failure`, and either outcome. The command is copied.
   */
  propose(command: Uint8Array, options: CallOptions = {}): Promise<Applied<Result>> {
    return orReject(() => {
      checkCallOptions(options);
      const call = new Call<Result>(options.signal, (sink) => this.#driver.withdraw(sink, 0));
      if (!call.settled) this.submit(isBytes(command) ? new Uint8Array(command) : command, call, 0);
      return call.promise.then(({ index, value }) => ({ index, result: value }));
    });
  }

  /**
   * `propose` without a promise: the outcome goes to `sink`. The command is handed over, not copied. Throws
   * `RAFT_INVALID_OPTION` where the sink is none.
   */
  submit(command: Uint8Array, sink: Sink<Result>, token: number): void {
    checkSink(sink);
    if (isBytes(command)) return this.#driver.submit(command, sink, token);
    // Text, too, has a length and can be written: members would apply different things.
    const text = `a command is a Uint8Array, not ${typeof command}: encode it first`;
    return sink.failed(token, new RaftError("RAFT_INVALID_COMMAND", text));
  }

  /**
   * Asks the state machine. Linearizable reads are answered by the leader only; others reject with `RAFT_NOT_LEADER`.
   * Also `RAFT_QUERY_FAILED` where `query` throws, `RAFT_OVERLOADED`, `RAFT_ABORTED`, `RAFT_STOPPED`, or the code of the
   * node's `failure`.
   */
  read(...asked: ReadArguments<Query>): Promise<Answered<Answer>> {
    const [query, options = {}] = asked as [query: Query, options?: ReadOptions];
    return orReject(() => {
      checkCallOptions(options, ["consistency"]);
      const call = new Call<Answer>(options.signal, () => true);
      if (!call.settled) this.submitRead(query, call, 0, options.consistency);
      return call.promise.then(({ index, value }) => ({ index, answer: value }));
    });
  }

  /** `read` without a promise: the outcome goes to `sink`. Throws `RAFT_INVALID_OPTION` where the sink is none. */
  submitRead(
    query: Query,
    sink: Sink<Answer>,
    token: number,
    consistency: "linearizable" | "local" = "linearizable",
  ): void {
    checkSink(sink);
    const read = { query, sink, token };
    if (consistency === "local") return this.#driver.submitLocalRead(read);
    if (consistency === "linearizable") return this.#driver.submitRead(read);
    const problem = problemsOfChoice("consistency", consistency, ["linearizable", "local"]).join();
    return sink.failed(token, new RaftError("RAFT_INVALID_OPTION", problem));
  }

  /** As of the last turn. A node that has stopped calls itself a follower and knows no leader. */
  status(): NodeStatus {
    const status = this.#driver.raft.status();
    const self = membersOf(status.configuration).find(({ id }) => id === this.id);
    const { clusterId } = this.#settings;
    const address = self?.address ?? "";
    if (this.#stopping === undefined)
      return { ...status, clusterId, address, leaderHint: this.#driver.leaderHint };
    // Whoever acts for the leader shall not go on because it was the last thing that was known.
    const nobody = { leader: undefined, leaderHint: undefined, peers: [] };
    return { ...status, clusterId, address, role: "follower", ...nobody };
  }

  /** The core's whole state, for checkers and diagnosis: to look at between turns, not to touch. */
  get state(): Readonly<RaftState> {
    return this.#driver.state;
  }

  /** Resolves as soon as a leader is known here. Waits without bound; rejects with `RAFT_ABORTED` or `RAFT_STOPPED`. */
  waitForLeader(options: CallOptions = {}): Promise<LeaderHint> {
    return orReject(() => {
      checkCallOptions(options);
      return this.#waiters.until(this.#driver.state, options.signal, () => this.#driver.leaderHint);
    });
  }

  /** Resolves once everything up to `index` is applied here. Waits and rejects as `waitForLeader` does. */
  waitForApplied(index: LogIndex, options: CallOptions = {}): Promise<LogIndex> {
    return orReject(() => {
      checkCallOptions(options);
      // It would wait for ever.
      if (!Number.isSafeInteger(index)) refuse([`index must be an integer, not ${shown(index)}`]);
      return this.#waiters.until(this.#driver.state, options.signal, ({ lastApplied }) =>
        lastApplied >= index ? lastApplied : undefined,
      );
    });
  }

  /**
   * Hands the leadership to `target`, a voter (thesis 3.10). Resolves when `target` leads. Rejects with `RAFT_NOT_LEADER`,
   * `RAFT_INVALID_OPTION`, `RAFT_STOPPED`, `RAFT_ABORTED`, or `RAFT_TRANSFER_FAILED` where it does not lead within an
   * election timeout or two: this member may lead on.
   */
  async transferLeadership(target: NodeId, options: CallOptions = {}): Promise<void> {
    checkCallOptions(options);
    if (this.#stopping !== undefined) throw stoppedError(this.#failure);
    const { state } = this.#driver;
    if (state.role !== "leader")
      throw new RaftError("RAFT_NOT_LEADER", "only a leader can hand over the leadership");
    if (!configurationOf(state).voters.some(({ id }) => id === target)) {
      throw new RaftError("RAFT_INVALID_OPTION", `${shown(target)} is not a voter`);
    }
    if (target === this.id) return;
    const { clock, raft } = this.#settings;
    const giveUpAt = clock.now() + 2 * raft.electionTimeoutMs;
    const { turns } = this.#driver;
    if (options.signal?.aborted !== true) this.#driver.report({ type: "transfer", target });
    await this.#waiters.afterTurns(options.signal, ({ role, leader, leadership, now }) => {
      // Asked for within a turn: it begins with the next.
      if (this.#driver.turns === turns) return undefined;
      if (role !== "leader" && leader === target) return true;
      const lost =
        role === "leader"
          ? leadership?.transfer === undefined
          : leader !== undefined || now >= giveUpAt;
      if (lost)
        throw new RaftError("RAFT_TRANSFER_FAILED", `${JSON.stringify(target)} has not taken over`);
      return undefined;
    });
  }

  /**
   * Stops taking part: answers every waiter, waits for what is on its way to the disk and for an `apply` that is under way,
   * closes transport and storage. Idempotent; resolves when nothing is open any more.
   */
  stop(): Promise<void> {
    return this.#end(new RaftError("RAFT_STOPPED", "the node was stopped"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Ends a start whose transport has not begun, and leaves that alone: it may be the one of a node that runs. */
  #giveUp(): Promise<void> {
    const nothing = { close: () => Promise.resolve() };
    return this.#end(new RaftError("RAFT_STOPPED", "the start has failed"), nothing);
  }

  #fail(error: unknown): void {
    if (this.#stopping !== undefined) return;
    const failure = isRaftError(error)
      ? error
      : new RaftError(
          "RAFT_INTERNAL",
          `a rule of the algorithm does not hold: ${messageOf(error)}`,
          { cause: error },
        );
    this.#failure = failure;
    this.#settings.logger.error(`${this.id} stops: ${failure.code}: ${failure.message}`);
    void this.#end(failure);
  }

  #end(
    reason: RaftError,
    transport: Pick<Transport, "close"> = this.#settings.transport,
  ): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    // Known before anybody is told: a sink that hears of the end may ask for it, too. It comes once all of them have heard.
    this.#stopping = Promise.resolve().then(() => this.#close(transport));
    this.#driver.stop(reason);
    this.#waiters.failAll(reason);
    this.#announce({ ...this.#seen, role: "follower", leader: undefined });
    return this.#stopping;
  }

  /** Closes what can be closed: nobody is heard any more, then what is on its way to the disk is done, then the disk is let go. */
  async #close(transport: Pick<Transport, "close">): Promise<void> {
    const { clock, storage, logger } = this.#settings;
    const report = (what: string) => (error: unknown) =>
      logger.error(`closing the ${what}: ${messageOf(error)}`);
    await transport.close().catch(report("transport"));
    await this.#driver.idle();
    await storage.close().catch(report("storage"));
    clock.defer(() => this.emit("stopped", this.#failure));
  }

  #onTurn(state: Readonly<RaftState>): void {
    this.#waiters.onTurn(state);
    // What was told of the end is the last word, also where it came within this turn.
    if (this.#stopping !== undefined) return;
    const { role, currentTerm: term, leader } = state;
    this.#announce({ role, term, leader });
  }

  /**
   * Events come after the turn, each on its own: an exception of a listener is uncaught, as it is with every emitter,
   * and takes neither the turn nor another event with it.
   */
  #announce({ role, term, leader }: Seen): void {
    const seen = this.#seen;
    this.#seen = { role, term, leader };
    const { clock } = this.#settings;
    if (role !== seen.role || term !== seen.term)
      clock.defer(() => this.emit("role", { role, term }));
    if (leader === seen.leader) return;
    const hint = leader === undefined ? undefined : this.#driver.leaderHint;
    clock.defer(() => this.emit("leader", hint));
  }

  #transportHandler(): TransportHandler {
    return {
      onMessage: (message) => this.#driver.receive(message),
      admitPeer: (peer) => this.#peers.admit(peer, membersOf(configurationOf(this.#driver.state))),
      onRefused: (peer, refusal) => this.#onRefused(peer, refusal),
      onClient: (connection) => this.#settings.clients?.(this, connection),
    };
  }

  #onRefused(peer: NodeId, { code, reason }: PeerRefusal): void {
    this.#settings.logger.error(`${peer} refuses ${this.id}: ${code}: ${reason}`);
    if (code === "RAFT_WIPED_MEMBER")
      this.#fail(new RaftError(code, `${peer} refuses this member: ${reason}`));
  }
}

/** What the compiler knows, and a program in plain JavaScript may not. */
function isBytes(command: unknown): command is Uint8Array {
  return command instanceof Uint8Array;
}
