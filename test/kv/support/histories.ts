/** Random commands that meet each other: few keys, values of every type, wrong ones too. */

import * as fc from "fast-check";
import type {
  Expectation,
  KvCommand,
  KvOperation,
  KvQuery,
  KvValue,
} from "../../../src/kv/index.ts";

const key: fc.Arbitrary<string> = fc.constantFrom("a", "b", "c", "ä", "😀", "zz", "\uffff");

const number: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, 0.5, -0),
);

const bytes: fc.Arbitrary<Uint8Array> = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 3 })
  .map((values) => Uint8Array.from(values));

const value: fc.Arbitrary<KvValue> = fc.oneof(fc.constantFrom("", "x", "ü"), number, bytes);

const expected: fc.Arbitrary<Expectation> = fc.oneof(
  fc.constant<Expectation>({ type: "absent" }),
  value.map((what): Expectation => ({ type: "value", value: what })),
  fc.integer({ min: 1, max: 40 }).map((index): Expectation => ({ type: "index", index })),
);

const previous: fc.Arbitrary<true | undefined> = fc.constantFrom(true, undefined);

const operation: fc.Arbitrary<KvOperation> = fc.oneof(
  fc.record({ type: fc.constant("get" as const), key }),
  fc.record({ type: fc.constant("put" as const), key, value, previous }),
  fc.record({ type: fc.constant("delete" as const), key, previous }),
  fc.record({
    type: fc.constant("compare-and-set" as const),
    key,
    expected,
    value: fc.option(value, { nil: undefined }),
    previous,
  }),
  fc.record({
    type: fc.constant("append" as const),
    key,
    value: fc.oneof(fc.constantFrom("", "x", "ü"), bytes),
    previous,
  }),
  fc.record({
    type: fc.constant("increment" as const),
    key,
    by: fc.constantFrom(1, -2, Number.MAX_SAFE_INTEGER),
  }),
);

export const command: fc.Arbitrary<KvCommand> = fc.oneof(
  { weight: 4, arbitrary: operation },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("batch" as const),
      operations: fc.array(operation, { maxLength: 4 }),
    }),
  },
);

const bound = fc.option(fc.oneof(key, fc.constantFrom("", "b\0", "\u{10ffff}")), {
  nil: undefined,
});

export const range: fc.Arbitrary<Extract<KvQuery, { type: "range" }>> = fc.record({
  type: fc.constant("range" as const),
  start: bound,
  end: bound,
  limit: fc.integer({ min: 1, max: 5 }),
  reverse: fc.boolean(),
});

/** The same for the same seed. */
export function sample<Value>(
  arbitrary: fc.Arbitrary<Value>,
  seed: number,
  count: number,
): Value[] {
  return fc.sample(arbitrary, { seed, numRuns: count });
}
