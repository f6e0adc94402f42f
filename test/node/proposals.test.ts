/** Commands in the log that nobody has been told of yet, in numbers that no cluster of a test gets to. */

import { expect, test } from "vitest";
import type { Entry } from "../../src/core/types.ts";
import type { RaftError } from "../../src/errors.ts";
import { ProposalQueue } from "../../src/node/inbox.ts";
import { Proposals } from "../../src/node/proposals.ts";

/** Counts how commands have ended. */
class Count {
  readonly outcomes: Record<string, number> = {};

  done(): void {
    this.#add("applied");
  }

  failed(_token: number, { code, outcome }: RaftError): void {
    this.#add(`${outcome} ${code}`);
  }

  #add(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }
}

/** Commands in the log, one of each turn, by a leader of term 1. */
function proposed(proposals: Proposals<number>, count: number, sink: Count): void {
  for (let index = 1; index <= count; index += 1) {
    const queue = new ProposalQueue<number>();
    queue.add(Buffer.alloc(0), sink, index);
    const answer = { batch: 0, first: { term: 1, index }, accepted: 1, refusal: undefined };
    proposals.onProposed(queue, answer, () => undefined);
  }
}

function blanks(count: number, term: number): Entry[] {
  return Array.from({ length: count }, (_, at) => ({
    kind: "blank",
    term,
    index: at + 1,
    time: 0,
    encoded: undefined,
  }));
}

test("rule 60: however many turns' commands wait when a leadership ends, all of them end as unknown", () => {
  const [proposals, sink] = [new Proposals<number>(), new Count()];
  proposed(proposals, 150_000, sink);
  proposals.onLeadershipEnded(500);
  proposals.onTime(500);
  expect(sink.outcomes).toEqual({ "unknown RAFT_LEADERSHIP_LOST": 150_000 });
  expect(proposals.size).toBe(0);
});

test("what replaces very many commands of a former leadership is gone through once, not once for each", () => {
  const [proposals, sink] = [new Proposals<number>(), new Count()];
  proposed(proposals, 30_000, sink);
  proposals.onLeadershipEnded(500);
  proposals.onApplied(blanks(30_000, 2), []);
  expect(sink.outcomes).toEqual({ "rejected RAFT_REPLACED": 30_000 });
  expect(proposals.size).toBe(0);
});

test("very many commands that are applied at once are gone through once, too", () => {
  const [proposals, sink] = [new Proposals<number>(), new Count()];
  proposed(proposals, 100_000, sink);
  proposals.onApplied(blanks(100_000, 1), []);
  expect(sink.outcomes).toEqual({ applied: 100_000 });
  expect(proposals.size).toBe(0);
});

test("commands of two former leaderships at one index are told apart by their terms", () => {
  const [proposals, first, second] = [new Proposals<number>(), new Count(), new Count()];
  proposed(proposals, 3, first);
  proposals.onLeadershipEnded(500);
  const queue = new ProposalQueue<number>();
  for (const token of [1, 2]) queue.add(Buffer.alloc(0), second, token);
  const answer = { batch: 0, first: { term: 3, index: 2 }, accepted: 2, refusal: undefined };
  proposals.onProposed(queue, answer, () => undefined);
  proposals.onLeadershipEnded(500);
  const command = {
    kind: "command",
    time: 0,
    payload: Buffer.alloc(0),
    encoded: undefined,
  } as const;
  const entries: Entry[] = [1, 3, 4].map((term, at) => ({ ...command, term, index: at + 1 }));
  proposals.onApplied(entries, [1, 2, 3]);
  expect(first.outcomes).toEqual({ applied: 1, "rejected RAFT_REPLACED": 2 });
  expect(second.outcomes).toEqual({ applied: 1, "rejected RAFT_REPLACED": 1 });
});
