/** Equality of plain data, which the checks of answers and messages rest on. */

import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { samePlain } from "../../sim/same-plain.ts";

test.each<[unknown, unknown]>([
  [
    { a: 1, b: { c: "x" } },
    { b: { c: "x" }, a: 1 },
  ],
  [{ a: 1, b: undefined }, { a: 1 }],
  [{ a: 1 }, { b: undefined, a: 1 }],
  [{ a: undefined }, {}],
])("%j says the same as %j", (a, b) => {
  expect(samePlain(a, b)).toBe(true);
  expect(samePlain(b, a)).toBe(true);
});

test.each<[unknown, unknown]>([
  [{ a: 1 }, { a: 2 }],
  [{ a: 1 }, { a: 1, b: 1 }],
  [{ a: 1 }, { b: 1 }],
  [
    { a: 1, b: undefined },
    { a: undefined, b: 1 },
  ],
  [{ a: { b: [1, 2] } }, { a: { b: [1, 2, 3] } }],
  [{ a: null }, {}],
  [{}, undefined],
])("%j says something else than %j", (a, b) => {
  expect(samePlain(a, b)).toBe(false);
  expect(samePlain(b, a)).toBe(false);
});

test("any two pieces of data are compared as Node does it", () => {
  const leaf = fc.constantFrom<unknown>(0, 1, "", "x", null, true);
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(samePlain(a, b)).toBe(isDeepStrictEqual(a, b));
      expect(samePlain(a, structuredClone(a))).toBe(true);
    }),
  );
});
