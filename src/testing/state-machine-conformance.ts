/**
 * What every `StateMachine` must do, as a list of named cases for any test runner: determinism, independence of how
 * commands are batched, snapshots captured at their index, restore that replaces everything, queries that change nothing.
 *
 * ```ts
 * const cases = stateMachineConformance({ create: () => new MyMachine(), commands, queries });
 * for (const { name, run } of cases) test(name, run);
 * ```
 */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { systemClock } from "../node/clock.ts";
import type { AppliedCommand, StateMachine } from "../node/state-machine.ts";
import type { ConformanceCase } from "./conformance.ts";

/** A state machine, with commands and queries to try it on. */
export interface StateMachineFixture<Result, Query, Answer> {
  /** A new, empty machine. */
  create(): StateMachine<Result, Query, Answer>;
  /**
   * The payloads of a history, the same at each call with the same seed: at least 20, of every kind there is, wrong ones
   * too. The first stands at log index 1; later ones have gaps between them.
   */
  commands(seed: number): readonly Uint8Array[];
  /** Queries whose answers show the whole state as far as it can be seen. */
  queries(seed: number): readonly Query[];
}

/** Where the n-th command stands, from 0: with a gap after every third, since blank entries take indexes too. */
function indexOf(position: number): number {
  return position + 1 + Math.floor(position / 3);
}

/** The cases. Results and answers are compared deeply; `seeds` histories are tried in each. */
export function stateMachineConformance<Result, Query, Answer>(
  fixture: StateMachineFixture<Result, Query, Answer>,
  seeds: number = 10,
): readonly ConformanceCase[] {
  type Check = (history: History<Result, Query, Answer>) => Promise<void>;
  const checks: readonly (readonly [name: string, check: Check])[] = [
    ["the same commands give the same results and the same state", checkDeterminism],
    ["how commands are batched makes no difference", checkBatching],
    ["commands are seen by queries, and by those of that machine only", checkIndependence],
    [
      "apply changes no payload, and keeps none: one that changes later is no matter",
      checkOwnership,
    ],
    ["a snapshot holds the state of its first step, whatever is applied afterwards", checkCapture],
    ["restore replaces the whole state, in chunks of any size", checkRestore],
    ["a snapshot that is not read to its end, as another is restored, leaves no trace", checkLeft],
    ["a restored machine goes on like the one that it was taken from", checkContinuation],
    ["an empty machine can be snapshotted and restored", checkEmpty],
    ["a query changes nothing", checkQuery],
  ];
  return checks.map(([name, check]) => ({
    name,
    run: async (): Promise<void> => {
      for (let seed = 0; seed < seeds; seed++) await check(new History(fixture, seed));
    },
  }));
}

/** One history of commands, and how to look at a machine that has applied some of it. */
class History<Result, Query, Answer> {
  readonly seed: number;
  readonly commands: readonly AppliedCommand[];
  readonly #fixture: StateMachineFixture<Result, Query, Answer>;

  constructor(fixture: StateMachineFixture<Result, Query, Answer>, seed: number) {
    this.#fixture = fixture;
    this.seed = seed;
    this.commands = fixture.commands(seed).map((payload, position) => ({
      index: indexOf(position),
      term: 1 + Math.floor(position / 10),
      time: 5 * position,
      payload,
    }));
    assert.ok(this.commands.length >= 20, "a history has at least 20 commands");
  }

  create(): StateMachine<Result, Query, Answer> {
    return this.#fixture.create();
  }

  /** A new machine that has applied the first `count` commands, each a batch of its own. */
  async machineAt(count: number): Promise<StateMachine<Result, Query, Answer>> {
    const machine = this.create();
    await applyEach(machine, this.commands.slice(0, count));
    return machine;
  }

  async answersOf(machine: StateMachine<Result, Query, Answer>): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (const query of this.#fixture.queries(this.seed)) answers.push(await machine.query(query));
    return answers;
  }

  /** Both show the same, and have the same future. */
  async assertAlike(
    actual: StateMachine<Result, Query, Answer>,
    expected: StateMachine<Result, Query, Answer>,
    note: string,
  ): Promise<void> {
    const text = `seed ${this.seed}: ${note}`;
    assert.deepStrictEqual(await this.answersOf(actual), await this.answersOf(expected), text);
    const [left, right] = [await collect(actual.snapshot()), await collect(expected.snapshot())];
    const [again, mirror] = [this.create(), this.create()];
    await again.restore(streamOf(left, left.length));
    await mirror.restore(streamOf(right, right.length));
    assert.deepStrictEqual(await this.answersOf(again), await this.answersOf(mirror), text);
  }
}

async function checkDeterminism<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const [left, right] = [history.create(), history.create()];
  const first = await applyEach(left, history.commands);
  untilTheNextMillisecond();
  const second = await applyEach(right, history.commands);
  assert.deepStrictEqual(first, second, `seed ${history.seed}: results`);
  await history.assertAlike(left, right, "state");
}

/** So that a machine which looks at its own clock sees another time. */
function untilTheNextMillisecond(): void {
  const endMs = systemClock.now() + 1;
  while (systemClock.now() <= endMs);
}

async function checkIndependence<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const text = `seed ${history.seed}: `;
  const empty = await history.answersOf(history.create());
  const machine = history.create();
  let isSeen = false;
  for (const command of history.commands) {
    await machine.apply([command]);
    isSeen ||= !isDeepStrictEqual(await history.answersOf(machine), empty);
  }
  assert.ok(isSeen, `${text}no query tells a machine that has applied something from a new one`);
  const after = await history.answersOf(history.create());
  assert.deepStrictEqual(after, empty, `${text}a new machine`);
}

async function checkBatching<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const expected = history.create();
  const results = await applyEach(expected, history.commands);
  for (const size of [2, 3, 7, history.commands.length]) {
    const machine = history.create();
    const batched: R[] = [];
    for (let start = 0; start < history.commands.length; start += size) {
      const batch = history.commands.slice(start, start + size);
      const answers = await machine.apply(batch);
      assert.strictEqual(answers.length, batch.length, "one result for each command");
      // Taken as they are now: a result that a later command changes would show.
      batched.push(...structuredClone(answers));
    }
    assert.deepStrictEqual(
      plain(batched),
      plain(results),
      `seed ${history.seed}: batches of ${size}`,
    );
    await history.assertAlike(machine, expected, `state after batches of ${size}`);
  }
}

async function checkOwnership<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const machine = history.create();
  for (const command of history.commands) {
    const payload = Uint8Array.from(command.payload);
    await machine.apply([{ ...command, payload }]);
    assert.deepEqual(payload, Uint8Array.from(command.payload), `payload ${command.index}`);
    payload.fill(0xee);
  }
  const expected = await history.machineAt(history.commands.length);
  await history.assertAlike(machine, expected, "state after payloads were overwritten");
}

async function checkCapture<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const half = Math.floor(history.commands.length / 2);
  const machine = await history.machineAt(half);
  // As a node does it: the first step of the stream comes before anything else is applied, the others beside it.
  const [bytes] = await Promise.all([
    collect(machine.snapshot()),
    machine.apply(history.commands.slice(half)),
  ]);

  const restored = history.create();
  await restored.restore(streamOf(bytes, bytes.length));
  await history.assertAlike(restored, await history.machineAt(half), "snapshot of the first half");
  const whole = await history.machineAt(history.commands.length);
  await history.assertAlike(machine, whole, "state after a snapshot of the first half");
}

async function checkRestore<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const half = Math.floor(history.commands.length / 2);
  const source = await history.machineAt(half);
  const bytes = await collect(source.snapshot());
  for (const size of [1, 7, 4096]) {
    const target = await history.machineAt(history.commands.length);
    await target.restore(streamOf(bytes, size));
    await history.assertAlike(target, source, `restored from chunks of ${size}`);
  }
}

async function checkLeft<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const half = Math.floor(history.commands.length / 2);
  const source = await history.machineAt(half);
  const bytes = await collect(source.snapshot());
  const machine = await history.machineAt(history.commands.length);
  const left = machine.snapshot()[Symbol.asyncIterator]();
  await left.next();
  await machine.restore(streamOf(bytes, bytes.length));
  // Nobody minds if it breaks now.
  await left.next().catch(() => undefined);
  await left.return?.().catch(() => undefined);
  await history.assertAlike(machine, source, "restored while a snapshot was taken");
}

async function checkContinuation<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  for (const share of [0.25, 0.5, 0.75]) {
    const at = Math.floor(history.commands.length * share);
    const original = await history.machineAt(at);
    const restored = history.create();
    await restored.restore(original.snapshot());
    const rest = history.commands.slice(at);
    const expected = await applyEach(original, rest);
    const results = await applyEach(restored, rest);
    assert.deepStrictEqual(plain(results), plain(expected), `seed ${history.seed}: after ${at}`);
    await history.assertAlike(restored, original, `state after a restore at ${at}`);
  }
}

async function checkEmpty<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const target = await history.machineAt(history.commands.length);
  await target.restore(history.create().snapshot());
  await history.assertAlike(target, history.create(), "the empty state");
}

async function checkQuery<R, Q, A>(history: History<R, Q, A>): Promise<void> {
  const machine = history.create();
  const expected = history.create();
  for (const command of history.commands) {
    await history.answersOf(machine);
    const results = await machine.apply([command]);
    assert.deepStrictEqual(results, await expected.apply([command]), `seed ${history.seed}`);
  }
  await history.assertAlike(machine, expected, "state after queries");
}

async function applyEach<Result, Query, Answer>(
  machine: StateMachine<Result, Query, Answer>,
  commands: readonly AppliedCommand[],
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const command of commands) {
    const given = await machine.apply([command]);
    assert.equal(given.length, 1, `${given.length} results for command ${command.index}`);
    results.push(...given);
  }
  return results;
}

/** `structuredClone` turns a Buffer into a plain array of bytes: compare such results as clones on both sides. */
function plain<Result>(results: readonly Result[]): readonly Result[] {
  return structuredClone(results);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const chunk of chunks) copies.push(Uint8Array.from(chunk));
  return Buffer.concat(copies);
}

async function* streamOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
}
