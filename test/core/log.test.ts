/** The log against an array of entries that forgets nothing but what it is told to. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  append,
  compactTo,
  createLog,
  isUpToDate,
  lastAtMost,
  lastEntryId,
  resetTo,
  shrinkTail,
  sizeOf,
  tailEntries,
  termAt,
  truncateFrom,
} from "../../src/core/log.ts";
import type { Log } from "../../src/core/log.ts";
import type { Entry, EntryId } from "../../src/core/types.ts";
import { emptySnapshot } from "../../src/storage/storage.ts";
import { configuration, entries, entry } from "./support/world.ts";

class NaiveLog {
  compacted: EntryId = { term: 0, index: 0 };
  entries: Entry[] = [];
  /** The first that is in memory, at most. */
  memory = 1;

  get last(): EntryId {
    const { term, index } = this.entries.at(-1) ?? this.compacted;
    return { term, index };
  }

  at(index: number): EntryId | undefined {
    return [this.compacted, ...this.entries].find((each) => each.index === index);
  }

  lastAtMost(index: number, term: number): EntryId {
    const found = this.entries.findLast((each) => each.index <= index && each.term <= term);
    const { compacted } = this;
    return found === undefined ? compacted : { term: found.term, index: found.index };
  }
}

interface Both {
  readonly log: Log;
  readonly naive: NaiveLog;
}

function emptyLog(): Log {
  return createLog({
    hardState: { currentTerm: 0, votedFor: undefined, commitIndex: 0 },
    snapshot: emptySnapshot(configuration("a")),
    compacted: { term: 0, index: 0 },
    lastIndex: 0,
    lastTime: 0,
    runs: [],
    configurations: [],
  });
}

const SIZE = sizeOf(entry({ term: 1, index: 1 }));

class Append implements fc.Command<NaiveLog, Both> {
  readonly #higher: number;
  constructor(higher: number) {
    this.#higher = higher;
  }
  check(): boolean {
    return true;
  }
  run(naive: NaiveLog, { log }: Both): void {
    const { term, index } = naive.last;
    const next = entry({ term: Math.max(1, term) + this.#higher, index: index + 1 });
    append(log, next);
    naive.entries.push(next);
    compare(naive, log);
  }
  toString(): string {
    return `append +${this.#higher}`;
  }
}

/** A command whose argument picks a place in the log. */
class At implements fc.Command<NaiveLog, Both> {
  readonly #name: string;
  readonly #place: number;
  readonly #act: (naive: NaiveLog, log: Log, index: number) => void;
  constructor(
    name: string,
    place: number,
    act: (naive: NaiveLog, log: Log, index: number) => void,
  ) {
    this.#name = name;
    this.#place = place;
    this.#act = act;
  }
  check(naive: NaiveLog): boolean {
    return naive.entries.length > 0;
  }
  run(naive: NaiveLog, { log }: Both): void {
    const index = naive.compacted.index + 1 + (this.#place % naive.entries.length);
    this.#act(naive, log, index);
    compare(naive, log);
  }
  toString(): string {
    return `${this.#name} ${this.#place}`;
  }
}

function truncate(naive: NaiveLog, log: Log, index: number): void {
  truncateFrom(log, index);
  naive.entries.length = index - naive.compacted.index - 1;
  naive.memory = Math.min(naive.memory, index);
}

function compact(naive: NaiveLog, log: Log, index: number): void {
  compactTo(log, index);
  const term = naive.at(index)?.term ?? 0;
  naive.entries.splice(0, index - naive.compacted.index);
  naive.compacted = { term, index };
}

function reset(naive: NaiveLog, log: Log, index: number): void {
  const id = { term: naive.last.term + 1, index: index + 3 };
  resetTo(log, id);
  naive.compacted = id;
  naive.entries = [];
}

/** Shrinking changes nothing but what is in memory: never above the floor, and enough where it may. */
function shrink(naive: NaiveLog, log: Log, floor: number): void {
  const before = log.tailFirst;
  shrinkTail(log, floor, 3 * SIZE);
  expect(log.tailFirst).toBeLessThanOrEqual(Math.max(before, floor + 1));
  expect(log.tailBytes <= 3 * SIZE || log.tailFirst === Math.max(before, floor + 1)).toBe(true);
  naive.memory = log.tailFirst;
}

function compare(naive: NaiveLog, log: Log): void {
  expect(log.compacted).toEqual(naive.compacted);
  expect(lastEntryId(log)).toEqual(naive.last);
  for (let index = 0; index <= naive.last.index + 2; index += 1) {
    expect(termAt(log, index)).toBe(naive.at(index)?.term);
    for (let term = 0; term <= naive.last.term + 1; term += 1) {
      if (index < naive.compacted.index) continue;
      expect(lastAtMost(log, index, term)).toEqual(naive.lastAtMost(index, term));
    }
  }
  // The tail is the end of the log, and its size is what is in it.
  expect(log.tail).toEqual(naive.entries.slice(naive.entries.length - log.tail.length));
  expect(log.tailFirst).toBe(naive.last.index + 1 - log.tail.length);
  expect(log.tailFirst).toBeLessThanOrEqual(Math.max(naive.memory, naive.compacted.index + 1));
  expect(log.tailBytes).toBe(log.tail.reduce((sum, each) => sum + sizeOf(each), 0));
  expect(log.runs.every(({ term }, at) => term > (log.runs[at - 1]?.term ?? 0))).toBe(true);
}

test("the log is an array: append, truncate, compact, reset and shrink in any order", () => {
  expect.hasAssertions();
  const place = fc.nat(30);
  const commands = [
    fc.constantFrom(0, 0, 0, 1, 2).map((higher) => new Append(higher)),
    fc.constantFrom(0, 0, 0, 1, 2).map((higher) => new Append(higher)),
    place.map((at) => new At("truncate", at, truncate)),
    place.map((at) => new At("compact", at, compact)),
    place.map((at) => new At("reset", at, reset)),
    place.map((at) => new At("shrink", at, shrink)),
  ];
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 30, size: "max" }), (list) => {
      fc.modelRun(() => {
        const naive = new NaiveLog();
        return { model: naive, real: { log: emptyLog(), naive } };
      }, list);
    }),
    { numRuns: 200 },
  );
});

test("entries of the tail: as many as fit, at least one, never beyond `to` (rule 35)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.nat(9),
      fc.nat(9),
      fc.nat(10 * SIZE),
      (count, from, to, maxBytes) => {
        fc.pre(from >= 1 && from <= count && to >= from && to <= count);
        const log = emptyLog();
        for (const each of entries(
          1,
          Array.from({ length: count }, () => 1),
        ))
          append(log, each);
        const found = tailEntries(log, from, to, maxBytes) ?? [];
        const fitting = Math.floor(maxBytes / SIZE);
        expect(found.map(({ index }) => index)).toEqual(
          Array.from(
            { length: Math.min(Math.max(1, fitting), to - from + 1) },
            (_, at) => from + at,
          ),
        );
      },
    ),
  );
});

test("entries that are no longer in memory are said to be missing, not left out", () => {
  const log = emptyLog();
  for (const each of entries(1, [1, 1, 1, 1])) append(log, each);
  shrinkTail(log, 2, 0);
  expect(log.tailFirst).toBe(3);
  expect(tailEntries(log, 2, 4, 1000)).toBeUndefined();
  expect(tailEntries(log, 3, 4, 1000)).toHaveLength(2);
});

test("rule 31: the term of an entry that is compacted, or not there yet, is unknown and not 0", () => {
  const log = emptyLog();
  for (const each of entries(1, [1, 2, 3])) append(log, each);
  compactTo(log, 2);
  expect([0, 1, 2, 3, 4].map((index) => termAt(log, index))).toEqual([
    undefined,
    undefined,
    2,
    3,
    undefined,
  ]);
});

test("what is cut off is no longer durable, and what is appended is not durable yet", () => {
  const log = emptyLog();
  for (const each of entries(1, [1, 1, 1])) append(log, each);
  expect(log.durableIndex).toBe(0);
  log.durableIndex = 3;
  truncateFrom(log, 2);
  append(log, entry({ term: 2, index: 2 }));
  expect(log.durableIndex).toBe(1);
});

test("a hole, a falling term, and a cut outside of the log are refused", () => {
  const log = emptyLog();
  append(log, entry({ term: 2, index: 1 }));
  expect(() => append(log, entry({ term: 2, index: 3 }))).toThrow("without a hole");
  expect(() => append(log, entry({ term: 1, index: 2 }))).toThrow("terms never fall");
  expect(() => truncateFrom(log, 0)).toThrow("what is cut off is in the log");
  expect(() => truncateFrom(log, 2)).toThrow("what is cut off is in the log");
  expect(() => compactTo(log, 2)).toThrow("what is compacted is in the log");
});

test("rule 8: up to date is the last term, then the last index, and nothing else (5.4.1)", () => {
  const id = fc.record({ term: fc.nat(4), index: fc.nat(4) });
  fc.assert(
    fc.property(id, id, (a, b) => {
      expect(isUpToDate(a, b)).toBe(100 * a.term + a.index >= 100 * b.term + b.index);
    }),
  );
});
