/**
 * Serves one client connection on a node: requests go to the node as they come, with one sink for the whole connection
 * and the request's id as token, so that a command costs neither a promise nor a closure. Responses gather and leave
 * together as the turn ends, before the event loop goes on: a write at a time is answered a round earlier so.
 *
 * Two bounds guard the node against its clients. A connection with too many unanswered requests, or with too many bytes
 * that the client does not take, has further requests refused with `RAFT_OVERLOADED`. What is answered meanwhile, and may
 * be far more than those bytes, waits as it is and becomes frames as the client takes them; only a client that sends on
 * until refusals pile up is closed.
 */

import { isRaftError, messageOf, RaftError } from "../errors.ts";
import type { LogIndex } from "../core/types.ts";
import type { Clock } from "../node/clock.ts";
import type { Sink } from "../node/sink.ts";
import { problemsOfCount, refuse } from "../shapes.ts";
import type { Connection, ConnectionHandler } from "../transport/transport.ts";
import { statusToArray } from "./host-status.ts";
import type { HostStatus } from "./host-status.ts";
import { encodeResponses } from "./protocol.ts";
import type { ClientResponse } from "./protocol.ts";
import { decodeRequests } from "./requests.ts";
import type { ClientRequest, ReadRequest } from "./requests.ts";

/** What is needed of a node. */
export interface KvHost<Query, Value = unknown> {
  /** The command is handed over, not copied. */
  submit(command: Uint8Array, sink: Sink<Value>, token: number): void;
  submitRead(
    query: Query,
    sink: Sink<Value>,
    token: number,
    consistency: "linearizable" | "local",
  ): void;
  status(): HostStatus;
}

export interface ClientServerOptions<Query, Value = unknown> {
  readonly clock: Clock;
  /** Checks a query from outside; throws a `RaftError` that is sent back. */
  readonly parseQuery: (value: unknown) => Query;
  /**
   * Makes of a command's result, or of an answer, what is sent: plain data. Where it throws, who asked is told
   * `RAFT_INTERNAL`, with the outcome unknown; where that is no plain data, the connection is closed.
   */
  readonly toPlain: (value: Value) => unknown;
  /** Most unanswered requests of one connection. Default 1024. */
  readonly maxOutstanding?: number | undefined;
  /** Bytes that wait to leave, above which responses are held back and requests refused. Default 4 MiB. */
  readonly maxBufferedBytes?: number | undefined;
}

/** So many times `maxOutstanding` responses held back: not a slow client, but one that sends on and takes nothing. */
const CLOSE_FACTOR = 8;

/**
 * The handler for a connection that has just been accepted, of a client that speaks as `protocol.ts` says. Throws
 * `RAFT_INVALID_OPTION`.
 */
export function serveClient<Query, Value>(
  host: KvHost<Query, Value>,
  connection: Connection,
  options: ClientServerOptions<Query, Value>,
): ConnectionHandler {
  return new ClientServer(host, connection, options);
}

class ClientServer<Query, Value> implements ConnectionHandler, Sink<Value> {
  readonly #host: KvHost<Query, Value>;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #parseQuery: (value: unknown) => Query;
  readonly #toPlain: (value: Value) => unknown;
  readonly #maxOutstanding: number;
  readonly #maxBufferedBytes: number;
  /** Handed to the node and not answered by it. */
  #outstanding = 0;
  /** What no frame was asked of yet. */
  #responses: ClientResponse[] = [];
  /** What is left of earlier ones. */
  #frames: Iterator<Uint8Array> = encodeResponses([]);
  /** The client has to take what was sent before it is sent more. */
  #isBehind = false;
  #flushing = false;
  #closed = false;

  constructor(
    host: KvHost<Query, Value>,
    connection: Connection,
    options: ClientServerOptions<Query, Value>,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.#clock = options.clock;
    this.#parseQuery = options.parseQuery;
    this.#toPlain = options.toPlain;
    const { maxOutstanding = 1024, maxBufferedBytes = 4 * 2 ** 20 } = options;
    refuse([
      ...problemsOfCount("maxOutstanding", maxOutstanding),
      ...problemsOfCount("maxBufferedBytes", maxBufferedBytes),
    ]);
    this.#maxOutstanding = maxOutstanding;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Throws on a bad frame, which closes the connection. */
  onFrame(frame: Uint8Array): void {
    for (const request of decodeRequests(frame)) {
      if (!this.#closed) this.#accept(request);
    }
  }

  /** What the node still answers finds nobody: the client takes it for unknown (rule 60). */
  onClose(): void {
    this.#closed = true;
    this.#responses = [];
    this.#frames = encodeResponses([]);
  }

  onDrained(): void {
    if (this.#isBehind) this.#flush();
  }

  done(token: number, index: LogIndex, value: Value): void {
    this.#outstanding -= 1;
    this.#respond(this.#answer(token, index, value));
  }

  failed(token: number, error: RaftError): void {
    this.#outstanding -= 1;
    this.#respond({ type: "failed", id: token, error });
  }

  /** The node is not to hear of what goes wrong in the telling: it would stop, and so would the one that is asked next. */
  #answer(id: number, index: LogIndex, value: Value): ClientResponse {
    try {
      return { type: "done", id, index, value: this.#toPlain(value) };
    } catch (cause) {
      const text = `what came of it cannot be told: ${messageOf(cause)}`;
      return {
        type: "failed",
        id,
        error: new RaftError("RAFT_INTERNAL", text, { outcome: "unknown", cause }),
      };
    }
  }

  #accept(request: ClientRequest): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#respond({ type: "failed", id: request.id, error: refusal });
      return;
    }
    switch (request.type) {
      case "propose":
        this.#outstanding += 1;
        this.#host.submit(request.command, this, request.id);
        return;
      case "read":
        this.#read(request, "linearizable");
        return;
      case "local-read":
        this.#read(request, "local");
        return;
      case "status": {
        const status = this.#host.status();
        const value = statusToArray(status);
        this.#respond({ type: "done", id: request.id, index: status.lastApplied, value });
        return;
      }
    }
  }

  #read({ id, query: value }: ReadRequest, consistency: "linearizable" | "local"): void {
    let query: Query;
    try {
      query = this.#parseQuery(value);
    } catch (error) {
      if (!isRaftError(error)) throw error;
      this.#respond({ type: "failed", id, error });
      return;
    }
    this.#outstanding += 1;
    this.#host.submitRead(query, this, id, consistency);
  }

  #refusal(): RaftError | undefined {
    if (this.#outstanding >= this.#maxOutstanding) {
      return new RaftError(
        "RAFT_OVERLOADED",
        `this connection has ${this.#outstanding} unanswered requests`,
      );
    }
    if (this.#isBehind || this.#connection.bufferedBytes > this.#maxBufferedBytes) {
      return new RaftError("RAFT_OVERLOADED", "this connection does not take its responses");
    }
    return undefined;
  }

  #respond(response: ClientResponse): void {
    if (this.#closed) return;
    this.#responses.push(response);
    if (this.#isBehind) {
      if (this.#responses.length > CLOSE_FACTOR * this.#maxOutstanding) this.#connection.close();
      return;
    }
    if (this.#flushing) return;
    this.#flushing = true;
    this.#clock.soon(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    this.#isBehind = false;
    try {
      this.#sendFrames();
    } catch {
      // What was to be plain data is none.
      this.#connection.close();
    }
  }

  #sendFrames(): void {
    for (let frame = this.#nextFrame(); frame !== undefined; frame = this.#nextFrame()) {
      this.#connection.send(frame);
      if (this.#connection.bufferedBytes <= this.#maxBufferedBytes) continue;
      this.#isBehind = true;
      return;
    }
  }

  #nextFrame(): Uint8Array | undefined {
    const next = this.#frames.next();
    if (next.done !== true) return next.value;
    if (this.#responses.length === 0) return undefined;
    this.#frames = encodeResponses(this.#responses);
    this.#responses = [];
    return this.#nextFrame();
  }
}
