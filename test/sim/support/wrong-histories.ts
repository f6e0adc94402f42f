/** Histories that no correct store can have: what every checker of histories must refuse. */

import type { Operation } from "../../../sim/history.ts";
import { answered, nothing, unanswered } from "./histories.ts";

const key = "k";
const put = (value: string) => ({ op: "put", key, value }) as const;
const get = { op: "get", key } as const;
const a = { value: "a", index: 1 };
const b = { value: "b", index: 2 };

export interface WrongHistory {
  readonly name: string;
  readonly history: readonly Operation[];
}

/** All answers carry a plausible index, as those of a store with this bug would. */
export const wrongHistories: readonly WrongHistory[] = [
  {
    name: "a stale read: the older value, after the newer one was acknowledged",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      answered("c1", put("b"), [3, 4], { previous: a, index: 2 }),
      answered("c2", get, [5, 6], { previous: a, index: 1 }),
    ],
  },
  {
    name: "a lost update: two increments that both found nothing",
    history: [
      answered("c1", { op: "increment", key, value: 1 }, [1, 3], { previous: nothing, index: 1 }),
      answered("c2", { op: "increment", key, value: 1 }, [2, 4], { previous: nothing, index: 2 }),
    ],
  },
  {
    name: "a lost update: two compare-and-sets that both took place of one value",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      ...["x", "y"].map((value, at) =>
        answered(
          `c${at}`,
          { op: "cas", key, expected: { type: "value", value: "a" }, value },
          [3, 4],
          { index: at + 2 },
        ),
      ),
    ],
  },
  {
    name: "a lost write: acknowledged, and then nothing is there",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      answered("c2", get, [3, 4], { previous: nothing, index: 1 }),
    ],
  },
  {
    name: "a double append: acknowledged once, there twice",
    history: [
      answered("c1", { op: "append", key, value: "a" }, [1, 2], { previous: nothing, index: 1 }),
      answered("c2", get, [3, 4], { previous: { value: "aa", index: 2 }, index: 2 }),
    ],
  },
  {
    name: "a failed write that is visible",
    history: [
      answered("c1", put("a"), [1, 2], { status: "rejected" }),
      answered("c2", get, [3, 4], { previous: a, index: 1 }),
    ],
  },
  {
    name: "a read of the future: a value that is written only afterwards",
    history: [
      answered("c2", get, [1, 2], { previous: a, index: 1 }),
      answered("c1", put("a"), [3, 4], { previous: nothing, index: 1 }),
    ],
  },
  {
    name: "a read that goes back: while a write is under way one sees it, a later one does not",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      answered("c1", put("b"), [3, 20], { previous: a, index: 2 }),
      answered("c2", get, [5, 6], { previous: b, index: 2 }),
      answered("c2", get, [7, 8], { previous: a, index: 1 }),
    ],
  },
  {
    name: "a compare-and-set that took place against another value",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      answered(
        "c1",
        { op: "cas", key, expected: { type: "value", value: "b" }, value: "c" },
        [3, 4],
        { index: 2 },
      ),
    ],
  },
  {
    name: "a compare-and-set that found a mismatch where there was none",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      answered(
        "c1",
        { op: "cas", key, expected: { type: "value", value: "a" }, value: "c" },
        [3, 4],
        { status: "mismatch", previous: a, index: 2 },
      ),
    ],
  },
  {
    name: "a deleted key that is there again",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      answered("c1", { op: "delete", key }, [3, 4], { previous: a, index: 2 }),
      answered("c2", get, [5, 6], { previous: a, index: 2 }),
    ],
  },
  {
    name: "an unknown write that was seen and is gone again",
    history: [
      answered("c1", put("a"), [1, 2], { previous: nothing, index: 1 }),
      unanswered("c3", put("b"), 3),
      answered("c2", get, [4, 5], { previous: b, index: 2 }),
      answered("c2", get, [6, 7], { previous: a, index: 2 }),
    ],
  },
];
