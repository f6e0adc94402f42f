/** Whether the index of a journal is what a sorted map is. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordIndex } from "../../src/storage/journal/record-index.ts";
import { Segment } from "../../src/storage/journal/segments.ts";
import type { JournalFile } from "../../src/storage/journal/folder.ts";

const FILE = { size: 4096 } as JournalFile;

/** Runs that lie within each other, and one without a `/`. */
const key = fc.oneof(
  fc.tuple(fc.constantFrom("", "a/", "a/b/", "b/"), fc.integer({ min: 0, max: 40 })),
  fc.tuple(fc.constantFrom("a/"), fc.integer({ min: 0, max: 4000 })),
);
const keyText = key.map(([group, number]) => group + number.toString(16).padStart(3, "0"));

const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("put" as const), key: keyText }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("del" as const), key: keyText }) },
  // As a log does: many come at the end, many go at the front.
  fc.record({ type: fc.constant("append" as const), count: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({ type: fc.constant("cut" as const), count: fc.integer({ min: 1, max: 3000 }) }),
);

const range = fc.record({
  gte: keyText,
  lt: keyText,
  reverse: fc.boolean(),
  limit: fc.integer({ min: 1, max: 20 }),
});

function logKey(number: number): string {
  return `log/${number.toString(16).padStart(8, "0")}`;
}

test("puts, deletions and ranges are those of a sorted map", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.array(range), (changes, ranges) => {
      const segment = new Segment(1, FILE, 0);
      const index = new RecordIndex();
      const model = new Map<string, number>();
      let appended = 0;
      let position = 0;
      const put = (name: string): void => {
        position += 1;
        index.put(name, { segment, position, length: position });
        model.set(name, position);
      };
      const remove = (name: string): void => {
        index.delete(name);
        model.delete(name);
      };
      let cut = 0;
      for (const each of changes) {
        if (each.type === "put") put(each.key);
        else if (each.type === "del") remove(each.key);
        else if (each.type === "append") {
          for (let n = 0; n < each.count; n += 1) put(logKey(appended++));
        } else {
          for (let n = 0; n < each.count && cut < appended; n += 1) remove(logKey(cut++));
        }
      }
      const sorted = [...model.keys()].toSorted((a, b) => (a < b ? -1 : 1));
      for (const each of [...ranges, { gte: "", lt: "z", reverse: false, limit: 1e9 }]) {
        const wanted = sorted.filter((name) => name >= each.gte && name < each.lt);
        if (each.reverse) wanted.reverse();
        expect(index.select(each)).toEqual(
          wanted.slice(0, each.limit).map((name) => ({ key: name, place: index.get(name) })),
        );
      }
      for (const name of sorted) expect(index.get(name)?.position).toBe(model.get(name));
      expect(index.get("a/none")).toBeUndefined();
      expect(index.recordsIn(segment)).toHaveLength(model.size);
      expect(index.live).toBe(
        sorted.reduce((sum, name) => sum + 7 + name.length + (model.get(name) ?? 0), 0),
      );
      expect(segment.live).toBe(index.live);
    }),
    { numRuns: 200 },
  );
});
