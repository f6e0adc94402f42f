/**
 * What clients saw of a cluster: one record an operation, with its beginning, its end and its answer. The simulator and
 * the tests with real processes write the same; the checkers (`linearizability`, `witness`, `session-guarantees`) and
 * the file format (`history-file`) read it.
 *
 * How outcomes are recorded:
 * - All attempts of one command are one operation, from the first call to the last answer.
 * - An unknown outcome has no end. A write stays open for ever: it may take effect at any later time, or never. A read
 *   says nothing and is passed over.
 * - "rejected" is a promise: this write has no effect, now or later. One that is seen all the same is a violation.
 * - Times are taken at the client, from one counter for the whole history.
 */

import type { LogIndex } from "../src/core/types.ts";

/** Absent is not `""`: where a key may be absent, `undefined` stands for it. */
export type HistoryValue = string | number;

/** What must be at the key for a compare-and-set; `index` is the log index of its last write. */
export type HistoryExpectation =
  | { readonly type: "absent" }
  | { readonly type: "value"; readonly value: HistoryValue }
  | { readonly type: "index"; readonly index: LogIndex };

/** What a client asks for. A range is recorded as one get for each key that it covers, all at once. */
export type Call =
  | {
      readonly op: "get";
      readonly key: string;
      /** Of a local read only session guarantees and a true prefix of the log are asked. Default linearizable. */
      readonly consistency?: "linearizable" | "local" | undefined;
    }
  | { readonly op: "put"; readonly key: string; readonly value: HistoryValue }
  | { readonly op: "delete"; readonly key: string }
  | {
      readonly op: "cas";
      readonly key: string;
      readonly expected: HistoryExpectation;
      /** `undefined` deletes the key. */
      readonly value: HistoryValue | undefined;
    }
  | { readonly op: "append"; readonly key: string; readonly value: string }
  | { readonly op: "increment"; readonly key: string; readonly value: number };

/** What is, or was, at a key. */
export interface Found {
  /** `undefined` where the key is absent. */
  readonly value: HistoryValue | undefined;
  /** The log index of the key's last write; `undefined` where the key is absent or nobody told. */
  readonly index: LogIndex | undefined;
}

export type ResultStatus = "ok" | "mismatch" | "wrong-type" | "too-large" | "rejected";

export interface Result {
  /** All but `"ok"` have changed nothing. */
  readonly status: ResultStatus;
  /** What was at the key before, for a get what is there; `undefined` where the answer does not tell. */
  readonly previous: Found | undefined;
  /** Where in the log a write took effect or failed, and the last index that a read reflects; `undefined`: not told. */
  readonly index: LogIndex | undefined;
}

export interface Operation {
  readonly client: string;
  readonly call: Call;
  readonly start: number;
  /** Not before `start`; `undefined` while the outcome is unknown. */
  readonly end: number | undefined;
  /** `undefined` while the outcome is unknown. */
  readonly result: Result | undefined;
}

/** An operation under way. Its outcome is unknown until told otherwise. */
export interface OpenOperation {
  /** The answer came. Also after `unknown`: a late answer counts. */
  complete(result: Result): void;
  /** It has certainly had no effect and never will have. */
  reject(): void;
  /** The client stops waiting: what it calls from now on is recorded under a new name. */
  unknown(): void;
}

const REJECTED: Result = Object.freeze({
  status: "rejected",
  previous: undefined,
  index: undefined,
});

/** Whether the call can change what is at its key. */
export function isWrite(call: Call): boolean {
  return call.op !== "get";
}

/** Records the operations of all clients of one run. */
export class HistoryRecorder {
  readonly #operations: RecordedOperation[] = [];
  readonly #names = new Map<string, ClientName>();
  readonly #tick: () => number;

  /**
   * `tick` is the counter that times are taken from: it never goes back, and the fewer ties it has the stricter the
   * checks. By default each beginning and each end has a number of its own.
   */
  constructor(tick: () => number = counter()) {
    this.#tick = tick;
  }

  /** All operations in the order of their beginnings. The list and its records grow with the run. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** An operation begins: call it before anything is sent. */
  start(client: string, call: Call): OpenOperation {
    let name = this.#names.get(client);
    if (name === undefined) {
      name = new ClientName(client);
      this.#names.set(client, name);
    }
    const operation = new RecordedOperation(name, call, this.#tick);
    this.#operations.push(operation);
    return operation;
  }
}

/** "c1", then "c1/2", "c1/3" ... after each unknown outcome. */
class ClientName {
  readonly #base: string;
  #generation = 1;
  current: string;

  constructor(base: string) {
    this.#base = base;
    this.current = base;
  }

  renew(): void {
    this.#generation++;
    this.current = `${this.#base}/${this.#generation}`;
  }
}

class RecordedOperation implements Operation, OpenOperation {
  readonly client: string;
  readonly call: Call;
  readonly start: number;
  end: number | undefined = undefined;
  result: Result | undefined = undefined;
  readonly #name: ClientName;
  readonly #tick: () => number;

  constructor(name: ClientName, call: Call, tick: () => number) {
    this.client = name.current;
    this.call = call;
    this.start = tick();
    this.#name = name;
    this.#tick = tick;
  }

  complete(result: Result): void {
    if (this.result !== undefined) throw new Error("an operation has one outcome");
    this.end = this.#tick();
    this.result = result;
  }

  reject(): void {
    this.complete(REJECTED);
  }

  unknown(): void {
    if (this.result !== undefined) throw new Error("an operation has one outcome");
    // Of several calls that one client gave up at the same time the first takes the name along.
    if (this.#name.current === this.client) this.#name.renew();
  }
}

function counter(): () => number {
  let last = 0;
  return () => ++last;
}
