/**
 * A client's connection to one node: numbers requests, finds the call of each response, and gives the connection up
 * when the node gets nowhere: when the oldest request stays without an answer, and stays the oldest, for too long. A node
 * that has much to do answers late, but it answers, and about in turn; it is left alone, for whatever it was sent would
 * have to be sent again, to it or to another, and would make it later still.
 */

import { messageOf, RaftError } from "../errors.ts";
import type { Clock, Timer } from "../node/clock.ts";
import type { ClientLink, Connection, ConnectionHandler } from "../transport/transport.ts";
import { InFlight } from "./in-flight.ts";
import { decodeResponses } from "./protocol.ts";
import type { ClientResponse } from "./protocol.ts";
import { askBytes, encodeRequests } from "./requests.ts";
import type { Ask } from "./requests.ts";

/** A request that has no number yet, and the call that it is made for. */
export interface Outgoing<Call> {
  readonly call: Call;
  readonly ask: Ask;
}

export interface ConnectionEvents<Call> {
  /** An exception counts as a bad frame: the call stays unanswered, the connection ends. */
  onResponse(call: Call, response: ClientResponse): void;
  /** All responses of a frame have been handed over. */
  onFrameEnd(): void;
  /** The connection has ended, for whatever reason; called once. `unanswered` in the order of sending. */
  onLost(unanswered: readonly Call[], error: RaftError): void;
}

export class ClientConnection<Call> implements ConnectionHandler {
  readonly #events: ConnectionEvents<Call>;
  readonly #clock: Clock;
  readonly #attemptTimeoutMs: number;
  readonly #inFlight = new InFlight<Call>();
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  /** When it last was the oldest request that was answered. */
  #progressAt = -Infinity;
  #ended = false;

  constructor(events: ConnectionEvents<Call>, clock: Clock, attemptTimeoutMs: number) {
    this.#events = events;
    this.#clock = clock;
    this.#attemptTimeoutMs = attemptTimeoutMs;
  }

  /** Connects; rejects as the link does, and then `onLost` is not called. */
  async open(link: ClientLink, address: string, signal: AbortSignal): Promise<void> {
    const connection = await link.connect(address, this, signal);
    if (this.#ended || signal.aborted) {
      connection.close();
      throw new RaftError(
        "RAFT_CONNECTION_LOST",
        `the connection to ${address} was closed at once`,
      );
    }
    this.#connection = connection;
  }

  /** Whether it is of no use any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How many requests are unanswered. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** How many bytes those have. */
  get bytesInFlight(): number {
    return this.#inFlight.bytes;
  }

  /** What was sent and is not answered, in the order of sending. */
  get unanswered(): Call[] {
    return this.#inFlight.calls;
  }

  send(outgoing: readonly Outgoing<Call>[]): void {
    const sentAt = this.#clock.now();
    const frames = encodeRequests(outgoing, this.#inFlight.nextId);
    for (const { call, ask } of outgoing) this.#inFlight.add(call, sentAt, askBytes(ask));
    this.#timer ??= this.#clock.setTimer(this.#attemptTimeoutMs, () => this.#checkProgress());
    for (const frame of frames) this.#connection?.send(frame);
  }

  /** Ends it: what is unanswered is handed to `onLost`. Idempotent. */
  close(reason: RaftError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#connection?.close();
    // Before it was open there is nobody to tell: `open` rejects.
    if (this.#connection === undefined) return;
    this.#events.onLost(this.unanswered, reason);
  }

  onFrame(frame: Uint8Array): void {
    if (this.#ended) return;
    const oldest = this.#inFlight.oldestId;
    try {
      for (const response of decodeResponses(frame)) this.#deliver(response);
    } catch (cause) {
      this.close(new RaftError("RAFT_BAD_FRAME", messageOf(cause), { cause }));
      return;
    }
    if (this.#inFlight.oldestId > oldest) this.#progressAt = this.#clock.now();
    this.#events.onFrameEnd();
  }

  onClose(error: Error | undefined): void {
    const reason = error === undefined ? "the connection was closed" : messageOf(error);
    this.close(new RaftError("RAFT_CONNECTION_LOST", reason, { cause: error }));
  }

  #deliver(response: ClientResponse): void {
    const found = this.#inFlight.get(response.id);
    if (found === undefined) throw new TypeError(`nothing was asked under ${response.id}`);
    this.#events.onResponse(found, response);
    this.#inFlight.delete(response.id);
  }

  #checkProgress(): void {
    this.#timer = undefined;
    const sentAt = this.#inFlight.oldestSentAt;
    if (sentAt === undefined) return;
    const since = Math.max(sentAt, this.#progressAt);
    const remainingMs = since + this.#attemptTimeoutMs - this.#clock.now();
    if (remainingMs > 0)
      this.#timer = this.#clock.setTimer(remainingMs, () => this.#checkProgress());
    else this.close(new RaftError("RAFT_TIMEOUT", `no answer within ${this.#attemptTimeoutMs} ms`));
  }
}
