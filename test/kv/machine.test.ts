import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encode } from "../../src/codec.ts";
import { encodeCommand, KvMachine, MAX_VALUE_LENGTH } from "../../src/kv/index.ts";
import type { KvCommand, KvResult } from "../../src/kv/index.ts";
import type { AppliedCommand } from "../../src/node/state-machine.ts";
import { stateMachineConformance } from "../../src/testing/state-machine-conformance.ts";
import { command, range, sample } from "./support/histories.ts";
import { NaiveStore } from "./support/naive-store.ts";

function entry(index: number, payload: Uint8Array): AppliedCommand {
  return { index, term: 1, time: index, payload };
}

function apply(machine: KvMachine, index: number, what: KvCommand): KvResult | undefined {
  return machine.apply([entry(index, encodeCommand(what))])[0];
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

async function* stream(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function block(value: unknown): Uint8Array {
  const bytes = encode(value);
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

describe("KvMachine is a state machine", () => {
  const malformed = Uint8Array.of(0xc1);
  const cases = stateMachineConformance({
    create: () => new KvMachine(),
    commands: (seed) => [...sample(command, seed, 60).map(encodeCommand), malformed],
    queries: (seed) => [
      { type: "range", start: undefined, end: undefined, limit: 1000, reverse: false } as const,
      ...sample(range, seed, 10),
    ],
  });
  test.each(cases)("$name", async ({ run }) => expect(run()).resolves.toBeUndefined());
});

test("it does what a Map would do, ranges and batches included", () => {
  const history = fc.array(fc.oneof(command, range), { maxLength: 60 });
  fc.assert(
    fc.property(history, (steps) => {
      const machine = new KvMachine();
      const model = new NaiveStore();
      for (const [position, step] of steps.entries()) {
        const index = position + 1;
        const [actual, expected] =
          step.type === "range"
            ? [machine.query(step), model.query(step)]
            : [apply(machine, index, step), model.apply(step, index)];
        expect(actual).toEqual(expected);
      }
      expect(machine.size).toBe(model.state.size);
    }),
    { numRuns: 500 },
  );
});

test("any bytes give a result and not an exception, the same on every member (rule 63)", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(command, fc.nat(), fc.nat(255)).map(([what, at, byte]) => {
      const flipped = Uint8Array.from(encodeCommand(what));
      flipped[at % flipped.length] = byte;
      return flipped;
    }),
    fc.jsonValue().map(encode),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 10 }), (payloads) => {
      const entries = payloads.map((payload, position) => entry(position + 1, payload));
      const [left, right] = [new KvMachine(), new KvMachine()];
      expect(left.apply(entries)).toEqual(right.apply(entries.map((each) => ({ ...each }))));
    }),
    { numRuns: 500 },
  );
});

test("absent is not the empty string", () => {
  const machine = new KvMachine();
  apply(machine, 1, { type: "put", key: "k", value: "" });
  expect(machine.query({ type: "get", key: "k" })).toEqual({
    type: "get",
    found: { value: "", index: 1 },
  });
  expect(machine.query({ type: "get", key: "l" })).toEqual({ type: "get", found: undefined });
  const swap = { type: "compare-and-set", key: "l", value: "v" } as const;
  const result = apply(machine, 2, { ...swap, expected: { type: "value", value: "" } });
  expect(result).toEqual({ status: "mismatch", previous: undefined });
});

test("a value does not grow beyond its bound, and a batch does not answer more than its own", () => {
  const machine = new KvMachine();
  const big = "x".repeat(MAX_VALUE_LENGTH);
  for (let n = 1; n <= 5; n++) apply(machine, n, { type: "put", key: `k${n}`, value: big });

  const grown = apply(machine, 6, { type: "append", key: "k1", value: "y" });
  expect(grown).toMatchObject({ status: "too-large", previous: { index: 1 } });

  const operations = [1, 2, 3, 4, 5].map((n) => ({ type: "delete", key: `k${n}` }) as const);
  const asking = operations.map((each) => ({ ...each, previous: true }));
  const aborted = apply(machine, 7, { type: "batch", operations: asking });
  expect(aborted).toMatchObject({ status: "aborted", failedAt: 4, cause: { status: "too-large" } });
  expect(machine.size).toBe(5);

  expect(apply(machine, 8, { type: "batch", operations })).toMatchObject({ status: "committed" });
  expect(machine.size).toBe(0);
});

test("what was there before is told where it is asked for, or where nothing has changed", () => {
  const machine = new KvMachine();
  const put = (index: number, previous?: boolean): unknown =>
    apply(machine, index, { type: "put", key: "k", value: `v${index}`, previous });

  expect(put(1, true)).toEqual({ status: "ok", previous: undefined });
  expect(put(2)).toEqual({ status: "ok", previous: undefined });
  expect(put(3, true)).toEqual({ status: "ok", previous: { value: "v2", index: 2 } });
  const expected = { type: "absent" } as const;
  const swap = { type: "compare-and-set", key: "k", expected, value: "w" } as const;
  expect(apply(machine, 4, swap)).toEqual({
    status: "mismatch",
    previous: { value: "v3", index: 3 },
  });
  expect(apply(machine, 5, { type: "delete", key: "k" })).toEqual({
    status: "ok",
    previous: undefined,
  });
});

test("a range is cut off by bytes as by count, says so, and can be gone on with", () => {
  const machine = new KvMachine();
  const value = "x".repeat(100 * 1024);
  for (let n = 0; n < 5; n++) apply(machine, n + 1, { type: "put", key: `k${n}`, value });
  const keys: string[] = [];
  let start: string | undefined;
  for (let more = true; more;) {
    const answer = machine.query({
      type: "range",
      start,
      end: undefined,
      limit: 100,
      reverse: false,
    });
    if (answer.type !== "range") throw new TypeError("not a range");
    expect(answer.entries.length).toBeLessThanOrEqual(2);
    keys.push(...answer.entries.map(({ key }) => key));
    start = `${keys.at(-1)}\0`;
    ({ more } = answer);
  }
  expect(keys).toEqual(["k0", "k1", "k2", "k3", "k4"]);
});

describe("snapshots", () => {
  test("chunks are bounded, and the same state gives the same bytes whatever its history", async () => {
    const [left, right] = [new KvMachine(), new KvMachine()];
    const values = Array.from({ length: 3000 }, (_, n) => "v".repeat(n % 500));
    values[7] = "w".repeat(MAX_VALUE_LENGTH);
    for (const n of values.keys()) {
      apply(right, n + 1, { type: "put", key: `gone ${n}`, value: 0 });
    }
    for (const machine of [left, right]) {
      const order = machine === left ? values.keys() : [...values.keys()].toReversed();
      for (const n of order) {
        apply(machine, n + 1, { type: "put", key: `k${n}`, value: values[n] ?? "" });
      }
    }
    for (const n of values.keys()) apply(right, 9000, { type: "delete", key: `gone ${n}` });

    const chunks = await collect(left.snapshot());
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(128 * 1024);
    expect(chunks.length).toBeGreaterThan(10);
    expect(Buffer.concat(await collect(right.snapshot())).equals(Buffer.concat(chunks))).toBe(true);
  });

  test("rule 56: another version is refused by name, and nothing has changed", async () => {
    const machine = new KvMachine();
    apply(machine, 1, { type: "put", key: "k", value: "v" });
    const other = machine.restore(stream(block(["quorate-kv", 2, 0])));
    await expect(other).rejects.toMatchObject({
      code: "RAFT_FORMAT_VERSION",
      message: expect.stringContaining("version 2") as string,
    });
    const foreign = machine.restore(stream(block(["something else", 1, 0])));
    await expect(foreign).rejects.toMatchObject({ code: "RAFT_FORMAT_VERSION" });
    expect(machine.size).toBe(1);
  });

  test("a snapshot that is cut off, too long or altered is refused, and nothing has changed", async () => {
    const source = new KvMachine();
    for (let n = 1; n < 20; n++) apply(source, n, { type: "put", key: `k${n}`, value: n });
    const bytes = Buffer.concat(await collect(source.snapshot()));
    const machine = new KvMachine();
    apply(machine, 1, { type: "put", key: "k", value: "v" });
    const header = block(["quorate-kv", 1, 2]);
    for (const wrong of [
      bytes.subarray(0, -1),
      bytes.subarray(0, 2),
      Buffer.concat([bytes, Uint8Array.of(0)]),
      Buffer.concat([header, block(["a", 1, 1, "a", 1, 1])]),
      Buffer.concat([header, block(["a", 1, 1, "b", 1, 1, "c", 1, 1])]),
      Buffer.concat([header, block(["a", null, 1, "b", 1, 1])]),
      Buffer.concat([header, block([])]),
      Buffer.concat([header, Uint8Array.of(0, 0, 0, 1, 0xc1)]),
      Buffer.concat([header, Uint8Array.of(0xff, 0xff, 0xff, 0xff)]),
    ]) {
      await expect(machine.restore(stream(wrong))).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
    }
    expect(machine.size).toBe(1);
  });
});

test("what is stored is not the bytes of the caller", () => {
  fc.assert(
    fc.property(command, (what) => {
      const machine = new KvMachine();
      const bytes = encodeCommand(what);
      machine.apply([entry(1, bytes)]);
      const before = machine.query({
        type: "range",
        start: undefined,
        end: undefined,
        limit: 9,
        reverse: false,
      });
      const seen = structuredClone(before);
      bytes.fill(0);
      expect(structuredClone(before)).toEqual(seen);
    }),
  );
});
