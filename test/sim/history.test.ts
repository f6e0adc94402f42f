/** The recording of histories, and their file. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromJsonLines, toJsonLine, toJsonLines } from "../../sim/history-file.ts";
import { HistoryRecorder } from "../../sim/history.ts";
import { historyOf } from "../../sim/history-of.ts";
import type { Call, OpenOperation, Result } from "../../sim/history.ts";
import type { KvOperation } from "../../sim/kv/operation.ts";
import { answered, nothing, someBrokenHistory, unanswered } from "./support/histories.ts";

const key = "k";
const put: Call = { op: "put", key, value: "a" };
const done: Result = { status: "ok", previous: nothing, index: 1 };

describe("a recorder", () => {
  test("gives each beginning and each end a time of its own, in the order of the calls", () => {
    const recorder = new HistoryRecorder();
    const first = recorder.start("c1", put);
    const second = recorder.start("c2", { op: "get", key });
    second.complete(done);
    first.reject();

    expect(recorder.operations).toMatchObject([
      { client: "c1", call: put, start: 1, end: 4, result: { status: "rejected" } },
      { client: "c2", start: 2, end: 3, result: done },
    ]);
  });

  test("takes the times from a counter that it is given", () => {
    let time = 100;
    const recorder = new HistoryRecorder(() => (time += 10));
    recorder.start("c1", put).complete(done);
    expect(recorder.operations).toMatchObject([{ start: 110, end: 120 }]);
  });

  test("leaves an operation open until its outcome is known, and lets its client go on under a new name", () => {
    const recorder = new HistoryRecorder();
    recorder.start("c1", put).unknown();
    recorder.start("c1", put).unknown();
    recorder.start("c1", put).complete(done);
    recorder.start("c2", put);

    expect(recorder.operations).toMatchObject([
      { client: "c1", end: undefined, result: undefined },
      { client: "c1/2", end: undefined },
      { client: "c1/3", result: done },
      { client: "c2", end: undefined, result: undefined },
    ]);
  });

  test("gives a client one new name for all that it gives up at a time", () => {
    const recorder = new HistoryRecorder();
    const pipelined = [recorder.start("c1", put), recorder.start("c1", put)];
    for (const operation of pipelined) operation.unknown();
    recorder.start("c1", put);
    expect(recorder.operations.map(({ client }) => client)).toEqual(["c1", "c1", "c1/2"]);
  });

  test("counts an answer that comes late, and no second one", () => {
    const recorder = new HistoryRecorder();
    const operation = recorder.start("c1", put);
    operation.unknown();
    operation.complete(done);
    expect(recorder.operations).toMatchObject([{ client: "c1", start: 1, end: 2, result: done }]);
    expect(() => operation.complete(done)).toThrow("one outcome");
    expect(() => operation.reject()).toThrow("one outcome");
    expect(() => operation.unknown()).toThrow("one outcome");
  });
});

describe("the history of a run", () => {
  const calls = [
    { client: 0, startStep: 1, endStep: 5, outcome: "unknown" },
    { client: 0, startStep: 2, endStep: 7, outcome: "unknown" },
    { client: 1, startStep: 3, endStep: 4, outcome: "ok" },
    { client: 0, startStep: 6, endStep: 9, outcome: "unknown" },
    { client: 0, startStep: 8, endStep: 10, outcome: "ok" },
    { client: 0, startStep: 9, endStep: undefined, outcome: undefined },
    { client: 1, startStep: 11, endStep: 12, outcome: "rejected" },
  ] as const;

  test("has a client go on under a new name after an unknown outcome, as a recorder has", () => {
    const operations = calls.map((call, id): KvOperation => ({
      id,
      ...call,
      type: "put",
      key,
      value: "a",
      expected: undefined,
      call: "",
      startUs: 0,
      error: undefined,
      index: call.outcome === "ok" ? id : undefined,
      status: undefined,
      found: undefined,
      foundIndex: undefined,
      answer: undefined,
    }));
    const recorder = new HistoryRecorder();
    const open = new Map<number, OpenOperation>();
    for (let step = 1; step <= 12; step += 1) {
      for (const [at, { endStep, outcome }] of calls.entries()) {
        if (endStep !== step) continue;
        if (outcome === "unknown") open.get(at)?.unknown();
        else open.get(at)?.complete(done);
      }
      for (const [at, { client, startStep }] of calls.entries())
        if (startStep === step) open.set(at, recorder.start(`c${client + 1}`, put));
    }
    const names = historyOf(operations).map(({ client }) => client);
    expect(names).toEqual(["c1", "c1", "c2", "c1/2", "c1/2", "c1/3", "c2"]);
    expect(names).toEqual(recorder.operations.map(({ client }) => client));
  });
});

describe("the file of a history", () => {
  test("has one operation a line, with all fields", () => {
    const expected = { type: "value", value: 1 } as const;
    const history = [
      answered("c1", { op: "cas", key, expected, value: undefined }, [1, 5], {
        status: "mismatch",
        previous: { value: "a", index: 3 },
        index: 4,
      }),
      answered("c2", { op: "get", key, consistency: "local" }, [2, 3], { previous: nothing }),
      unanswered("c1/2", put, 6),
    ];
    expect(toJsonLines(history)).toBe(
      [
        '{"client":"c1","op":"cas","key":"k","value":null,"expected":{"type":"value","value":1},"start":1,"end":5,"result":{"status":"mismatch","previous":{"value":"a","index":3},"index":4}}',
        '{"client":"c2","op":"get","key":"k","value":null,"expected":null,"start":2,"end":3,"result":{"status":"ok","previous":{"value":null,"index":null},"index":null},"consistency":"local"}',
        '{"client":"c1/2","op":"put","key":"k","value":"a","expected":null,"start":6,"end":null,"result":null}',
        "",
      ].join("\n"),
    );
    expect(fromJsonLines(toJsonLines(history))).toEqual(history);
  });

  test("comes back as it was", () => {
    fc.assert(
      fc.property(
        someBrokenHistory({ maxLength: 20, keys: [key, '\n\u2028"', "é"] }),
        (history) => {
          expect(fromJsonLines(toJsonLines(history))).toEqual(history);
        },
      ),
    );
  });

  const good = JSON.parse(toJsonLine(answered("c1", put, [1, 2], done))) as object;
  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["no client", { ...good, client: 1 }],
    ["an unknown operation", { ...good, op: "swap" }],
    ["no key", { ...good, key: null }],
    ["a put of nothing", { ...good, value: null }],
    ["a put of an object", { ...good, value: {} }],
    ["an append of a number", { ...good, op: "append", value: 1 }],
    ["an increment by a string", { ...good, op: "increment" }],
    ["a cas that expects nothing", { ...good, op: "cas" }],
    ["a cas of another kind", { ...good, op: "cas", expected: { type: "greater" } }],
    ["no start", { ...good, start: null }],
    ["an end before the start", { ...good, end: 0 }],
    ["an end without a result", { ...good, result: null }],
    ["a result without an end", { ...good, end: null }],
    ["an unknown status", { ...good, result: { ...done, status: "fine" } }],
    [
      "an index that is no number",
      { ...good, result: { status: "ok", previous: null, index: "1" } },
    ],
  ])("is refused, with the line, where it has %s", (_, bad) => {
    const line = typeof bad === "string" ? bad : JSON.stringify(bad);
    expect(() => fromJsonLines(`${JSON.stringify(good)}\n\n${line}\n`)).toThrow(/^line 3 /);
  });
});
