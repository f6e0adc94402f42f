import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ClientSession } from "../../src/kv/client-session.ts";
import { DEFAULT_RESULTS_PER_SESSION } from "../../src/kv/sessions.ts";

test("the lowest outstanding number is the least that was given out and is not finished, or the next", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(10)), { maxLength: 60 }), (actions) => {
      const session = new ClientSession(1);
      const outstanding: number[] = [];
      let next = 1;
      for (const action of actions) {
        if (action === null) {
          expect(session.start()).toBe(next);
          outstanding.push(next++);
        } else if (outstanding.length > 0) {
          const [finished = 0] = outstanding.splice(action % outstanding.length, 1);
          session.finish(finished);
        }
        expect(session.lowestOutstanding).toBe(outstanding[0] ?? next);
      }
    }),
  );
});

test("no more numbers are given out than the members remember from the lowest on", () => {
  const session = new ClientSession(1);
  for (let n = 1; n <= DEFAULT_RESULTS_PER_SESSION; n += 1) expect(session.start()).toBe(n);
  session.finish(2);
  expect(session.start()).toBeUndefined();
  session.finish(1);
  expect(session.start()).toBe(DEFAULT_RESULTS_PER_SESSION + 1);
});
