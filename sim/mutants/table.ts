/** What became of the mutants, for people: a row each, and the score. */

import type { Find, Hunt } from "./hunt.ts";

interface Named {
  readonly id: string;
  readonly what: string;
  readonly breaks: readonly string[];
}

type Spent = Omit<Hunt, "found">;

export type Verdict = Named &
  (
    | ({ readonly type: "killed"; readonly found: Find } & Spent)
    | ({ readonly type: "survived" } & Spent)
    /** `broken`: its text has moved, or it does not compile. */
    | { readonly type: "waiting" | "equivalent" | "broken"; readonly reason: string }
  );

export interface Score {
  readonly killed: number;
  /** Of those that can be killed. */
  readonly of: number;
  readonly waiting: number;
  readonly equivalent: number;
  readonly byAssertions: number;
  readonly byOutside: number;
  readonly text: string;
}

export function isMissed({ type }: Verdict): boolean {
  return type === "survived" || type === "broken";
}

/** `tried`: what is counted until it was found. */
export function header(tried: "seeds" | "states"): string {
  return `${columns("id", "found by", "seen by", tried, "seconds")}  what`;
}

export function row(verdict: Verdict): string {
  const { id, what } = verdict;
  switch (verdict.type) {
    case "killed": {
      const { found, seeds, seconds } = verdict;
      const text = columns(id, found.property, found.witness, String(seeds), seconds.toFixed(1));
      return `${text}  ${what}${found.within === undefined ? "" : ` (${found.within})`}`;
    }
    case "survived": {
      const { seeds, seconds, spoilt } = verdict;
      const text = columns(id, "NOT FOUND", "", String(seeds), seconds.toFixed(1));
      return `${text}  ${what}${spoilt > 0 ? ` (${spoilt} seeds broke down)` : ""}`;
    }
    case "waiting":
    case "equivalent":
    case "broken":
      return `${columns(id, verdict.type, "", "", "")}  ${what}: ${verdict.reason}`;
  }
}

export function scoreOf(verdicts: readonly Verdict[]): Score {
  const count = (type: Verdict["type"]): number =>
    verdicts.filter((verdict) => verdict.type === type).length;
  const killed = count("killed");
  const waiting = count("waiting");
  const equivalent = count("equivalent");
  const byAssertions = verdicts.filter(
    (verdict) => verdict.type === "killed" && verdict.found.witness === "assertion",
  ).length;
  const of = verdicts.length - waiting - equivalent;
  const text = `killed ${killed} of ${of}, ${waiting} waiting`;
  return { killed, of, waiting, equivalent, byAssertions, byOutside: killed - byAssertions, text };
}

function columns(id: string, found: string, seen: string, seeds: string, seconds: string): string {
  return `${id.padEnd(4)} ${found.padEnd(10)} ${seen.padEnd(9)} ${seeds.padStart(7)} ${seconds.padStart(7)}`;
}
