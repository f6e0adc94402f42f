import * as fc from "fast-check";
import { expect, test } from "vitest";
import { InFlight } from "../../src/kv/in-flight.ts";

test("what is in flight is what was sent and not answered, in the order of sending", () => {
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.constant("send" as const) },
    { weight: 2, arbitrary: fc.nat(300) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
      const inFlight = new InFlight<string>();
      const model = new Map<number, { call: string; sentAt: number; bytes: number }>();
      for (const [now, what] of actions.entries()) {
        if (what === "send") {
          const id = inFlight.nextId;
          inFlight.add(`call ${now}`, now, 3 * now);
          model.set(id, { call: `call ${now}`, sentAt: now, bytes: 3 * now });
        } else {
          expect(inFlight.get(what)).toBe(model.get(what)?.call);
          inFlight.delete(what);
          model.delete(what);
        }
        expect(inFlight.size).toBe(model.size);
        expect(inFlight.oldestSentAt).toBe([...model.values()][0]?.sentAt);
        expect(inFlight.oldestId).toBe([...model.keys()][0] ?? inFlight.nextId);
        expect(inFlight.bytes).toBe([...model.values()].reduce((sum, { bytes }) => sum + bytes, 0));
      }
      expect(inFlight.calls).toEqual([...model.values()].map(({ call }) => call));
    }),
  );
});

test("one that is not answered for long holds nobody up", () => {
  const inFlight = new InFlight<string>();
  const first = inFlight.nextId;
  inFlight.add("first", 0, 1);
  for (let now = 1; now < 1000; now += 1) {
    const id = inFlight.nextId;
    inFlight.add("other", now, 1);
    expect(inFlight.get(id)).toBe("other");
    inFlight.delete(id);
    expect(inFlight.get(id)).toBeUndefined();
  }
  const last = inFlight.nextId;
  inFlight.add("last", 1000, 1);
  expect([inFlight.calls, inFlight.oldestSentAt]).toEqual([["first", "last"], 0]);
  inFlight.delete(first);
  expect([inFlight.calls, inFlight.oldestSentAt]).toEqual([["last"], 1000]);
  inFlight.delete(last);
  expect([inFlight.size, inFlight.oldestSentAt]).toEqual([0, undefined]);
});
