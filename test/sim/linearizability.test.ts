/** The search for an order: what it must refuse, and that it agrees with one that tries every order. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HistoryValue, Operation } from "../../sim/history.ts";
import { checkLinearizability } from "../../sim/linearizability.ts";
import {
  answered,
  hasSomeOrder,
  nothing,
  someBrokenHistory,
  someTrueHistory,
  unanswered,
} from "./support/histories.ts";
import { longHistory } from "./support/long-histories.ts";
import { wrongHistories } from "./support/wrong-histories.ts";

const key = "k";

function verdictOf(...history: Operation[]): string {
  return checkLinearizability(history).type;
}

/** A put that takes one. */
function put(value: HistoryValue, start: number, index?: number): Operation {
  return answered("c1", { op: "put", key, value }, [start, start + 1], { index });
}

/** A get that takes one, and sees the value of the write at the index. */
function get(value: HistoryValue | undefined, start: number, index?: number): Operation {
  const previous = { value, index };
  return answered("c2", { op: "get", key }, [start, start + 1], { previous });
}

describe("what is refused", () => {
  test.each(wrongHistories)("$name", ({ history }) => {
    expect(hasSomeOrder(history)).toBe(false);
    expect(checkLinearizability(history).type).toBe("violation");
  });
});

describe("outcomes that nobody knows", () => {
  const late = { op: "put", key, value: "late" } as const;

  test("an unknown write may take effect long after its client gave up", () => {
    const history = [
      unanswered("c1", late, 1),
      answered("c2", { op: "get", key }, [10, 11], { previous: nothing }),
      answered("c2", { op: "get", key }, [90, 91], { previous: { value: "late", index: 7 } }),
    ];
    expect(verdictOf(...history)).toBe("linearizable");
  });

  test("an unknown write may never take effect", () => {
    const read = answered("c2", { op: "get", key }, [90, 91], { previous: nothing });
    expect(verdictOf(unanswered("c1", late, 1), read)).toBe("linearizable");
  });

  test("an unknown write is not seen before it began", () => {
    const read = answered("c2", { op: "get", key }, [1, 2], {
      previous: { value: "late", index: 7 },
    });
    expect(verdictOf(unanswered("c1", late, 3), read)).toBe("violation");
  });

  test("an unknown append takes effect once", () => {
    const history = [
      unanswered("c1", { op: "append", key, value: "a" }, 1),
      answered("c2", { op: "get", key }, [2, 3], { previous: { value: "aa", index: undefined } }),
    ];
    expect(verdictOf(...history)).toBe("violation");
  });

  test("unknown appends build on each other", () => {
    const history = [
      unanswered("c1", { op: "append", key, value: "a" }, 1),
      unanswered("c2", { op: "append", key, value: "b" }, 1),
      unanswered("c3", { op: "put", key, value: "x" }, 1),
      answered("c4", { op: "get", key }, [2, 3], { previous: { value: "xba", index: undefined } }),
    ];
    expect(verdictOf(...history)).toBe("linearizable");
  });

  test("what nobody saw may lie between what was seen", () => {
    const isX = { type: "value", value: "x" } as const;
    const through = [
      unanswered("c1", { op: "put", key, value: "x" }, 1),
      unanswered("c1", { op: "cas", key, expected: isX, value: "y" }, 1),
    ];
    expect(verdictOf(...through, get("y", 2))).toBe("linearizable");

    const afresh = [
      unanswered("c1", { op: "delete", key }, 1),
      unanswered("c1", { op: "append", key, value: "a" }, 1),
    ];
    expect(verdictOf(put("z", 1), ...afresh, get("a", 3))).toBe("linearizable");
  });

  test("of unknown writes that are alike the one that had begun is seen", () => {
    const history = [unanswered("c1", late, 9), unanswered("c3", late, 1), get("late", 2)];
    expect(verdictOf(...history)).toBe("linearizable");
  });

  test("an unknown write that began after an answer is not put before it, whatever was tried meanwhile", () => {
    const history = [
      unanswered("c1", { op: "put", key, value: "x" }, 1),
      get("x", 2),
      unanswered("c3", { op: "cas", key, expected: { type: "absent" }, value: "x" }, 4),
      put("y", 4),
      get("y", 6),
      get("x", 8),
    ];
    expect(hasSomeOrder(history)).toBe(false);
    expect(verdictOf(...history)).toBe("violation");
  });

  test("an unknown read says nothing, and a local one is not asked to be new", () => {
    const history = [
      answered("c1", late, [1, 2], { previous: nothing }),
      unanswered("c2", { op: "get", key }, 3),
      answered("c2", { op: "get", key, consistency: "local" }, [4, 5], { previous: nothing }),
    ];
    expect(verdictOf(...history)).toBe("linearizable");
  });
});

test("operations that touch are concurrent: at the same time calls come before returns", () => {
  const write = answered("c1", { op: "put", key, value: "a" }, [1, 5]);
  const read = (start: number): Operation =>
    answered("c2", { op: "get", key }, [start, 9], { previous: nothing });
  expect(verdictOf(write, read(5))).toBe("linearizable");
  expect(verdictOf(write, read(6))).toBe("violation");
});

test('absent is not the empty string, and 1 is not "1"', () => {
  expect(verdictOf(put("", 1), get(undefined, 3))).toBe("violation");
  expect(verdictOf(put(1, 1), get("1", 3))).toBe("violation");
  expect(verdictOf(put(1, 1), get(1, 3))).toBe("linearizable");
});

test("two writes of one value are told apart by their indexes", () => {
  const writes = [put("a", 1, 1), put("a", 3, 2)];
  expect(verdictOf(...writes, get("a", 9, 2))).toBe("linearizable");
  expect(verdictOf(...writes, get("a", 9, 1))).toBe("violation");
});

test("a violation tells the longest beginning that has an order, and what then has no place", () => {
  const first = answered("c1", { op: "put", key, value: "a" }, [1, 2]);
  const second = answered("c1", { op: "put", key, value: "b" }, [3, 4]);
  const stale = answered("c2", { op: "get", key }, [5, 7], {
    previous: { value: "a", index: undefined },
  });
  const concurrent = answered("c3", { op: "get", key }, [7, 9], { previous: nothing });
  const later = answered("c1", { op: "put", key, value: "c" }, [8, 10]);
  const refused = answered("c4", { op: "delete", key }, [1, 3], { status: "rejected" });
  const elsewhere = answered("c4", { op: "delete", key: "other" }, [1, 3]);
  const history = [elsewhere, later, stale, refused, concurrent, second, first];

  const verdict = checkLinearizability(history);

  expect(verdict).toEqual({
    type: "violation",
    violation: {
      key,
      linearized: [first, second],
      state: { value: "b", index: undefined },
      blocked: stale,
      candidates: [stale, concurrent],
      rejected: [refused],
    },
  });
});

describe("against a judge that tries every order", () => {
  const options = { maxLength: 6, keys: [key] };

  test("a history with a true order behind it is accepted", () => {
    fc.assert(
      fc.property(someTrueHistory({ maxLength: 150, keys: ["k", "l"] }), ({ history }) => {
        expect(checkLinearizability(history).type).toBe("linearizable");
        expect(checkLinearizability(history.toReversed()).type).toBe("linearizable");
      }),
      { numRuns: 500 },
    );
  });

  test("the verdict on histories that may be wrong is the judge's, and both verdicts come up", () => {
    const verdicts = { linearizable: 0, violation: 0, undecided: 0 };
    fc.assert(
      fc.property(someBrokenHistory(options), (history) => {
        const { type } = checkLinearizability(history);
        verdicts[type]++;
        expect(type).toBe(hasSomeOrder(history) ? "linearizable" : "violation");
      }),
      { numRuns: 4000 },
    );
    expect(verdicts.linearizable).toBeGreaterThan(500);
    expect(verdicts.violation).toBeGreaterThan(500);
    expect(verdicts.undecided).toBe(0);
  });

  test("what it tells of a violation is true: one operation less and there is an order", () => {
    fc.assert(
      fc.property(someBrokenHistory(options), (history) => {
        const verdict = checkLinearizability(history);
        if (verdict.type !== "violation") return;
        const { blocked, linearized } = verdict.violation;
        const end = blocked.end ?? Infinity;
        const before = history.map((operation) =>
          operation === blocked || operation.end === undefined || operation.end >= end
            ? { ...operation, end: undefined, result: undefined }
            : operation,
        );
        const begun = before.filter(({ start }) => start <= end);
        expect(hasSomeOrder(begun)).toBe(true);
        expect(linearized).not.toContain(blocked);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a budget", () => {
  const { history } = longHistory({ seed: 1, operations: 200, clients: 5, keys: 2 });

  test("of configurations ends in no verdict, with the keys that are open", () => {
    const verdict = checkLinearizability(history, { maxConfigurations: 20 });
    expect(verdict).toEqual({ type: "undecided", keys: expect.arrayContaining(["k0", "k1"]) });
  });

  test("of time ends in no verdict", () => {
    let time = 0;
    const long = longHistory({ seed: 1, operations: 5000, clients: 5, keys: 1 }).history;
    const verdict = checkLinearizability(long, { deadline: { now: () => ++time, at: 2 } });
    expect(verdict).toEqual({ type: "undecided", keys: ["k0"] });
  });

  test("that runs out on one key does not hide the violation on another", () => {
    const stale = [
      answered("c1", { op: "put", key, value: "a" }, [1, 2]),
      answered("c2", { op: "get", key }, [3, 4], { previous: nothing }),
    ];
    const verdict = checkLinearizability([...history, ...stale], { maxConfigurations: 20 });
    expect(verdict.type).toBe("violation");
  });
});

describe("length and unknown outcomes", () => {
  test("1,000 operations by 5 clients take a few configurations each", () => {
    const { history } = longHistory({ seed: 2, operations: 1000, clients: 5, keys: 1 });
    const verdict = checkLinearizability(history, { maxConfigurations: 5000 });
    expect(verdict.type).toBe("linearizable");
  });

  test("5,000 operations over 10 keys with 100 unknown outcomes and more", () => {
    const options = { operations: 5000, clients: 10, keys: 10, unknownPercent: 5 };
    const { history } = longHistory({ seed: 3, ...options });
    expect(history.filter(({ end }) => end === undefined).length).toBeGreaterThan(100);
    expect(checkLinearizability(history, { maxConfigurations: 5000 }).type).toBe("linearizable");
  });

  test("100 unknown outcomes on one key are decided, for good and for bad", () => {
    const options = { operations: 2000, clients: 10, keys: 1, unknownPercent: 12 };
    const { history } = longHistory({ seed: 4, ...options });
    expect(history.filter(({ end }) => end === undefined).length).toBeGreaterThan(100);
    expect(checkLinearizability(history).type).toBe("linearizable");

    const stale = answered("x", { op: "get", key: "k0" }, [1e6, 1e6 + 1], {
      previous: { value: "never written", index: undefined },
    });
    const verdict = checkLinearizability([...history, stale]);
    expect(verdict).toMatchObject({ type: "violation", violation: { blocked: stale } });
  });
});
