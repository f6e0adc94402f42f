/** What a client refuses: by name and value, before anything is sent. */

import { describe, expect, test } from "vitest";
import { KvClient } from "../../src/kv/index.ts";
import type { KvClientOptions } from "../../src/kv/index.ts";
import { FakeCluster } from "./support/fake-cluster.ts";
import { ManualClock } from "./support/manual-clock.ts";

function connectWith(changes: object): { client: KvClient; cluster: FakeCluster } {
  const clock = new ManualClock();
  const cluster = new FakeCluster(clock);
  const endpoints = ["n1:1", "n2:1", "n3:1"];
  return { cluster, client: KvClient.connect({ endpoints, link: cluster, clock, ...changes }) };
}

/** What a client cannot start with, and what the text of the refusal mentions. */
const REFUSED: readonly (readonly [changes: object, ...mentions: string[]])[] = [
  [{ link: undefined }, "link is missing"],
  [{ link: {} }, "link must have the methods connect, close", "{} lacks"],
  [{ endpoints: undefined }, "endpoints must be a list", "undefined"],
  [{ endpoints: "n1:1" }, "endpoints must be a list", '"n1:1"'],
  [{ endpoints: [] }, "endpoints must name at least one"],
  [{ endpoints: ["n1:1", "n2:1", "n1:1"] }, "endpoints names", '"n1:1"', "twice"],
  [{ endpoints: [""] }, "endpoints", '""'],
  [{ endpoints: ["host"] }, "endpoints", '"host"'],
  [{ endpoints: ["host:99999"] }, "endpoints", '"host:99999"'],
  [{ endpoints: ["host:0"] }, "endpoints", '"host:0"'],
  [{ endpoints: ["a b:1"] }, "endpoints", '"a b:1"'],
  [{ endpoints: ["n1:1", 7] }, "endpoints", "7"],
  [{ clock: 5 }, "clock must have the methods now, setTimer, defer", "5 lacks"],
  [{ random: 5 }, "random must be a function", "5"],
  [{ deadlineMs: 0 }, "deadlineMs", "0"],
  [{ deadlineMs: "500" }, "deadlineMs", '"500"'],
  [{ attemptTimeoutMs: Infinity }, "attemptTimeoutMs", "Infinity"],
  [{ retryBaseMs: Symbol("soon") }, "retryBaseMs", "Symbol(soon)"],
  [{ retryMaxMs: null }, "retryMaxMs", "null"],
  [{ maxPending: Number.NaN }, "maxPending", "NaN"],
  [{ maxInFlight: 0.5 }, "maxInFlight", "0.5"],
  [{ deadline: 500 }, "deadline is not an option: there are endpoints, link"],
];

describe("RAFT_INVALID_OPTION names the client's option and its value", () => {
  test.each(REFUSED.map(([changes, ...mentions]) => ({ changes, mentions })))(
    "$mentions",
    ({ changes, mentions }) => {
      const connect = (): unknown => connectWith(changes);
      expect(connect).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
      for (const mention of mentions) expect(connect).toThrow(mention);
    },
  );

  test("nothing at all, or something else, instead of options", () => {
    for (const options of [undefined, null, "n1:1", {}]) {
      const connect = (): unknown => KvClient.connect(options as KvClientOptions);
      expect(connect).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
    }
  });

  test("all that is wrong is said at once", () => {
    expect(() => connectWith({ endpoints: [], maxPending: 0, retryMaxMs: -1 })).toThrow(
      /endpoints.*retryMaxMs.*maxPending/,
    );
  });
});

/** As a program in plain JavaScript sees it. */
type Untyped = Record<keyof KvClient & string, (...args: unknown[]) => Promise<unknown>>;

type Call = (client: Untyped) => Promise<unknown>;

const BAD_COMMANDS: readonly (readonly [call: Call, ...mentions: string[]])[] = [
  [(client) => client.put("", "x"), "a key", '""'],
  [(client) => client.put(7, "x"), "a key", "7"],
  [(client) => client.get(), "a key", "undefined"],
  [(client) => client.get("k".repeat(1025)), "a key", "1025"],
  [(client) => client.put("k"), "a value is", "undefined"],
  [(client) => client.put("k", { a: 1 }), "a value is", "{ a: 1 }"],
  [(client) => client.put("k", Number.NaN), "NaN"],
  [(client) => client.put("k", "\ud800"), "surrogate"],
  [(client) => client.put("k", "x".repeat(2 ** 20 + 1)), "a value has at most", "1048577"],
  [(client) => client.append("k", 5), "only a string or bytes can be appended", "5"],
  [(client) => client.increment("k", 0.5), "a safe integer", "0.5"],
  [(client) => client.increment("k", { deadlineMs: 5 }), "{ deadlineMs: 5 }"],
  [(client) => client.compareAndSet("k"), "an expectation is", "undefined"],
  [(client) => client.compareAndSet("k", null, "v"), "an expectation is", "null"],
  [(client) => client.compareAndSet("k", "old", "new"), "an expectation is", '"old"'],
  [(client) => client.compareAndSet("k", { type: "index" }, "v"), "a safe integer", "undefined"],
  [(client) => client.compareAndSet("k", { type: "value" }, "v"), "a value is", "undefined"],
  [(client) => client.batch(null), "a batch is a list", "null"],
  [(client) => client.batch({ type: "get", key: "k" }), "a batch is a list", "type: 'get'"],
  [(client) => client.batch([{ type: "get", key: "k" }, null]), "operation 1", "null"],
  [(client) => client.batch(Array(2)), "operation 0", "undefined"],
  [(client) => client.batch([{ type: "set", key: "k" }]), "operation 0", '"set"'],
  [(client) => client.range(null), "a range is", "null"],
  [(client) => client.range("prefix"), "a range is", '"prefix"'],
  [(client) => client.range({ prefix: "a" }), "prefix is not an option", "start, end"],
  [(client) => client.range({ reverse: 1 }), "reverse", "1"],
  [(client) => client.range({ start: 5 }), "start", "5"],
  [(client) => client.range({ end: {} }), "end", "{}"],
  [(client) => client.range({ limit: 1001 }), "limit", "1001"],
  [(client) => client.range({ limit: Symbol("few") }), "limit", "Symbol(few)"],
  [(client) => client.put("k", "v", { previous: 1 }), "previous is true or false", "1"],
];

const BAD_OPTIONS: readonly (readonly [call: Call, ...mentions: string[]])[] = [
  [(client) => client.put("k", "v", { signal: 5 }), "signal", "5"],
  [(client) => client.put("k", "v", { signal: null }), "signal", "null"],
  [(client) => client.get("k", { signal: {} }), "signal", "{}"],
  [(client) => client.get("k", { deadlineMs: -1 }), "deadlineMs", "-1"],
  [(client) => client.status({ deadlineMs: "5" }), "deadlineMs", '"5"'],
  [(client) => client.get("k", { consistency: "eventual" }), "consistency", '"eventual"'],
  [(client) => client.range({}, { consistency: null }), "consistency", "null"],
  [(client) => client.get("k", "local"), "options", '"local"'],
  [(client) => client.waitForLeader(500), "options", "500"],
  [(client) => client.put("k", "v", { timeoutMs: 5 }), "timeoutMs is not an option", "deadlineMs"],
  [(client) => client.get("k", { previous: true }), "previous is not an option", "consistency"],
  [(client) => client.batch([], { previous: true }), "previous is not an option", "deadlineMs"],
  [(client) => client.status({ timeout: 5 }), "timeout is not an option", "deadlineMs"],
];

describe.each([
  { code: "RAFT_INVALID_COMMAND", calls: BAD_COMMANDS },
  { code: "RAFT_INVALID_OPTION", calls: BAD_OPTIONS },
])("$code refuses a call before it is sent", ({ code, calls }) => {
  test.each(calls.map(([call, ...mentions]) => ({ call, mentions })))(
    "$mentions",
    async ({ call, mentions }) => {
      const { client, cluster } = connectWith({});
      const error: unknown = await call(client as unknown as Untyped).catch(
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code, outcome: "rejected" });
      for (const mention of mentions) expect(String(error)).toContain(mention);
      await client.close();
      expect(cluster.dialled).toEqual([]);
    },
  );
});
