import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Keyspace } from "../../src/kv/keyspace.ts";
import type { VersionedValue } from "../../src/kv/results.ts";

type Pair = readonly [string, VersionedValue];

const key = fc.constantFrom("a", "b", "c", "d", "e");
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("set" as const), key }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("delete" as const), key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("capture" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("read" as const),
      which: fc.nat(3),
      count: fc.nat(4),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("give up" as const), which: fc.nat(3) }) },
);

/** In order, as a naive model has it. */
function sorted(model: ReadonlyMap<string, VersionedValue>): Pair[] {
  return [...model].toSorted(([left], [right]) => (left < right ? -1 : 1));
}

test("it is a map in order, and a capture shows what was there when it was taken, whenever it is read", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const keys = new Keyspace();
      const model = new Map<string, VersionedValue>();
      const captures: { reader: Iterator<Pair>; expected: Pair[] }[] = [];
      const read = (capture: (typeof captures)[number] | undefined, count: number): void => {
        if (capture === undefined) return;
        for (let n = 0; n < count; n += 1)
          expect(capture.reader.next().value).toEqual(capture.expected.shift());
      };

      for (const [at, step] of actions.entries()) {
        if (step.type === "set") {
          const entry = { value: `v${at}`, index: at };
          expect(keys.set(step.key, entry)).toEqual(model.get(step.key));
          model.set(step.key, entry);
        } else if (step.type === "delete") {
          keys.delete(step.key);
          model.delete(step.key);
        } else if (step.type === "capture") {
          captures.push({ reader: keys.capture(), expected: sorted(model) });
        } else if (step.type === "read") {
          read(captures[step.which], step.count);
        } else {
          captures[step.which]?.reader.return?.();
          captures.splice(step.which, 1);
        }
        expect([...keys.ascending(undefined)]).toEqual(sorted(model));
        expect([...keys.descending(undefined)]).toEqual(sorted(model).toReversed());
        expect(keys.size).toBe(model.size);
      }
      for (const capture of captures) read(capture, capture.expected.length + 1);
    }),
    { numRuns: 500 },
  );
});

test("a capture holds on to nothing that has come and gone since", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const keys = new Keyspace();
  const cameAndWent = (at: number): WeakRef<VersionedValue> => {
    const entry = { value: "first", index: at };
    keys.set("a", entry);
    keys.set("a", { value: "second", index: at + 1 });
    keys.delete("a");
    return new WeakRef(entry);
  };

  const capture = keys.capture();
  const gone = [1, 3, 5].map(cameAndWent);
  // A reference is kept to the end of the turn that has made it.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  collectGarbage();

  expect(gone.map((entry) => entry.deref())).toEqual([undefined, undefined, undefined]);
  expect([...capture]).toEqual([]);
});

test("ranges begin at their bounds", () => {
  const keys = new Keyspace();
  for (const [at, name] of ["d", "a", "c", "b"].entries()) keys.set(name, { value: at, index: at });
  expect([...keys.ascending("b")].map(([name]) => name)).toEqual(["b", "c", "d"]);
  expect([...keys.descending("c")].map(([name]) => name)).toEqual(["b", "a"]);
});
