import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeCommand,
  encodeEnvelope,
  KvMachine,
  kvStore,
  withSessions,
} from "../../src/kv/index.ts";
import type { KvResult, SessionOptions, SessionResult } from "../../src/kv/index.ts";
import type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";
import { stateMachineConformance } from "../../src/testing/state-machine-conformance.ts";
import { command, range, sample } from "./support/histories.ts";

/** Gives each command the number of its execution, and shows which commands it was handed, in which batches. */
class Counter implements StateMachine<number, undefined, number> {
  readonly batches: (readonly AppliedCommand[])[] = [];
  count = 0;

  apply(commands: readonly AppliedCommand[]): readonly number[] {
    this.batches.push(commands);
    return commands.map(() => (this.count += 1));
  }

  query(): number {
    return this.count;
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(this.count);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.count = chunk[0] ?? 0;
  }
}

/** A log that is applied as it is written. */
class Log {
  readonly counter = new Counter();
  machine: StateMachine<SessionResult<number>, undefined, number>;
  time = 0;
  index = 0;
  readonly #options: SessionOptions<number>;

  constructor(options: SessionOptions<number> = {}) {
    this.#options = options;
    this.machine = withSessions(this.counter, options);
  }

  entry(payload: Uint8Array): AppliedCommand {
    this.index += 1;
    return { index: this.index, term: 1, time: this.time, payload };
  }

  async applyAll(payloads: readonly Uint8Array[]): Promise<readonly SessionResult<number>[]> {
    return this.machine.apply(payloads.map((payload) => this.entry(payload)));
  }

  async apply(payload: Uint8Array): Promise<SessionResult<number> | undefined> {
    return (await this.applyAll([payload]))[0];
  }

  async open(): Promise<number> {
    const opened = await this.apply(encodeEnvelope({ type: "open" }));
    if (opened?.type !== "opened") throw new Error("no session");
    return opened.sessionId;
  }

  /** The same state in a machine that was restored from a snapshot. */
  async restart(): Promise<void> {
    const snapshot = this.machine.snapshot();
    const counter = new Counter();
    this.machine = withSessions(counter, this.#options);
    await this.machine.restore(snapshot);
  }
}

function numbered(sessionId: number, sequence: number, lowestOutstanding = 1): Uint8Array {
  const payload = Uint8Array.of(sequence);
  return encodeEnvelope({ type: "command", sessionId, sequence, lowestOutstanding, payload });
}

/** All kinds, with duplicates, sessions that are gone and nonsense. */
function mixed(payload: Uint8Array, n: number): Uint8Array {
  if (n % 17 === 5) return encodeEnvelope({ type: "open" });
  if (n % 23 === 7) return encodeEnvelope({ type: "close", sessionId: 1 });
  if (n % 11 === 3) return encodeEnvelope({ type: "plain", payload });
  if (n % 13 === 4) return payload;
  const sequence = 1 + Math.floor(n / 2);
  const lowestOutstanding = Math.max(1, sequence - 4);
  const sessionId = n % 3 === 0 ? 1 : 9;
  return encodeEnvelope({ type: "command", sessionId, sequence, lowestOutstanding, payload });
}

/** Captures its state where an asynchronous generator does: in the first step. */
class Total implements StateMachine<number, undefined, number> {
  #total = 0;

  apply(commands: readonly AppliedCommand[]): readonly number[] {
    return commands.map(({ payload }) => (this.#total += payload.at(-1) ?? 0));
  }

  query(): number {
    return this.#total;
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(String(this.#total));
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
    this.#total = Number(text);
  }
}

function addition(n: number, seed: number): Uint8Array {
  const payload = Uint8Array.of(1 + ((n * (seed + 1)) % 5));
  return encodeEnvelope({ type: "plain", payload });
}

function totalCases(create: () => StateMachine<unknown, undefined, number>) {
  return stateMachineConformance({
    create,
    commands: (seed) => Array.from({ length: 40 }, (_, n) => addition(n, seed)),
    queries: () => [undefined],
  });
}

describe("a machine whose snapshot is a generator is a state machine", () => {
  test.each(totalCases(() => new Total()))("alone: $name", async ({ run }) =>
    expect(run()).resolves.toBeUndefined(),
  );
  test.each(totalCases(() => withSessions(new Total())))("with sessions: $name", async ({ run }) =>
    expect(run()).resolves.toBeUndefined(),
  );
});

const EXPIRED = { type: "refused", reason: "session-expired" };

describe("KvMachine with sessions is a state machine", () => {
  const options: SessionOptions<KvResult> = {
    maxSessions: 2,
    maxResultsPerSession: 8,
    sessionTimeoutMs: 100,
  };
  const cases = stateMachineConformance({
    create: () => withSessions(new KvMachine(), options),
    commands: (seed) => [
      encodeEnvelope({ type: "open" }),
      ...sample(command, seed, 80).map((what, n) => mixed(encodeCommand(what), n)),
    ],
    queries: (seed) => [
      { type: "range", start: undefined, end: undefined, limit: 1000, reverse: false } as const,
      ...sample(range, seed, 10),
    ],
  });
  test.each(cases)("$name", async ({ run }) => expect(run()).resolves.toBeUndefined());
});

describe("rule 61: once, and the first result for each copy", () => {
  test("duplicates in any order, in any batches, across any restarts", async () => {
    // A client with at most `window` commands under way, each of which is in the log one to three times; copies stand
    // anywhere up to where the client has moved on, and some beyond.
    const history = fc.record({
      copies: fc.array(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 25,
      }),
      window: fc.integer({ min: 1, max: 6 }),
      batch: fc.integer({ min: 1, max: 9 }),
      restartEvery: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ copies, window, batch, restartEvery }) => {
        const log = new Log();
        const session = await log.open();
        const placed = copies
          .flatMap((delays, n) => delays.map((delay) => ({ sequence: n + 1, at: n + delay })))
          .toSorted((left, right) => left.at - right.at)
          .map(({ sequence }) => ({ sequence, lowest: Math.max(1, sequence - window + 1) }));

        const outcomes: { sequence: number; outcome: SessionResult<number> | undefined }[] = [];
        for (let start = 0; start < placed.length; start += batch) {
          const part = placed.slice(start, start + batch);
          const payloads = part.map(({ sequence, lowest }) => numbered(session, sequence, lowest));
          const results = await log.applyAll(payloads);
          part.forEach(({ sequence }, n) => outcomes.push({ sequence, outcome: results[n] }));
          if ((start / batch) % restartEvery === 0) await log.restart();
        }

        let executions = 0;
        const firsts = new Map<number, SessionResult<number>>();
        let lowest = 1;
        for (const [n, { sequence, outcome }] of outcomes.entries()) {
          lowest = Math.max(lowest, placed[n]?.lowest ?? 1);
          let expected = firsts.get(sequence);
          if (sequence < lowest) {
            expected = { type: "refused", reason: "sequence-forgotten" };
          } else if (expected === undefined) {
            executions += 1;
            expected = { type: "applied", index: n + 2, result: executions };
            firsts.set(sequence, expected);
          }
          expect(outcome).toEqual(expected);
        }
        expect(await log.machine.query(undefined)).toBe(executions);
      }),
      { numRuns: 300 },
    );
  });

  test("a batch stays one batch, and a duplicate within it sees the first one's result", async () => {
    const log = new Log();
    const session = await log.open();
    const plain = encodeEnvelope({ type: "plain", payload: Uint8Array.of(9) });

    const results = await log.applyAll([
      numbered(session, 2),
      numbered(session, 1),
      plain,
      numbered(session, 2),
      plain,
    ]);

    expect(results).toEqual([
      { type: "applied", index: 2, result: 1 },
      { type: "applied", index: 3, result: 2 },
      { type: "applied", index: 4, result: 3 },
      { type: "applied", index: 2, result: 1 },
      { type: "applied", index: 6, result: 4 },
    ]);
    const indexes = log.counter.batches.map((batch) => batch.map(({ index }) => index));
    expect(indexes).toEqual([[2, 3, 4, 6]]);
    expect(log.counter.batches[0]?.map(({ payload }) => payload[0])).toEqual([2, 1, 9, 9]);
  });

  test("a machine that applies asynchronously is waited for", async () => {
    const counter = new Counter();
    const slow: StateMachine<number, undefined, number> = {
      apply: async (commands) => counter.apply(commands),
      query: () => counter.query(),
      snapshot: () => counter.snapshot(),
      restore: (chunks) => counter.restore(chunks),
    };
    const machine = withSessions(slow);
    const entries = [encodeEnvelope({ type: "open" }), numbered(1, 1), numbered(1, 1)].map(
      (payload, n) => ({ index: n + 1, term: 1, time: 0, payload }),
    );
    expect((await machine.apply(entries)).slice(1)).toEqual([
      { type: "applied", index: 2, result: 1 },
      { type: "applied", index: 2, result: 1 },
    ]);
  });
});

describe("sessions end", () => {
  test("rule 61: by replicated time, counted from the last command; a command of it is refused, never executed", async () => {
    const log = new Log({ sessionTimeoutMs: 100 });
    const session = await log.open();
    log.time = 100;
    expect(await log.apply(numbered(session, 1))).toMatchObject({ type: "applied" });
    log.time = 200;
    expect(await log.apply(numbered(session, 1))).toMatchObject({ type: "applied", result: 1 });
    await log.restart();
    log.time = 301;
    expect(await log.apply(numbered(session, 1))).toEqual(EXPIRED);
    expect(await log.apply(numbered(session, 2))).toEqual(EXPIRED);
    expect(await log.machine.query(undefined)).toBe(1);
  });

  test("by number: the one that was not used for longest goes first, after a restart too", async () => {
    const log = new Log({ maxSessions: 3 });
    const [a, b, c] = [await log.open(), await log.open(), await log.open()];
    await log.apply(numbered(a, 1));
    await log.restart();
    await log.apply(numbered(b, 1));
    const d = await log.open();
    expect(await log.apply(numbered(c, 1))).toEqual(EXPIRED);
    for (const session of [a, b, d]) {
      expect(await log.apply(numbered(session, 2))).toMatchObject({ type: "applied" });
    }
    const e = await log.open();
    expect(await log.apply(numbered(a, 3))).toEqual(EXPIRED);
    expect(await log.apply(numbered(e, 1))).toMatchObject({ type: "applied" });
  });

  test("by being closed; ids are log indexes and are never used again", async () => {
    const log = new Log();
    const first = await log.open();
    const close = encodeEnvelope({ type: "close", sessionId: first });
    expect(await log.applyAll([close, close])).toEqual([{ type: "closed" }, { type: "closed" }]);
    expect(await log.open()).toBe(4);
    expect(await log.apply(numbered(first, 1))).toEqual(EXPIRED);
  });
});

describe("bounds", () => {
  test("a session holds so many results and no more; its lowest command always gets in", async () => {
    const log = new Log({ maxResultsPerSession: 3 });
    const session = await log.open();
    const full = { type: "refused", reason: "window-full" };
    expect(await log.apply(numbered(session, 2))).toMatchObject({ type: "applied" });
    expect(await log.apply(numbered(session, 3))).toMatchObject({ type: "applied" });
    expect(await log.apply(numbered(session, 4))).toEqual(full);
    expect(await log.apply(numbered(session, 1))).toMatchObject({ type: "applied" });
    expect(await log.apply(numbered(session, 4, 2))).toMatchObject({ type: "applied" });
    expect(await log.apply(numbered(session, 1))).toEqual({
      type: "refused",
      reason: "sequence-forgotten",
    });
    expect(await log.machine.query(undefined)).toBe(4);
  });

  test("a jump of the lowest number costs no time", async () => {
    const log = new Log();
    const session = await log.open();
    const far = Number.MAX_SAFE_INTEGER;
    expect(await log.apply(numbered(session, far, far))).toMatchObject({ type: "applied" });
  });

  test("options that are no positive integers, or too large, are refused", () => {
    for (const options of [
      { maxSessions: 0 },
      { sessionTimeoutMs: 0.5 },
      { maxResultsPerSession: -1 },
      { maxResultsPerSession: 2 ** 20 + 1 },
    ]) {
      expect(() => withSessions(new Counter(), options)).toThrow(
        expect.objectContaining({ code: "RAFT_INVALID_OPTION" }),
      );
    }
  });

  test("what no type checker would let pass is refused by name and value", () => {
    const counter = new Counter();
    const refused: [machine: unknown, options: unknown, mention: string][] = [
      [undefined, {}, "machine is missing"],
      [Counter, {}, "machine must have the methods apply, query, snapshot, restore"],
      [counter, null, "the options must be an object, not null"],
      [counter, { maxSession: 5 }, "maxSession is not an option"],
      [counter, { maxSessions: "5" }, 'maxSessions must be a whole number of at least 1, not "5"'],
      [counter, { results: { toPlain: String } }, "results must have the methods"],
    ];
    for (const [machine, options, mention] of refused) {
      const make = (): unknown => withSessions(machine as Counter, options as object);
      expect(make).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
      expect(make).toThrow(mention);
    }
  });

  test("so it is by the store that is made of them", () => {
    const refused: [options: unknown, mention: string][] = [
      [null, "the options must be an object, not null"],
      [{ maxKeys: 5 }, "maxKeys is not an option"],
      [{ results: undefined }, "results is not an option"],
      [{ clock: 5 }, "clock must have the methods now, setTimer, defer, soon: 5 lacks"],
      [{ maxOutstanding: 0 }, "maxOutstanding must be a whole number of at least 1, not 0"],
      [{ maxSessions: Number.NaN }, "maxSessions must be a whole number of at least 1, not NaN"],
    ];
    for (const [options, mention] of refused) {
      const make = (): unknown => kvStore(options as object);
      expect(make).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
      expect(make).toThrow(mention);
    }
  });
});

describe("rule 63", () => {
  test("bytes that are no envelope give a result on every member", async () => {
    const envelopes = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.tuple(fc.nat(30), fc.nat(255)).map(([at, byte]) => {
        const flipped = Uint8Array.from(numbered(1, 1));
        flipped[at % flipped.length] = byte;
        return flipped;
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(envelopes), async (payloads) => {
        const [left, right] = [new Log(), new Log()];
        for (const log of [left, right]) await log.open();
        expect(await left.applyAll(payloads)).toEqual(await right.applyAll(payloads));
      }),
    );
    for (const wrong of [numbered(1, 2, 3), numbered(1, 0), numbered(0, 1), Uint8Array.of()]) {
      expect(await new Log().apply(wrong)).toEqual({ type: "refused", reason: "invalid-command" });
    }
  });

  test("an exception of the machine, or a missing result, is not swallowed", () => {
    const plain = encodeEnvelope({ type: "plain", payload: Uint8Array.of(1) });
    const entries = [{ index: 1, term: 1, time: 0, payload: plain }];
    const broken = new Counter();
    broken.apply = () => {
      throw new Error("out of order");
    };
    expect(() => withSessions(broken).apply(entries)).toThrow("out of order");
    broken.apply = () => [];
    expect(() => withSessions(broken).apply(entries)).toThrow("0 results for 1 commands");
  });
});

describe("rule 56: the table is part of the snapshot", () => {
  test("as it is at the call", async () => {
    const log = new Log();
    const session = await log.open();
    await log.apply(numbered(session, 1));
    const snapshot = log.machine.snapshot();
    await log.apply(numbered(session, 2));
    const restored = withSessions(new Counter());
    await restored.restore(snapshot);
    const results = await restored.apply([
      log.entry(numbered(session, 1)),
      log.entry(numbered(session, 2)),
    ]);
    expect(results[0]).toEqual({ type: "applied", index: 2, result: 1 });
    expect(results[1]).toMatchObject({ type: "applied", index: 5 });
  });

  test("a snapshot without sessions, or of another version, is refused", async () => {
    const restored = withSessions(new KvMachine());
    await expect(restored.restore(new KvMachine().snapshot())).rejects.toMatchObject({
      code: "RAFT_FORMAT_VERSION",
    });
  });
});
