/**
 * Operations in line, linked through themselves: out from anywhere without a search, and without the tables that a Set
 * outgrows. Such a table points to the next one; once one of them is old, all that come after it, with every operation
 * that was ever in them, wait for a full collection.
 */

import type { Operation } from "./operation.ts";

export class OperationQueue {
  #first: Operation | undefined;
  #last: Operation | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `behind` leads on from there. */
  get first(): Operation | undefined {
    return this.#first;
  }

  /** To the end, unless it is in line already. */
  add(operation: Operation): void {
    if (operation.waits) return;
    operation.waits = true;
    operation.ahead = this.#last;
    if (this.#last === undefined) this.#first = operation;
    else this.#last.behind = operation;
    this.#last = operation;
    this.#size += 1;
  }

  /** Before all others, in their order. */
  addFirst(operations: readonly Operation[]): void {
    const others = [...this];
    for (const operation of others) this.delete(operation);
    for (const operation of [...operations, ...others]) this.add(operation);
  }

  delete(operation: Operation): void {
    if (!operation.waits) return;
    const { ahead, behind } = operation;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    operation.ahead = undefined;
    operation.behind = undefined;
    operation.waits = false;
    this.#size -= 1;
  }

  /** While none is taken out. */
  *[Symbol.iterator](): Generator<Operation> {
    for (let each = this.#first; each !== undefined; each = each.behind) yield each;
  }
}
