/** The check by log index, the golden log behind it, and the guarantees of sessions. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GoldenCommand } from "../../sim/golden-log.ts";
import type { Call, Operation } from "../../sim/history.ts";
import { findNonMonotonicRead, findUnseenWrite } from "../../sim/session-guarantees.ts";
import { checkWitness } from "../../sim/witness.ts";
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
const put = (value: string): Call => ({ op: "put", key, value });
const get: Call = { op: "get", key };
const local: Call = { op: "get", key, consistency: "local" };
const a = { value: "a", index: 1 };
const b = { value: "b", index: 2 };
const written = answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 });

function cas(value: string, expected: "absent" | "x" | "y"): Call {
  const expectation =
    expected === "absent"
      ? ({ type: "absent" } as const)
      : ({ type: "value", value: expected } as const);
  return { op: "cas", key, value, expected: expectation };
}

/** A local read that takes two. */
function localRead(client: string, start: number, index: number): Operation {
  return answered(client, local, [start, start + 2], { index });
}

function goldenOf(...calls: Call[]): GoldenCommand[] {
  return calls.map((call, at) => ({ index: at + 1, call }));
}

describe("what is refused", () => {
  test.each(wrongHistories)("$name", ({ history }) => {
    // Without a golden log a key with unknown writes is left to the search, but never accepted.
    const hasUnknown = history.some(({ end }) => end === undefined);
    expect(checkWitness(history).type).toBe(hasUnknown ? "undecided" : "violation");
  });

  test("an answer that ended before one below it in the log began", () => {
    const later = answered("c2", put("b"), [5, 6], { index: 2 });
    const early = answered("c3", { op: "delete", key: "other" }, [1, 4], { index: 3 });
    expect(checkWitness([later, early])).toEqual({
      type: "violation",
      violation: { type: "order", earlier: later, operation: early },
    });
    expect(checkWitness([later, { ...early, end: 5 }]).type).toBe("linearizable");
  });

  test("an answer that a replay does not give, with what the replay finds", () => {
    const read = answered("c2", get, [3, 4], { previous: b, index: 1 });
    expect(checkWitness([read, written])).toEqual({
      type: "violation",
      violation: { type: "answer", operation: read, state: a },
    });
  });

  test("two writes at one index", () => {
    const other = answered("c2", { op: "put", key: "other", value: "b" }, [1, 2], { index: 1 });
    expect(checkWitness([written, other])).toEqual({
      type: "violation",
      violation: { type: "shared-index", earlier: written, operation: other },
    });
  });
});

describe("reads at one index", () => {
  test("come after its write, in any order among themselves", () => {
    const late = answered("c2", get, [8, 9], { previous: a, index: 1 });
    const early = answered("c3", get, [3, 4], { previous: a, index: 1 });
    expect(checkWitness([late, early, written]).type).toBe("linearizable");
  });

  test("are older than what follows", () => {
    const read = answered("c2", get, [8, 9], { previous: a, index: 1 });
    const next = answered("c1", put("b"), [3, 4], { previous: a, index: 2 });
    expect(checkWitness([written, read, next])).toMatchObject({ violation: { type: "order" } });
  });
});

describe("local reads", () => {
  const next = answered("c1", put("b"), [3, 4], { previous: a, index: 2 });

  test("may be old, but not untrue", () => {
    const old = answered("c2", local, [8, 9], { previous: a, index: 1 });
    const untrue = answered("c2", local, [8, 9], { previous: nothing, index: 1 });
    expect(checkWitness([written, next, old]).type).toBe("linearizable");
    expect(checkWitness([written, next, untrue])).toMatchObject({ violation: { type: "answer" } });
  });

  test("do not see what had not begun", () => {
    const early = answered("c2", local, [1, 2], { previous: b, index: 2 });
    expect(checkWitness([written, next, early])).toMatchObject({ violation: { type: "order" } });
  });
});

describe("unknown outcomes", () => {
  const lost = unanswered("c3", put("b"), 3);
  const seen = answered("c2", get, [4, 5], { previous: b, index: 2 });
  const gone = answered("c2", get, [6, 7], { previous: a, index: 2 });

  test("without a golden log leave a key undecided only where the answers need them", () => {
    const elsewhere = answered("c2", { op: "get", key: "other" }, [8, 9], {
      previous: nothing,
      index: 2,
    });
    expect(checkWitness([written, lost, seen, elsewhere])).toEqual({
      type: "undecided",
      keys: [key],
    });
    expect(checkWitness([written, lost, { ...gone, start: 4 }]).type).toBe("linearizable");
  });

  test("are where the golden log has them", () => {
    const golden = goldenOf(put("a"), put("b"));
    expect(checkWitness([written, lost, seen], { golden }).type).toBe("linearizable");
    expect(checkWitness([written, lost, gone], { golden })).toMatchObject({
      violation: { type: "answer", operation: gone },
    });
  });

  test("have had no effect where the golden log lacks them", () => {
    const golden = goldenOf(put("a"));
    expect(checkWitness([written, lost, seen], { golden })).toMatchObject({
      violation: { type: "answer", operation: seen },
    });
  });

  test("are not executed before they began", () => {
    const golden = goldenOf(put("a"), put("b"));
    const early = answered("c2", get, [1, 2], { previous: b, index: 2 });
    expect(checkWitness([written, lost, early], { golden })).toMatchObject({
      violation: { type: "order", earlier: lost, operation: early },
    });
  });

  test("with the same content are taken in the order of their beginnings", () => {
    const append: Call = { op: "append", key, value: "x" };
    const [second, first] = [unanswered("c2", append, 9), unanswered("c1", append, 1)];
    const read = answered("c3", get, [4, 5], { previous: { value: "x", index: 1 }, index: 1 });
    expect(checkWitness([second, first, read], { golden: goldenOf(append) }).type).toBe(
      "linearizable",
    );
    const golden = goldenOf(append, append, append);
    expect(checkWitness([second, first, read], { golden })).toMatchObject({
      violation: { type: "stray-command", command: golden[2] },
    });
  });
});

describe("the golden log", () => {
  test("holds the command that a client was answered for", () => {
    const golden = goldenOf(put("other"));
    expect(checkWitness([written], { golden })).toEqual({
      type: "violation",
      violation: { type: "false-answer", operation: written, executed: put("other") },
    });
    expect(checkWitness([written], { golden: [] })).toMatchObject({
      violation: { type: "false-answer", executed: undefined },
    });
  });

  test("may hold reads, and must not skip an index that a client was answered for", () => {
    const read = { index: 1, call: get };
    const next = { index: 3, call: put("b") };
    const second = answered("c1", put("a"), [1, 2], { previous: nothing, index: 2 });
    const golden = [read, { index: 2, call: put("a") }, next];
    const lost = unanswered("c2", put("b"), 1);
    expect(checkWitness([second, lost], { golden }).type).toBe("linearizable");
    expect(checkWitness([second, lost], { golden: [read, next] })).toEqual({
      type: "violation",
      violation: { type: "false-answer", operation: second, executed: undefined },
    });
  });

  test("tells unknown calls apart by what they expect", () => {
    const [early, late] = [unanswered("c1", cas("v", "y"), 1), unanswered("c2", cas("v", "x"), 9)];
    const golden = goldenOf(put("x"), cas("v", "x"));
    const first = answered("c3", put("x"), [1, 2], { previous: nothing, index: 1 });
    const seen = answered("c3", get, [4, 5], { previous: { value: "v", index: 2 }, index: 2 });
    expect(checkWitness([first, early, late, seen], { golden })).toMatchObject({
      violation: { type: "order", earlier: late, operation: seen },
    });
  });

  test("asks each answer to a write for its index", () => {
    const mute = answered("c1", put("a"), [1, 2]);
    expect(() => checkWitness([mute], { golden: [] })).toThrow("names its index");
    expect(checkWitness([mute])).toEqual({ type: "undecided", keys: [key] });
  });

  test("does not hold what was rejected, seen or not", () => {
    const rejected = answered("c2", put("b"), [3, 4], { status: "rejected" });
    const golden = goldenOf(put("a"), put("b"));
    expect(checkWitness([written, rejected], { golden })).toEqual({
      type: "violation",
      violation: { type: "stray-command", command: golden[1], rejected },
    });
  });

  test("tells calls apart by all that they say", () => {
    const executed = answered("c1", cas("v", "absent"), [1, 2], { previous: nothing, index: 1 });
    expect(checkWitness([executed], { golden: goldenOf(cas("v", "absent")) }).type).toBe(
      "linearizable",
    );
    for (const other of [
      cas("w", "absent"),
      cas("v", "x"),
      { ...cas("v", "absent"), key: "other" },
      put("v"),
      get,
    ]) {
      expect(checkWitness([executed], { golden: goldenOf(other) }).type).toBe("violation");
    }
  });
});

describe("against a judge that tries every order", () => {
  test("a history with a true order behind it is accepted, with and without its golden log", () => {
    fc.assert(
      fc.property(someTrueHistory({ maxLength: 40, keys: ["k", "l"] }), (drawn) => {
        const { history } = drawn;
        expect(checkWitness(history, { golden: drawn.golden }).type).toBe("linearizable");
        expect(checkWitness(history).type).not.toBe("violation");
      }),
      { numRuns: 1000 },
    );
  });

  test("what is accepted has an order", () => {
    const verdicts = { linearizable: 0, violation: 0, undecided: 0 };
    fc.assert(
      fc.property(someBrokenHistory({ maxLength: 6, keys: [key] }), (history) => {
        const { type } = checkWitness(history);
        verdicts[type]++;
        expect(type !== "linearizable" || hasSomeOrder(history)).toBe(true);
      }),
      { numRuns: 4000 },
    );
    expect(Math.min(...Object.values(verdicts))).toBeGreaterThan(100);
  });

  test("one answer of a long history changed, and it is refused", () => {
    const { history, golden } = longHistory({ seed: 1, operations: 300, clients: 5, keys: 3 });
    for (const [at, { result }] of history.entries()) {
      if (result?.previous === undefined) continue;
      const previous = { value: "never written", index: undefined };
      const wrong = history.with(at, {
        ...history[at],
        result: { ...result, previous },
      } as Operation);
      expect(checkWitness(wrong, { golden }).type).toBe("violation");
    }
  });
});

test("a million operations, some of unknown outcome, are checked by their golden log", () => {
  const options = { operations: 1_000_000, clients: 50, keys: 1000, unknownPercent: 1 };
  const { history, golden } = longHistory({ seed: 5, ...options });
  expect(checkWitness(history, { golden }).type).toBe("linearizable");
});

describe("session guarantees", () => {
  test("a client sees what it wrote", () => {
    const blind = localRead("c1", 3, 0);
    expect(findUnseenWrite([written, blind])).toEqual({ read: blind, earlier: written });
    expect(findUnseenWrite([written, localRead("c1", 3, 1)])).toBeUndefined();
    expect(findUnseenWrite([written, localRead("c2", 3, 0)])).toBeUndefined();
  });

  test("of a write that overlaps the read nothing is asked", () => {
    expect(findUnseenWrite([written, localRead("c1", 2, 0)])).toBeUndefined();
  });

  test("a write that changed nothing, or of unknown outcome, need not be seen", () => {
    const failed = answered("c1", put("a"), [1, 2], { status: "wrong-type", index: 9 });
    const refused = answered("c1", put("a"), [1, 2], { status: "rejected" });
    const history = [failed, refused, unanswered("c1", put("a"), 1), localRead("c1", 3, 0)];
    expect(findUnseenWrite(history)).toBeUndefined();
  });

  test("a client never sees less than it saw", () => {
    const [first, second, third] = [
      localRead("c1", 1, 5),
      localRead("c1", 10, 7),
      localRead("c1", 20, 6),
    ];
    expect(findNonMonotonicRead([third, first, second])).toEqual({ read: third, earlier: second });
    const overlapping = { ...localRead("c1", 11, 5), end: 15 };
    expect(findNonMonotonicRead([first, second, overlapping, third])).toEqual({
      read: third,
      earlier: second,
    });
    expect(findNonMonotonicRead([first, second, localRead("c2", 20, 6)])).toBeUndefined();
    expect(findNonMonotonicRead([first, second, localRead("c1", 12, 6)])).toBeUndefined();
  });
});
