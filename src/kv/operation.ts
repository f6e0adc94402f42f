/**
 * One call of a client while it is under way, over any number of attempts, and what is known of its outcome.
 *
 * **The outcome of a write.** An attempt is *unknown* while it is in flight, after its connection was lost and after a
 * node answered that it does not know. What is learned from a later attempt does not change that: a node that refuses
 * the retry says nothing of the first copy, which may lie in another node's log, or in a buffer on its way, and may yet
 * commit. Sending both in one session makes sure that at most one of them is executed; it does not make the first one go
 * away. So from the first unknown attempt on, a call ends as "rejected" never more, but only
 * - with its result, once any copy got one: in a session that is the result of the first execution, or
 * - as "unknown".
 *
 * There is one answer from which a session could learn more: a command of the same session with a *higher* lowest
 * outstanding number, once it is committed, bars every later copy. Who gives up a call has no time left to ask for that,
 * but it protects those who come after: the next write of the session bars the copies of the one that was given up.
 *
 * **No literals.** What an operation keeps is made by classes. Of an object literal V8 may find, while a process is young
 * and everything slow, that all of them grow old, and makes them old from the start for as long as the process runs: then
 * whatever they hold, the caller's promise included, waits for a full collection.
 */

import { onAbort } from "../abort.ts";
import { RaftError } from "../errors.ts";
import type { LogIndex } from "../core/types.ts";
import type { RaftErrorCode } from "../errors.ts";
import type { ClientSession } from "./client-session.ts";

export type OperationRequest =
  /** A command that goes through the log, in a session. */
  | WriteRequest
  /** A query in MessagePack; a local one is answered by whichever node we are connected to. */
  | ReadRequest
  /** The status of whichever node we are connected to. */
  | { readonly type: "status" }
  /** The status of the leader. */
  | { readonly type: "leader" };

export class WriteRequest {
  readonly type = "write";
  readonly command: Uint8Array;

  constructor(command: Uint8Array) {
    this.command = command;
  }
}

export class ReadRequest {
  readonly type: "read" | "local-read";
  readonly query: Uint8Array;

  constructor(type: "read" | "local-read", query: Uint8Array) {
    this.type = type;
    this.query = query;
  }
}

/** The place of a write in a session: all its attempts share it. */
export class Ticket {
  readonly session: ClientSession;
  readonly sequence: number;

  constructor(session: ClientSession, sequence: number) {
    this.session = session;
    this.sequence = sequence;
  }
}

export class Operation {
  readonly request: OperationRequest;
  /** When to give up, in milliseconds of the clock. */
  readonly deadline: number;
  /** Its place in an `OperationQueue`, which alone changes these. */
  waits = false;
  ahead: Operation | undefined = undefined;
  behind: Operation | undefined = undefined;
  ticket: Ticket | undefined = undefined;
  /** Why the last attempt failed. */
  lastError: RaftError | undefined = undefined;
  readonly #resolve: (index: LogIndex, value: unknown) => void;
  readonly #reject: (error: RaftError) => void;
  #onSettled: (() => void) | undefined = undefined;
  #inFlight = false;
  #maybeApplied = false;
  #settled = false;

  /** `resolve` throws where the value is not what was asked for: then the call goes on. */
  constructor(
    request: OperationRequest,
    deadline: number,
    resolve: (index: LogIndex, value: unknown) => void,
    reject: (error: RaftError) => void,
  ) {
    this.request = request;
    this.deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Until it is settled. */
  watch(signal: AbortSignal, callback: () => void): void {
    this.#onSettled = onAbort(signal, callback);
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** An attempt that was made may have taken effect, or may yet. */
  get maybeApplied(): boolean {
    return this.#maybeApplied || (this.#inFlight && this.request.type === "write");
  }

  /** An attempt begins. */
  sent(): void {
    this.#inFlight = true;
  }

  /** The attempt has had no effect and will have none. */
  refused(error: RaftError): void {
    this.#inFlight = false;
    this.lastError = error;
  }

  /** The attempt is over without an answer that one could rely on. */
  lost(error: RaftError): void {
    this.#maybeApplied = this.maybeApplied;
    this.#inFlight = false;
    this.lastError = error;
  }

  succeed(index: LogIndex, value: unknown): void {
    if (this.#settled) return;
    this.#resolve(index, value);
    this.#settle();
  }

  /** Ends it with an error whose outcome is what is known of all attempts together. */
  fail(code: RaftErrorCode, message: string, cause: unknown): void {
    if (this.#settled) return;
    const outcome = this.maybeApplied ? "unknown" : "rejected";
    this.#settle();
    this.#reject(new RaftError(code, message, { outcome, cause }));
  }

  #settle(): void {
    this.#settled = true;
    this.#onSettled?.();
    this.ticket?.session.finish(this.ticket.sequence);
  }
}
