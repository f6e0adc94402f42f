import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ResultWindow } from "../../src/kv/result-window.ts";

test("it holds what a Map would hold", () => {
  const step = fc.record({ above: fc.nat(300), forget: fc.nat(40) });
  const start = fc.constantFrom(1, 2 ** 31 - 20, Number.MAX_SAFE_INTEGER - 100_000);
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 100 }), (from, steps) => {
      const window = new ResultWindow<number>();
      const model = new Map<number, number>();
      let lowest = from;
      window.forgetBelow(lowest);
      for (const [value, { above, forget }] of steps.entries()) {
        const number = lowest + above;
        expect(window.get(number)).toBe(model.get(number));
        if (!model.has(number)) {
          window.set(number, value);
          model.set(number, value);
        }
        lowest += forget;
        window.forgetBelow(lowest);
        for (const known of model.keys()) if (known < lowest) model.delete(known);
        expect(window.lowest).toBe(lowest);
        expect(window.size).toBe(model.size);
        expect([...window.entries()]).toEqual([...model].toSorted(([a], [b]) => a - b));
        expect(window.get(lowest - 1)).toBeUndefined();
      }
    }),
  );
});

test("the bound never goes back, and a jump takes no time", () => {
  const window = new ResultWindow<string>();
  window.set(3, "three");
  window.forgetBelow(Number.MAX_SAFE_INTEGER);
  window.forgetBelow(2);
  expect(window.lowest).toBe(Number.MAX_SAFE_INTEGER);
  expect(window.size).toBe(0);
  window.set(Number.MAX_SAFE_INTEGER, "last");
  expect([...window.entries()]).toEqual([[Number.MAX_SAFE_INTEGER, "last"]]);
});
