/**
 * Gets calls to the leader: gathers what is called in one turn into one frame, follows redirects, backs off, opens the
 * session that writes need, sends again what failed, and gives up in time.
 *
 * Every call that is not settled waits in `#waiting`, or an attempt of it is in flight over the connection. There is one
 * connection at a time; whoever ends it, its calls go back to the head of the queue.
 */

import { RaftError, messageOf } from "../errors.ts";
import type { RaftErrorCode } from "../errors.ts";
import type { LogIndex } from "../core/types.ts";
import { deadlineSignal } from "../node/clock.ts";
import type { Clock, Timer } from "../node/clock.ts";
import type { ClientLink } from "../transport/transport.ts";
import { Alarm } from "./alarm.ts";
import { Backoff } from "./backoff.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ConnectionEvents, Outgoing } from "./client-connection.ts";
import type { Endpoints } from "./endpoints.ts";
import { statusFrom } from "./host-status.ts";
import { OperationQueue } from "./operation-queue.ts";
import { Operation } from "./operation.ts";
import type { OperationRequest } from "./operation.ts";
import type { ClientResponse, DoneResponse } from "./protocol.ts";
import { askBytes } from "./requests.ts";
import type { Ask } from "./requests.ts";
import { adviceOn } from "./retry-policy.ts";
import { SessionKeeper } from "./session-keeper.ts";
import { sessionResultFrom } from "./session-result.ts";
import type { RefusalReason } from "./session-result.ts";

export interface DispatcherOptions {
  readonly endpoints: Endpoints;
  readonly link: ClientLink;
  readonly clock: Clock;
  readonly random: () => number;
  readonly attemptTimeoutMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly maxPending: number;
  readonly maxInFlight: number;
}

/** How long a call may take, and who may end it earlier. */
export interface CallLimits {
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What a request was sent for: a call, or the session. */
type Purpose = Operation | "session";

/**
 * Most bytes that are sent and not answered, but for the last request. All that is sent at once waits in memory, and in a
 * link's queue, which holds so much and more.
 */
const MAX_BYTES_IN_FLIGHT: number = 16 * 1024 * 1024;

const STATUS: Ask = { type: "status" };
const OPEN_SESSION: Ask = { type: "propose", command: { type: "open" } };

export class Dispatcher implements ConnectionEvents<Purpose> {
  readonly #options: DispatcherOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  /** Ends an attempt to connect. */
  readonly #closing = new AbortController();
  #closed = false;
  readonly #waiting = new OperationQueue();
  /** Calls that are not settled. */
  #pending = 0;
  #connection: ClientConnection<Purpose> | undefined;
  #dialing: Promise<void> | undefined;
  /** While it runs nothing is sent and nobody is called. */
  #pause: Timer | undefined;
  readonly #alarm: Alarm;
  #pumpScheduled = false;
  readonly #sessions = new SessionKeeper();
  /** Moves to another node since something has last worked. */
  #moves = 0;
  #lastError: RaftError | undefined;
  /** What the responses of the current frame ask for: go to another node, or wait. */
  #leave: RaftError | undefined;
  #busy = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => this.#endOverdue());
    const { retryBaseMs: baseMs, retryMaxMs: maxMs, random } = options;
    this.#backoff = new Backoff({ baseMs, maxMs, random });
  }

  /**
   * Resolves with what `accept` makes of the answer. An exception of `accept` means that the node talks nonsense: the
   * call is made again, at another node. Settles within the limits.
   */
  run<Value>(
    request: OperationRequest,
    accept: (index: LogIndex, value: unknown) => Value,
    { deadlineMs, signal }: CallLimits,
  ): Promise<Value> {
    const refusal = this.#refusal(signal);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.now() + deadlineMs;
      const succeed = (index: LogIndex, value: unknown): void => resolve(accept(index, value));
      const operation = new Operation(request, deadline, succeed, reject);
      if (signal !== undefined)
        operation.watch(signal, () =>
          this.#fail(operation, "RAFT_ABORTED", "aborted", signal.reason),
        );
      this.#pending += 1;
      this.#waiting.add(operation);
      this.#alarm.setFor(operation.deadline);
      this.#schedulePump();
    });
  }

  /** Rejects what waits, ends the session and the connection, closes the link. Idempotent. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#closing.abort();
      const reason = new RaftError("RAFT_STOPPED", "the client was closed");
      for (const operation of this.#unsettled()) this.#fail(operation, reason.code, reason.message);
      this.#pause?.cancel();
      this.#alarm.cancel();
      this.#forgetSession();
      this.#connection?.close(reason);
    }
    await this.#dialing;
    await this.#options.link.close();
  }

  onResponse(purpose: Purpose, response: ClientResponse): void {
    if (response.type === "failed") this.#onFailed(purpose, response.error);
    else if (purpose === "session") this.#onSession(response);
    else this.#onDone(purpose, response);
  }

  onFrameEnd(): void {
    if (this.#leave !== undefined) this.#connection?.close(this.#leave);
    else if (this.#busy) this.#waitFor(this.#backoff.next());
    this.#leave = undefined;
    this.#busy = false;
    this.#schedulePump();
  }

  onLost(unanswered: readonly Purpose[], error: RaftError): void {
    this.#connection = undefined;
    this.#sessions.onNotOpened();
    // Of a frame that did not come to its end.
    this.#leave = undefined;
    this.#busy = false;
    const again = unanswered.filter(isUnsettled);
    for (const operation of again) operation.lost(error);
    this.#waiting.addFirst(again);
    this.#moveOn(error);
  }

  #refusal(signal: AbortSignal | undefined): RaftError | undefined {
    if (this.#closed) return new RaftError("RAFT_STOPPED", "the client is closed");
    if (signal?.aborted === true) {
      return new RaftError("RAFT_ABORTED", "aborted", { cause: signal.reason });
    }
    if (this.#pending < this.#options.maxPending) return undefined;
    return new RaftError("RAFT_OVERLOADED", `${this.#pending} calls are under way already`);
  }

  #onDone(operation: Operation, { index, value }: DoneResponse): void {
    if (operation.settled) return;
    switch (operation.request.type) {
      case "write":
        this.#onWritten(operation, value);
        return;
      case "leader": {
        const { role, id, leaderHint: leader } = statusFrom(value);
        if (role === "leader") this.#succeed(operation, index, value);
        else
          this.#onFailed(
            operation,
            new RaftError("RAFT_NOT_LEADER", `${id} does not lead`, { leader }),
          );
        return;
      }
      case "read":
      case "local-read":
      case "status":
        this.#succeed(operation, index, value);
        return;
    }
  }

  #onWritten(operation: Operation, value: unknown): void {
    const outcome = sessionResultFrom(value);
    if (outcome.type === "applied") this.#succeed(operation, outcome.index, outcome.result);
    else if (outcome.type === "refused") this.#onRefused(operation, outcome.reason);
    else throw new TypeError(`a write was answered "${outcome.type}"`);
  }

  /** The state machine has refused this copy of the command, in log order. */
  #onRefused(operation: Operation, reason: RefusalReason): void {
    const error = new RaftError("RAFT_SESSION_EXPIRED", `the session refused a write: ${reason}`);
    switch (reason) {
      case "session-expired":
        operation.refused(error);
        this.#sessions.onExpired(operation);
        this.#waiting.add(operation);
        return;
      case "window-full":
        operation.refused(error);
        this.#waiting.add(operation);
        this.#busy = true;
        return;
      case "sequence-forgotten":
        // Only who waits for a number gets here, and what is waited for is not forgotten: the node is in error.
        throw error;
      case "invalid-command":
        operation.refused(error);
        this.#fail(operation, "RAFT_INVALID_COMMAND", "the node does not understand the command");
        return;
    }
  }

  #onFailed(purpose: Purpose, error: RaftError): void {
    const advice = adviceOn(error.code);
    if (purpose === "session") {
      this.#sessions.onNotOpened();
    } else if (!purpose.settled) {
      if (error.outcome === "unknown") purpose.lost(error);
      else purpose.refused(error);
      if (advice === "give up") {
        this.#fail(purpose, error.code, error.message, error);
        return;
      }
      this.#waiting.add(purpose);
    }
    if (advice !== "move on") this.#busy = true;
    else if (this.#leave?.leader === undefined) this.#leave = error;
  }

  #onSession({ value }: DoneResponse): void {
    const outcome = sessionResultFrom(value);
    if (outcome.type !== "opened") throw new TypeError(`a session was answered "${outcome.type}"`);
    this.#sessions.onOpened(outcome.sessionId);
    this.#progressed();
  }

  #succeed(operation: Operation, index: LogIndex, value: unknown): void {
    operation.succeed(index, value);
    this.#pending -= 1;
    this.#progressed();
  }

  #fail(operation: Operation, code: RaftErrorCode, message: string, cause?: unknown): void {
    if (operation.settled) return;
    operation.fail(code, message, cause ?? operation.lastError ?? this.#lastError);
    this.#pending -= 1;
    this.#waiting.delete(operation);
    // It may have held back others by its place in the session.
    this.#schedulePump();
  }

  #progressed(): void {
    this.#moves = 0;
    this.#lastError = undefined;
    this.#backoff.reset();
  }

  #schedulePump(): void {
    if (this.#pumpScheduled || this.#waiting.size === 0 || this.#closed) return;
    this.#pumpScheduled = true;
    this.#clock.defer(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  /** Sends all that may be sent, in one go. */
  #pump(): void {
    if (this.#closed || this.#pause !== undefined || this.#waiting.size === 0) return;
    if (this.#connection === undefined) {
      this.#dialing ??= this.#dial();
      return;
    }
    const outgoing: Outgoing<Purpose>[] = [];
    const room = this.#options.maxInFlight - this.#connection.inFlight;
    let bytes = this.#connection.bytesInFlight;
    let next = this.#waiting.first;
    while (next !== undefined && outgoing.length < room && bytes < MAX_BYTES_IN_FLIGHT) {
      const operation = next;
      next = operation.behind;
      const ask = this.#askFor(operation);
      if (ask === undefined) {
        if (this.#sessions.open()) outgoing.push({ call: "session", ask: OPEN_SESSION });
        continue;
      }
      this.#waiting.delete(operation);
      operation.sent();
      outgoing.push({ call: operation, ask });
      bytes += askBytes(ask);
    }
    if (outgoing.length > 0) this.#connection.send(outgoing);
  }

  /** What to send for it; `undefined` where it has to wait, for a session or for room in it, or has just failed. */
  #askFor(operation: Operation): Ask | undefined {
    const { request } = operation;
    switch (request.type) {
      case "read":
      case "local-read":
        return request;
      case "status":
      case "leader":
        return STATUS;
      case "write":
        return this.#askToWrite(operation, request.command);
    }
  }

  #askToWrite(operation: Operation, payload: Uint8Array): Ask | undefined {
    const ticket = this.#sessions.ticketFor(operation);
    if (ticket === "wait") return undefined;
    if (ticket === "lost") {
      const text = "the session expired while a write was unanswered";
      this.#fail(operation, "RAFT_SESSION_EXPIRED", text);
      return undefined;
    }
    const { session, sequence } = ticket;
    const { id: sessionId, lowestOutstanding } = session;
    return {
      type: "propose",
      command: { type: "command", sessionId, sequence, lowestOutstanding, payload },
    };
  }

  async #dial(): Promise<void> {
    const { link, endpoints, attemptTimeoutMs } = this.#options;
    const connection = new ClientConnection<Purpose>(this, this.#clock, attemptTimeoutMs);
    const attempt = deadlineSignal(this.#clock, attemptTimeoutMs, this.#closing.signal);
    try {
      await connection.open(link, endpoints.current, attempt.signal);
      // It may have been lost in the moment since; then it has been reported so.
      if (!connection.ended) this.#connection = connection;
    } catch (cause) {
      this.#moveOn(new RaftError("RAFT_CONNECTION_LOST", messageOf(cause), { cause }));
    } finally {
      attempt.dispose();
      this.#dialing = undefined;
    }
    this.#schedulePump();
  }

  /** To another node: the first time at once, since one of them has gone or was not the leader; then more slowly. */
  #moveOn(error: RaftError): void {
    if (this.#closed) return;
    this.#lastError = error;
    this.#options.endpoints.moveTo(error.leader?.address);
    if (this.#moves > 0) this.#waitFor(this.#backoff.next());
    this.#moves += 1;
    this.#schedulePump();
  }

  #waitFor(delayMs: number): void {
    this.#pause?.cancel();
    this.#pause = this.#clock.setTimer(delayMs, () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  /** One alarm serves all calls: most are over when it goes off, and it is set anew for the earliest that is left. */
  #endOverdue(): void {
    const now = this.#clock.now();
    for (const operation of this.#unsettled()) {
      if (operation.deadline > now) this.#alarm.setFor(operation.deadline);
      else this.#fail(operation, "RAFT_TIMEOUT", overdueText(operation));
    }
  }

  #unsettled(): Operation[] {
    return [...(this.#connection?.unanswered ?? []).filter(isUnsettled), ...this.#waiting];
  }

  /** A courtesy: without it the session would stay until it expires. */
  #forgetSession(): void {
    const { id: sessionId } = this.#sessions;
    if (sessionId === undefined) return;
    const command = { type: "close", sessionId } as const;
    this.#connection?.send([{ call: "session", ask: { type: "propose", command } }]);
  }
}

function isUnsettled(purpose: Purpose): purpose is Operation {
  return purpose !== "session" && !purpose.settled;
}

function overdueText({ request: { type } }: Operation): string {
  const asked = type === "status" || type === "local-read" ? "any node" : "a leader";
  return `no answer from ${asked} within the deadline`;
}
