/**
 * Asking the state machine: local reads that wait until it is idle, and queries whose answer is still to come. An
 * exception of a query is an error of that read and of nothing else.
 */

import { messageOf, RaftError } from "../errors.ts";
import { isPromise } from "../promises.ts";
import type { QueuedRead } from "./inbox.ts";
import { failReads } from "./reads.ts";
import type { StateMachine } from "./state-machine.ts";

export class Queries<Query, Answer> {
  readonly #machine: Pick<StateMachine<unknown, Query, Answer>, "query">;
  #local: QueuedRead<Query, Answer>[] = [];
  /** Asked, and not answered yet. */
  readonly #running = new Set<QueuedRead<Query, Answer>>();

  constructor(machine: Pick<StateMachine<unknown, Query, Answer>, "query">) {
    this.#machine = machine;
  }

  /** How many are not answered. */
  get size(): number {
    return this.#local.length + this.#running.size;
  }

  /** A read that is answered from whatever has been applied. */
  addLocal(read: QueuedRead<Query, Answer>): void {
    this.#local.push(read);
  }

  /** The state machine is idle and has applied everything up to `index`: asks for these reads and all local ones. */
  answer(confirmed: readonly QueuedRead<Query, Answer>[], index: number): void {
    for (const read of confirmed) this.#ask(read, index);
    if (this.#local.length === 0) return;
    const local = this.#local;
    this.#local = [];
    for (const read of local) this.#ask(read, index);
  }

  /** Answers everybody who waits; what a query says later is not heard any more. */
  failAll(error: RaftError): void {
    const waiting = [...this.#local, ...this.#running];
    this.#local = [];
    this.#running.clear();
    failReads(waiting, error);
  }

  #ask(read: QueuedRead<Query, Answer>, index: number): void {
    const { query, sink, token } = read;
    let answer: Answer | Promise<Answer>;
    try {
      answer = this.#machine.query(query);
    } catch (cause) {
      return sink.failed(token, queryError(cause));
    }
    if (!isPromise(answer)) return sink.done(token, index, answer);
    this.#running.add(read);
    answer.then(
      (value: Answer) => {
        if (this.#running.delete(read)) sink.done(token, index, value);
      },
      (cause: unknown) => {
        if (this.#running.delete(read)) sink.failed(token, queryError(cause));
      },
    );
  }
}

function queryError(cause: unknown): RaftError {
  return new RaftError("RAFT_QUERY_FAILED", `the query has failed: ${messageOf(cause)}`, { cause });
}
