/** The state machine suite passes a right machine and refuses wrong ones. */

import { describe, expect, test } from "vitest";
import type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";
import { stateMachineConformance } from "../../src/testing/index.ts";
import { seededRandom } from "../support/random.ts";
import { failedCases } from "./support.ts";

interface Result {
  readonly name: string;
  count: number;
}

/** Counts names, and says how often each was given. The right one. */
class Tally implements StateMachine<Result, string, number> {
  protected counts = new Map<string, number>();

  apply(commands: readonly AppliedCommand[]): readonly Result[] {
    return commands.map((command) => this.add(this.nameOf(command), command));
  }

  query(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    const pairs = [...this.counts];
    for (const pair of pairs) yield Buffer.from(`${JSON.stringify(pair)}\n`);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.load(pairsIn(await textOf(chunks)));
  }

  protected nameOf({ payload }: AppliedCommand): string {
    return Buffer.from(payload).toString();
  }

  protected add(name: string, _command: AppliedCommand): Result {
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    return { name, count };
  }

  protected load(pairs: readonly [string, number][]): void {
    this.counts = new Map(pairs);
  }
}

const NAMES = ["a", "b", "c", "d", "e"];

function failuresOf(
  Machine: new () => StateMachine<unknown, string, number>,
): Promise<readonly string[]> {
  const cases = stateMachineConformance({
    create: () => new Machine(),
    commands: (seed) => {
      const random = seededRandom(seed);
      return Array.from({ length: 30 }, () => Buffer.from(NAMES[Math.floor(random() * 5)] ?? "a"));
    },
    queries: () => NAMES,
  });
  return failedCases(cases);
}

test("a right machine passes", async () => {
  expect(await failuresOf(Tally)).toEqual([]);
});

let shared = new Map<string, number>();

const MISTAKES: readonly (readonly [
  mistake: string,
  Machine: new () => StateMachine<unknown, string, number>,
])[] = [
  [
    "answers with what it draws",
    class extends Tally {
      protected override add(name: string, command: AppliedCommand): Result {
        const { count } = super.add(name, command);
        return { name, count: count + Math.random() };
      }
    },
  ],
  [
    "counts what it draws, and does not answer with it",
    class extends Tally {
      protected override add(name: string, command: AppliedCommand): Result {
        const result = super.add(name, command);
        this.counts.set(name, result.count + Math.random());
        return { name, count: 0 };
      }
    },
  ],
  [
    "answers with the time of its own clock",
    class extends Tally {
      protected override add(name: string, command: AppliedCommand): Result {
        super.add(name, command);
        return { name, count: Date.now() };
      }
    },
  ],
  [
    "keeps the time of its own clock",
    class extends Tally {
      protected override add(name: string, command: AppliedCommand): Result {
        super.add(name, command);
        this.counts.set("a", Date.now());
        return { name, count: 0 };
      }
    },
  ],
  [
    "answers with one and the same object, which it changes",
    class extends Tally {
      readonly #result: { name: string; count: number } = { name: "", count: 0 };
      protected override add(name: string, command: AppliedCommand): Result {
        return Object.assign(this.#result, super.add(name, command));
      }
    },
  ],
  [
    "answers with a part of its state",
    class extends Tally {
      readonly #results = new Map<string, Result>();
      protected override add(name: string, command: AppliedCommand): Result {
        const { count } = super.add(name, command);
        const result = this.#results.get(name) ?? { name, count };
        result.count = count;
        this.#results.set(name, result);
        return result;
      }
      protected override load(pairs: readonly [string, number][]): void {
        this.#results.clear();
        super.load(pairs);
      }
    },
  ],
  [
    "answers with how many commands came at once",
    class extends Tally {
      override apply(commands: readonly AppliedCommand[]): readonly Result[] {
        return super.apply(commands).map((result) => ({ ...result, count: commands.length }));
      }
    },
  ],
  [
    "answers each command twice",
    class extends Tally {
      override apply(commands: readonly AppliedCommand[]): readonly Result[] {
        return super.apply(commands).flatMap((result) => [result, result]);
      }
    },
  ],
  [
    "answers to a batch once",
    class extends Tally {
      override apply(commands: readonly AppliedCommand[]): readonly Result[] {
        return super.apply(commands).slice(-1);
      }
    },
  ],
  [
    "answers to nothing",
    class extends Tally {
      override apply(commands: readonly AppliedCommand[]): readonly Result[] {
        super.apply(commands);
        return [];
      }
    },
  ],
  [
    "changes the payload that it is given",
    class extends Tally {
      protected override nameOf(command: AppliedCommand): string {
        const name = super.nameOf(command);
        command.payload.fill(0x61);
        return name;
      }
    },
  ],
  [
    "changes the payload to the same each time",
    class extends Tally {
      protected override nameOf(command: AppliedCommand): string {
        command.payload[0] = command.payload[0] === 0x62 ? 0x61 : (command.payload[0] ?? 0);
        return super.nameOf(command);
      }
    },
  ],
  [
    "keeps the payload that it is given",
    class extends Tally {
      readonly #names: Uint8Array[] = [];
      override apply(commands: readonly AppliedCommand[]): readonly Result[] {
        this.#names.push(...commands.map(({ payload }) => payload));
        return super.apply(commands);
      }
      override query(name: string): number {
        return this.#names.filter((bytes) => Buffer.from(bytes).toString() === name).length;
      }
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        yield Buffer.concat(this.#names);
      }
      override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        const text = await textOf(chunks);
        this.#names.splice(0, Infinity, ...text.split("").map((name) => Buffer.from(name)));
      }
    },
  ],
  [
    "takes the index for the number of commands",
    class extends Tally {
      #applied = 0;
      protected override add(name: string, command: AppliedCommand): Result {
        this.#applied += 1;
        return { ...super.add(name, command), count: this.#applied };
      }
    },
  ],
  [
    "leaves a name out of its snapshots",
    class extends Tally {
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        for (const pair of this.counts)
          if (pair[0] !== "a") yield Buffer.from(`${JSON.stringify(pair)}\n`);
      }
    },
  ],
  [
    "has a snapshot that sees later commands",
    class extends Tally {
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        for (const name of NAMES) {
          const pair = [name, this.query(name)];
          if (pair[1] !== 0) yield Buffer.from(`${JSON.stringify(pair)}\n`);
        }
      }
    },
  ],
  [
    "captures its snapshot after a wait",
    class extends Tally {
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        await Promise.resolve();
        yield* super.snapshot();
      }
    },
  ],
  [
    "counts on every snapshot being read to its end",
    class extends Tally {
      #isTaking = false;
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        if (this.#isTaking) throw new Error("there is one already");
        this.#isTaking = true;
        yield* super.snapshot();
        this.#isTaking = false;
      }
    },
  ],
  [
    "goes back to what it was when it was captured, once its snapshot has been read",
    class extends Tally {
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        const captured = this.counts;
        this.counts = new Map(captured);
        try {
          for (const pair of captured) yield Buffer.from(`${JSON.stringify(pair)}\n`);
        } finally {
          // What was applied meanwhile is not forgotten; what was restored is.
          this.counts = new Map([...captured, ...this.counts]);
        }
      }
    },
  ],
  [
    "empties itself into its snapshot",
    class extends Tally {
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        const pairs = [...this.counts];
        for (const pair of pairs) {
          this.counts.delete(pair[0]);
          yield Buffer.from(`${JSON.stringify(pair)}\n`);
        }
      }
    },
  ],
  [
    "takes each chunk for a line",
    class extends Tally {
      override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        const pairs: [string, number][] = [];
        for await (const chunk of chunks) pairs.push(...pairsIn(Buffer.from(chunk).toString()));
        this.load(pairs);
      }
    },
  ],
  [
    "adds what it restores to what it has",
    class extends Tally {
      protected override load(pairs: readonly [string, number][]): void {
        for (const [name, count] of pairs) this.counts.set(name, count);
      }
    },
  ],
  [
    "keeps what it has where there is nothing to restore",
    class extends Tally {
      protected override load(pairs: readonly [string, number][]): void {
        if (pairs.length > 0) super.load(pairs);
      }
    },
  ],
  [
    "counts queries",
    class extends Tally {
      override query(name: string): number {
        this.add(name, { index: 0, term: 0, time: 0, payload: new Uint8Array(0) });
        return super.query(name);
      }
    },
  ],
  [
    "shares its state with all others",
    class implements StateMachine<unknown, string, number> {
      apply(commands: readonly AppliedCommand[]): readonly unknown[] {
        return commands.map(({ payload }) => {
          shared.set(Buffer.from(payload).toString(), 1);
          return undefined;
        });
      }
      query(name: string): number {
        return shared.get(name) ?? 0;
      }
      async *snapshot(): AsyncGenerator<Uint8Array> {
        yield Buffer.from([...shared].map((pair) => `${JSON.stringify(pair)}\n`).join(""));
      }
      async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        shared = new Map(pairsIn(await textOf(chunks)));
      }
    },
  ],
];

describe("a wrong machine is refused: one that", () => {
  test.each(MISTAKES)("%s", async (_, Machine) => {
    expect(await failuresOf(Machine)).not.toEqual([]);
  });
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

function pairsIn(text: string): [string, number][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as [string, number]);
}
