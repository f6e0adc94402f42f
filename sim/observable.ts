/**
 * Which values of a key some answer can have depended on. A write of unknown outcome whose value nobody can have met
 * need not be considered: that it had no effect explains as much. This is what keeps a hundred unknown writes on one
 * key from being 2^100 cases.
 *
 * It may say yes too often, which costs time; a wrong no would refuse a good history.
 */

import type { HistoryExpectation, HistoryValue, Operation } from "./history.ts";

export class Observable {
  readonly #values = new Set<HistoryValue | undefined>();
  /** In order; only where appends of unknown outcome can build them up from a prefix. */
  #strings: readonly string[] = [];
  #anyNumber = false;
  #anything = false;

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      if (operation.result === undefined) this.#addUnknown(operation);
      else if (operation.result.previous !== undefined) {
        this.#values.add(operation.result.previous.value);
      } else this.#addTerse(operation);
    }
    const builtUp = operations.some(({ call, result }) => !result && call.op === "append");
    if (builtUp) this.#strings = [...this.#values].filter(isString).toSorted(byCodeUnits);
  }

  has(value: HistoryValue | undefined): boolean {
    if (this.#anything || this.#values.has(value)) return true;
    return typeof value === "number" ? this.#anyNumber : isString(value) && this.#isPrefix(value);
  }

  /** What the operation would have to find, to make what others see. */
  #addUnknown({ call }: Operation): void {
    switch (call.op) {
      case "cas":
        this.#addExpected(call.expected);
        break;
      case "append":
        this.#values.add(undefined);
        break;
      case "increment":
        this.#values.add(undefined);
        this.#anyNumber = true;
        break;
      case "get":
      case "put":
      case "delete":
        break;
    }
  }

  /** The answer does not tell what was there, but may still have depended on it. */
  #addTerse({ call, result }: Operation): void {
    if (call.op === "get" || call.op === "put" || call.op === "delete") return;
    if (call.op === "cas" && result?.status === "ok") this.#addExpected(call.expected);
    else this.#anything = true;
  }

  #addExpected(expected: HistoryExpectation): void {
    if (expected.type === "index") this.#anything = true;
    else this.#values.add(expected.type === "value" ? expected.value : undefined);
  }

  #isPrefix(value: string): boolean {
    let low = 0;
    let high = this.#strings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#strings[middle] ?? "") < value) low = middle + 1;
      else high = middle;
    }
    return this.#strings[low]?.startsWith(value) ?? false;
  }
}

function isString(value: HistoryValue | undefined): value is string {
  return typeof value === "string";
}

function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
