/** What is recorded of the calls of the shipped client. */

import { describe, expect, test } from "vitest";
import { HistoryRecorder } from "../../sim/history.ts";
import type { Operation } from "../../sim/history.ts";
import { RecordedClient } from "../../sim/recorded-client.ts";
import { RaftError } from "../../src/errors.ts";
import type { KvClient } from "../../src/kv/client.ts";

const key = "k";

/** What is recorded of calls on a client that answers in this way. */
async function recorded(
  answers: Partial<Record<keyof KvClient, () => Promise<unknown>>>,
  use: (client: RecordedClient) => Promise<unknown>,
): Promise<readonly Operation[]> {
  const recorder = new HistoryRecorder();
  await use(new RecordedClient(answers as unknown as KvClient, "c1", recorder)).catch(() => {});
  return recorder.operations;
}

describe("a recorded client", () => {
  const timedOut = new RaftError("RAFT_TIMEOUT", "no answer", { outcome: "unknown" });
  const refused = new RaftError("RAFT_OVERLOADED", "too many calls", { outcome: "rejected" });

  test("records an answer with what was there before and its index", async () => {
    const write = { status: "mismatch", previous: { value: "b", index: 3 }, index: 7 };
    const expected = { type: "absent" } as const;
    const history = await recorded({ compareAndSet: async () => write }, (client) =>
      client.compareAndSet(key, expected, "a"),
    );
    expect(history).toMatchObject([
      { client: "c1", call: { op: "cas", key, expected, value: "a" }, end: 2, result: write },
    ]);
  });

  test("tells an unknown outcome from a rejected one", async () => {
    const unknown = await recorded({ put: () => Promise.reject(timedOut) }, (client) =>
      client.put(key, "a"),
    );
    expect(unknown).toMatchObject([{ end: undefined, result: undefined }]);
    const rejected = await recorded({ put: () => Promise.reject(refused) }, (client) =>
      client.put(key, "a"),
    );
    expect(rejected).toMatchObject([{ end: 2, result: { status: "rejected" } }]);
  });

  test("drops a read without an answer", async () => {
    const history = await recorded({ get: () => Promise.reject(refused) }, (client) =>
      client.get(key, { consistency: "local" }),
    );
    expect(history).toMatchObject([
      { call: { op: "get", key, consistency: "local" }, end: undefined, result: undefined },
    ]);
  });

  test("records a range as gets of the keys that it covers", async () => {
    const entries = [{ key: "b", value: 1, index: 4 }];
    const read = { index: 9, entries, more: true };
    const history = await recorded({ range: async () => read }, (client) =>
      client.range(["a", "b", "c"], {}),
    );
    expect(history).toMatchObject([
      { call: { key: "a" }, result: { previous: { value: undefined }, index: 9 } },
      { call: { key: "b" }, result: { previous: { value: 1, index: 4 }, index: 9 } },
      { call: { key: "c" }, end: undefined, result: undefined },
    ]);
    const backwards = await recorded({ range: async () => read }, (client) =>
      client.range(["a", "c"], { reverse: true }),
    );
    expect(backwards.map(({ end }) => end === undefined)).toEqual([true, false]);
  });
});
