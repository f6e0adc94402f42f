/**
 * The client of the key-value store: finds the leader, keeps a session, and makes each write take effect once, whatever
 * happens on the way. Calls are pipelined: those made in one turn leave in one frame, and calls that are not awaited are
 * concurrent, with no promise as to their order.
 */

import { encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import { checkCallOptions, orReject } from "../node/call.ts";
import { isObject, problemsOfChoice, problemsOfNames, refuse, shown } from "../shapes.ts";
import { clientSettingsOf, problemsOfTime } from "./client-options.ts";
import type { KvClientOptions } from "./client-options.ts";
import { encodeCommand } from "./command-codec.ts";
import type { Expectation, KvCommand, KvOperation, KvValue } from "./commands.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { CallLimits } from "./dispatcher.ts";
import { Endpoints } from "./endpoints.ts";
import { statusFrom } from "./host-status.ts";
import type { KvStatus } from "./host-status.ts";
import { ReadRequest, WriteRequest } from "./operation.ts";
import { MAX_COMMAND_BYTES } from "./protocol.ts";
import { DEFAULT_RANGE_LIMIT, queryToArray } from "./queries.ts";
import type { KvQuery } from "./queries.ts";
import { MAX_QUERY_BYTES } from "./requests.ts";
import { answerFrom, resultFrom } from "./results.ts";
import type { KvBatchResult, KvEntry, KvOperationResult, VersionedValue } from "./results.ts";

/** What may be said of one call. */
export interface CallOptions {
  /** Ends the call at once; a write that has been sent ends as unknown. */
  readonly signal?: AbortSignal | undefined;
  /** In place of the client's `deadlineMs`. */
  readonly deadlineMs?: number | undefined;
}

/** What may be said of one write. */
export interface WriteOptions extends CallOptions {
  /**
   * Whether `previous` is to be what was at the key before: default false, since a value may be large. Where the write has
   * changed nothing it is that in any case.
   */
  readonly previous?: boolean | undefined;
}

/** What may be said of one read. */
export interface ReadCallOptions extends CallOptions {
  /**
   * `"linearizable"` (default): sees every write that was answered before the call. `"local"`: what the node that we are
   * connected to has applied, however old; needs no leader. With one endpoint that node is known, as long as the client is
   * asked for nothing that takes a leader: for that it goes where the leader is, and stays there.
   */
  readonly consistency?: "linearizable" | "local" | undefined;
}

/** What `get` found. */
export interface KvRead {
  /** The state that was read includes this log index. */
  readonly index: LogIndex;
  /** `undefined` where the key is absent. */
  readonly value: KvValue | undefined;
  /** The log index of the key's last write; `undefined` where it is absent. */
  readonly modifiedIndex: LogIndex | undefined;
}

/** `status` tells whether it took effect; `previous` is what was at the key before, where that was asked for, or it did not. */
export interface KvWrite extends KvOperationResult {
  /** Where in the log it was executed. */
  readonly index: LogIndex;
}

/** What came of `increment`. */
export interface KvIncrement extends KvWrite {
  /** The new number, where `status` is `"ok"`. */
  readonly value: number | undefined;
}

/** What came of `batch`: all of it, or nothing. */
export type KvBatch = KvBatchResult & { readonly index: LogIndex };

/** What `range` found, in order. */
export interface KvRange {
  readonly index: LogIndex;
  readonly entries: readonly KvEntry[];
  /** There is more: go on with `start` at the last key followed by `"\0"`, or in reverse with `end` at the last key. */
  readonly more: boolean;
}

/** Which keys, in the order of their UTF-16 code units. Like a key, a bound holds no lone surrogate. */
export interface RangeOptions {
  /** Inclusive. From the first key by default. */
  readonly start?: string | undefined;
  /** Exclusive. To the last key by default. */
  readonly end?: string | undefined;
  /** 1 to 1000; default 100. */
  readonly limit?: number | undefined;
  /** From the end downwards. */
  readonly reverse?: boolean | undefined;
}

/**
 * A call rejects with a `RaftError`: `RAFT_TIMEOUT` after its deadline, `RAFT_ABORTED` by its signal, `RAFT_STOPPED` by
 * `close`, `RAFT_OVERLOADED` where too many are under way, `RAFT_INVALID_COMMAND` and `RAFT_TOO_LARGE` for what no node
 * would take, `RAFT_SESSION_EXPIRED` where the members forgot the session while a write was unanswered. The error's
 * `outcome` is "rejected" only where the write has certainly not taken effect and never will; see `Operation`.
 *
 * ```ts
 * const client = KvClient.connect({ endpoints: ["10.0.0.1:7000", "10.0.0.2:7000"], link });
 * await client.put("greeting", "hello");
 * const { value } = await client.get("greeting");
 * await client.close();
 * ```
 */
export class KvClient implements AsyncDisposable {
  readonly #dispatcher: Dispatcher;
  readonly #deadlineMs: number;

  /**
   * A client that connects when it is first used. Throws `RAFT_INVALID_OPTION`. To wait until the cluster is there, call
   * `waitForLeader`.
   */
  static connect(options: KvClientOptions): KvClient {
    return new KvClient(options);
  }

  private constructor(options: KvClientOptions) {
    const { endpoints, random, deadlineMs, ...rest } = clientSettingsOf(options);
    this.#deadlineMs = deadlineMs;
    this.#dispatcher = new Dispatcher({
      ...rest,
      endpoints: new Endpoints(endpoints, random),
      random,
    });
  }

  /** The value at the key, and the log index that it is as of. */
  get(key: string, options?: ReadCallOptions): Promise<KvRead> {
    return this.#read({ type: "get", key }, options, (index, value) => {
      const answer = answerFrom(value);
      if (answer.type !== "get") throw new TypeError("not the answer to a get");
      const { found } = answer;
      return { index, value: found?.value, modifiedIndex: found?.index };
    });
  }

  /** Keys with their values, in the order of the keys' UTF-16 code units; all of one moment. */
  range(range: RangeOptions = {}, options?: ReadCallOptions): Promise<KvRange> {
    return orReject(() => this.#read(rangeQuery(range), options, acceptRange));
  }

  /** Whatever is there: `status` is `"ok"`. */
  put(key: string, value: KvValue, options?: WriteOptions): Promise<KvWrite> {
    return this.#write({ type: "put", key, value, previous: options?.previous }, options);
  }

  /** `status` is `"ok"` also where there was no such key: then the `previous` that was asked for is `undefined`. */
  delete(key: string, options?: WriteOptions): Promise<KvWrite> {
    return this.#write({ type: "delete", key, previous: options?.previous }, options);
  }

  /**
   * Sets `value`, or deletes where it is `undefined`, if the key is as expected; otherwise `status` is `"mismatch"` and
   * `previous` what is there.
   */
  compareAndSet(
    key: string,
    expected: Expectation,
    value: KvValue | undefined,
    options?: WriteOptions,
  ): Promise<KvWrite> {
    const previous = options?.previous;
    return this.#write({ type: "compare-and-set", key, expected, value, previous }, options);
  }

  /**
   * Adds to the end of a string or of bytes; an absent key becomes the value. `status` is `"wrong-type"` where something
   * else is there, and `"too-large"` beyond `MAX_VALUE_LENGTH`.
   */
  append(key: string, value: string | Uint8Array, options?: WriteOptions): Promise<KvWrite> {
    return this.#write({ type: "append", key, value, previous: options?.previous }, options);
  }

  /**
   * Adds a safe integer to the one that is there, or to 0 where the key is absent. `status` is `"wrong-type"` where
   * something else is there, and `"too-large"` where the sum would be no safe integer.
   */
  async increment(key: string, by: number = 1, options?: CallOptions): Promise<KvIncrement> {
    const write = await this.#write({ type: "increment", key, by }, options);
    return { ...write, value: write.status === "ok" ? numberIn(write.previous) + by : undefined };
  }

  /** All of the operations or, as soon as one does not succeed, none. */
  batch(operations: readonly KvOperation[], options?: CallOptions): Promise<KvBatch> {
    return this.#propose({ type: "batch", operations }, options, acceptBatch);
  }

  /** What the node says that we are connected to, the leader or not. */
  status(options?: CallOptions): Promise<KvStatus> {
    return orReject(() =>
      this.#dispatcher.run({ type: "status" }, acceptStatus, this.#limits(options)),
    );
  }

  /** Resolves with the leader's status once there is a leader that answers. */
  waitForLeader(options?: CallOptions): Promise<KvStatus> {
    return orReject(() =>
      this.#dispatcher.run({ type: "leader" }, acceptStatus, this.#limits(options)),
    );
  }

  /** Rejects what is under way with `RAFT_STOPPED` and leaves nothing open. Idempotent. */
  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #write(operation: KvOperation, options: CallOptions | undefined): Promise<KvWrite> {
    return this.#propose(operation, options, acceptWrite, "previous");
  }

  #propose<Value>(
    command: KvCommand,
    options: CallOptions | undefined,
    accept: (index: LogIndex, value: unknown) => Value,
    other?: string,
  ): Promise<Value> {
    return orReject(() =>
      this.#dispatcher.run(
        new WriteRequest(encodedCommand(command)),
        accept,
        this.#limits(options, other),
      ),
    );
  }

  #read<Value>(
    query: KvQuery,
    options: ReadCallOptions | undefined,
    accept: (index: LogIndex, value: unknown) => Value,
  ): Promise<Value> {
    return orReject(() => {
      const limits = this.#limits(options, "consistency");
      const consistency = options?.consistency;
      refuse(problemsOfChoice("consistency", consistency, ["linearizable", "local"]));
      const type = consistency === "local" ? "local-read" : "read";
      return this.#dispatcher.run(new ReadRequest(type, encodedQuery(query)), accept, limits);
    });
  }

  #limits(options: CallOptions = {}, other: string = "deadlineMs"): CallLimits {
    checkCallOptions(options, ["deadlineMs", other]);
    const { deadlineMs, signal } = options;
    if (deadlineMs !== undefined) refuse(problemsOfTime("deadlineMs", deadlineMs));
    return { deadlineMs: deadlineMs ?? this.#deadlineMs, signal };
  }
}

/** With the defaults for what is left out. */
function rangeQuery(range: RangeOptions): KvQuery {
  const problems = isObject(range)
    ? problemsOfNames(range, ["start", "end", "limit", "reverse"])
    : [`a range is an object, not ${shown(range)}`];
  if (problems.length > 0) throw new RaftError("RAFT_INVALID_COMMAND", problems.join("; "));
  const { start, end, limit = DEFAULT_RANGE_LIMIT, reverse = false } = range;
  return { type: "range", start, end, limit, reverse };
}

function encodedCommand(command: KvCommand): Uint8Array {
  const bytes = encodeCommand(command);
  if (bytes.length <= MAX_COMMAND_BYTES) return bytes;
  const text = `the command has ${bytes.length} bytes, and ${MAX_COMMAND_BYTES} at the most are sent`;
  throw new RaftError("RAFT_TOO_LARGE", text);
}

function encodedQuery(query: KvQuery): Uint8Array {
  const bytes = encode(queryToArray(query));
  if (bytes.length <= MAX_QUERY_BYTES) return bytes;
  const text = `the query has ${bytes.length} bytes, and ${MAX_QUERY_BYTES} at the most are sent`;
  throw new RaftError("RAFT_TOO_LARGE", text);
}

function acceptRange(index: LogIndex, value: unknown): KvRange {
  const answer = answerFrom(value);
  if (answer.type !== "range") throw new TypeError("not the answer to a range");
  return { index, entries: answer.entries, more: answer.more };
}

function acceptWrite(index: LogIndex, value: unknown): KvWrite {
  const result = resultFrom(value);
  if (result.status === "committed" || result.status === "aborted") {
    throw new TypeError("not the result of one operation");
  }
  return { index, status: result.status, previous: result.previous };
}

function acceptBatch(index: LogIndex, value: unknown): KvBatch {
  const result = resultFrom(value);
  if (result.status !== "committed" && result.status !== "aborted") {
    throw new TypeError("not the result of a batch");
  }
  return { index, ...result };
}

function acceptStatus(_: LogIndex, value: unknown): KvStatus {
  return statusFrom(value);
}

function numberIn(previous: VersionedValue | undefined): number {
  return typeof previous?.value === "number" ? previous.value : 0;
}
