/** The store as one would write it without a thought for speed: a Map, copied for each batch. */

import type { KvCommand, KvOperation, KvQuery, KvValue } from "../../../src/kv/index.ts";
import type {
  KvAnswer,
  KvOperationResult,
  KvResult,
  VersionedValue,
} from "../../../src/kv/index.ts";

export class NaiveStore {
  state = new Map<string, VersionedValue>();

  apply(command: KvCommand, index: number): KvResult {
    if (command.type !== "batch") return told(command, this.operate(command, index));
    const before = new Map(this.state);
    const results: KvOperationResult[] = [];
    for (const [failedAt, operation] of command.operations.entries()) {
      const cause = this.operate(operation, index);
      if (cause.status !== "ok") {
        this.state = before;
        return { status: "aborted", failedAt, cause };
      }
      results.push(told(operation, cause));
    }
    return { status: "committed", results };
  }

  query(query: KvQuery): KvAnswer {
    if (query.type === "get") return { type: "get", found: this.state.get(query.key) };
    const { start, end, limit, reverse } = query;
    const all = [...this.state]
      .map(([key, versioned]) => ({ key, ...versioned }))
      .filter(({ key }) => start === undefined || !(key < start))
      .filter(({ key }) => end === undefined || key < end)
      .toSorted((left, right) => (left.key < right.key ? -1 : 1));
    if (reverse) all.reverse();
    return { type: "range", entries: all.slice(0, limit), more: all.length > limit };
  }

  operate(operation: KvOperation, index: number): KvOperationResult {
    const previous = this.state.get(operation.key);
    const next = wanted(operation, previous);
    if (typeof next === "object" && "failure" in next) return { status: next.failure, previous };
    if (next === "keep") return { status: "ok", previous };
    if (next.value === undefined) this.state.delete(operation.key);
    else this.state.set(operation.key, { value: next.value, index });
    return { status: "ok", previous };
  }
}

/** Without what was there, where nobody asked for it and something has changed. */
function told(operation: KvOperation, result: KvOperationResult): KvOperationResult {
  if (operation.type === "get" || operation.type === "increment") return result;
  if (operation.previous === true || result.status !== "ok") return result;
  return { status: "ok", previous: undefined };
}

type Wanted =
  | "keep"
  | { readonly value: KvValue | undefined }
  | { readonly failure: "mismatch" | "wrong-type" | "too-large" };

function wanted(operation: KvOperation, previous: VersionedValue | undefined): Wanted {
  const old = previous?.value;
  switch (operation.type) {
    case "get":
      return "keep";
    case "put":
      return { value: operation.value === 0 ? 0 : operation.value };
    case "delete":
      return { value: undefined };
    case "compare-and-set": {
      const { expected } = operation;
      const met =
        expected.type === "absent"
          ? previous === undefined
          : expected.type === "index"
            ? previous?.index === expected.index
            : same(old, expected.value);
      return met ? { value: operation.value === 0 ? 0 : operation.value } : { failure: "mismatch" };
    }
    case "append": {
      if (old === undefined) return { value: operation.value };
      if (typeof old === "string" && typeof operation.value === "string") {
        return { value: `${old}${operation.value}` };
      }
      if (old instanceof Uint8Array && operation.value instanceof Uint8Array) {
        return { value: Uint8Array.from([...old, ...operation.value]) };
      }
      return { failure: "wrong-type" };
    }
    case "increment": {
      const from = old ?? 0;
      if (typeof from !== "number" || !Number.isSafeInteger(from)) return { failure: "wrong-type" };
      const sum = from + operation.by;
      return Number.isSafeInteger(sum) ? { value: sum } : { failure: "too-large" };
    }
  }
}

function same(left: KvValue | undefined, right: KvValue): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return left.join() === right.join();
  }
  return left === right;
}
