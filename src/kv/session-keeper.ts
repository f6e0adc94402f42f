/**
 * The session that a client's writes are made in: opened when a write needs one, and followed by another one when the
 * members have forgotten it. A write keeps its place in its session for all its attempts.
 */

import type { LogIndex } from "../core/types.ts";
import { ClientSession } from "./client-session.ts";
import { Ticket } from "./operation.ts";
import type { Operation } from "./operation.ts";

export class SessionKeeper {
  #session: ClientSession | undefined;
  #opening = false;

  /** Of the session, if there is one. */
  get id(): LogIndex | undefined {
    return this.#session?.id;
  }

  /** Whether one is to be asked for, of the members, by whoever calls this. */
  open(): boolean {
    if (this.#session !== undefined || this.#opening) return false;
    this.#opening = true;
    return true;
  }

  onOpened(id: LogIndex): void {
    this.#opening = false;
    this.#session = new ClientSession(id);
  }

  /** Nothing comes of what was asked for, so far as we know. */
  onNotOpened(): void {
    this.#opening = false;
  }

  /** A member has answered to the write that it does not know the session. */
  onExpired({ ticket }: Operation): void {
    if (ticket === undefined) return;
    ticket.session.expired = true;
    if (ticket.session === this.#session) this.#session = undefined;
  }

  /**
   * The place of the write: `"wait"` where there is no session yet or no room in it, `"lost"` where its session has expired
   * and an earlier copy may have been executed. In a new one that would not be recognised: it could be applied twice.
   */
  ticketFor(operation: Operation): Ticket | "wait" | "lost" {
    if (operation.ticket?.session.expired === true) {
      if (operation.maybeApplied) return "lost";
      operation.ticket = undefined;
    }
    if (operation.ticket !== undefined) return operation.ticket;
    const session = this.#session;
    const sequence = session?.start();
    if (session === undefined || sequence === undefined) return "wait";
    operation.ticket = new Ticket(session, sequence);
    return operation.ticket;
  }
}
