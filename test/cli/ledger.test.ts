/** The ledger of the demo and of the kill loop: what it calls a problem, since it is the judge of both. */

import { describe, expect, test } from "vitest";
import { Ledger } from "../../src/cli/ledger.ts";

function judge(state: Record<string, string>): readonly string[] {
  const ledger = new Ledger();
  ledger.put("kept", "a", "acknowledged");
  ledger.put("perhaps", "b", "unknown");
  ledger.put("refused", "c", "rejected");
  ledger.append("list", 1, "acknowledged");
  ledger.append("list", 2, "unknown");
  ledger.append("list", 3, "rejected");
  ledger.append("list", 4, "acknowledged");
  return ledger.problemsOf(new Map(Object.entries(state)));
}

describe("no problem", () => {
  test.each([
    ["unknown writes are there", { kept: "a", perhaps: "b", list: "1;2;4;" }],
    ["unknown writes are not there", { kept: "a", list: "1;4;" }],
  ])("%s", (_, state) => {
    expect(judge(state)).toEqual([]);
  });
});

describe("a problem", () => {
  const fine = { kept: "a", list: "1;4;" };
  test.each<[string, Record<string, string>, string]>([
    ["an acknowledged put is missing", { list: "1;4;" }, "kept is missing"],
    ["a value is another", { ...fine, kept: "z" }, "kept holds z and not a"],
    ["an unknown put has another value", { ...fine, perhaps: "z" }, "perhaps holds z"],
    ["a rejected put is there", { ...fine, refused: "c" }, "refused is there"],
    ["a key that nobody wrote", { ...fine, alien: "x" }, "nobody wrote alien"],
    ["an acknowledged append is missing", { kept: "a", list: "1;" }, "list: 4 is missing"],
    ["the whole list is missing", { kept: "a" }, "list: 1 is missing"],
    ["an acknowledged append was applied twice", { ...fine, list: "1;1;4;" }, "1 was applied 2"],
    ["an unknown append was applied twice", { ...fine, list: "1;2;2;4;" }, "2 was applied 2"],
    ["a rejected append is there", { ...fine, list: "1;3;4;" }, "list: 3 is there"],
    ["an append that nobody made", { ...fine, list: "1;4;9;" }, "nobody wrote 9"],
    ["appends in another order", { ...fine, list: "4;1;" }, "before an earlier one"],
  ])("%s", (_, state, problem) => {
    expect(judge(state).join()).toContain(problem);
  });
});
