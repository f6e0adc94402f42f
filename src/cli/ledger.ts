/**
 * What a load has written, and what must therefore be found: every acknowledged write, once; of those whose outcome is
 * unknown each at most once; and nothing else.
 */

export type WriteOutcome = "acknowledged" | "unknown" | "rejected";

interface PutRecord {
  readonly value: string;
  readonly outcome: WriteOutcome;
}

/** Tokens are appended in ascending order, each after the one before it has ended. */
interface AppendRecord {
  readonly token: number;
  readonly outcome: WriteOutcome;
}

export class Ledger {
  readonly #puts = new Map<string, PutRecord>();
  readonly #appends = new Map<string, AppendRecord[]>();
  readonly #counts: Record<WriteOutcome, number> = { acknowledged: 0, unknown: 0, rejected: 0 };

  /** A key that is written once only. */
  put(key: string, value: string, outcome: WriteOutcome): void {
    this.#puts.set(key, { value, outcome });
    this.#counts[outcome] += 1;
  }

  /** `tokenText(token)` was appended to a key that one writer alone appends to. */
  append(key: string, token: number, outcome: WriteOutcome): void {
    const records = this.#appends.get(key) ?? [];
    records.push({ token, outcome });
    this.#appends.set(key, records);
    this.#counts[outcome] += 1;
  }

  count(outcome: WriteOutcome): number {
    return this.#counts[outcome];
  }

  /** What is wrong with a member that holds `state`, as sentences; empty where nothing is. */
  problemsOf(state: ReadonlyMap<string, string>): readonly string[] {
    const problems: string[] = [];
    for (const [key, { value, outcome }] of this.#puts) {
      const found = state.get(key);
      if (found === undefined && outcome === "acknowledged") {
        problems.push(`${key} is missing: its write was acknowledged`);
      } else if (found !== undefined && outcome === "rejected") {
        problems.push(`${key} is there: its write was rejected`);
      } else if (found !== undefined && found !== value) {
        problems.push(`${key} holds ${found} and not ${value}`);
      }
    }
    for (const [key, records] of this.#appends) {
      problems.push(...problemsOfList(key, records, state.get(key) ?? ""));
    }
    for (const key of state.keys()) {
      if (!this.#puts.has(key) && !this.#appends.has(key)) problems.push(`nobody wrote ${key}`);
    }
    return problems;
  }
}

/** How a token stands in a list. */
export function tokenText(token: number): string {
  return `${token};`;
}

function problemsOfList(
  key: string,
  records: readonly AppendRecord[],
  text: string,
): readonly string[] {
  const problems: string[] = [];
  const found = text.split(";").slice(0, -1).map(Number);
  const times = new Map<number, number>();
  for (const token of found) times.set(token, (times.get(token) ?? 0) + 1);
  for (const { token, outcome } of records) {
    const count = times.get(token) ?? 0;
    times.delete(token);
    if (count > 1) problems.push(`${key}: ${token} was applied ${count} times`);
    else if (count === 0 && outcome === "acknowledged") {
      problems.push(`${key}: ${token} is missing: its write was acknowledged`);
    } else if (count === 1 && outcome === "rejected") {
      problems.push(`${key}: ${token} is there: its write was rejected`);
    }
  }
  for (const token of times.keys()) problems.push(`${key}: nobody wrote ${token}`);
  if (found.some((token, at) => token < (found[at - 1] ?? 0))) {
    problems.push(`${key}: a later write stands before an earlier one`);
  }
  return problems;
}
