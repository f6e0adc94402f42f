import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { RaftError } from "../../src/errors.ts";
import { KvClient } from "../../src/kv/index.ts";
import type { KvClientOptions, KvStoreOptions } from "../../src/kv/index.ts";
import { FakeCluster } from "./support/fake-cluster.ts";
import { ManualClock } from "./support/manual-clock.ts";

interface Setup {
  readonly clock: ManualClock;
  readonly cluster: FakeCluster;
  readonly client: KvClient;
}

function setUp(options: Partial<KvClientOptions> = {}, store: KvStoreOptions = {}): Setup {
  const clock = new ManualClock();
  const cluster = new FakeCluster(clock, store);
  const client = KvClient.connect({
    endpoints: ["n1:1", "n2:1", "n3:1"],
    link: cluster,
    clock,
    random: () => 0,
    ...options,
  });
  return { clock, cluster, client };
}

/** Lets time pass until the call is over. */
async function outcome<Value>(
  clock: ManualClock,
  call: Promise<Value>,
  ms = 20_000,
): Promise<Value> {
  const progress = { over: false };
  const watched = call.finally(() => (progress.over = true));
  watched.catch(() => undefined);
  await clock.settle();
  for (let passed = 0; passed < ms && !progress.over; passed += 5) await clock.advance(5);
  if (!progress.over) throw new Error(`not settled within ${ms} ms`);
  return watched;
}

async function failure(
  clock: ManualClock,
  call: Promise<unknown>,
  ms?: number,
): Promise<RaftError> {
  return outcome(
    clock,
    call.then(
      (value) => Promise.reject(new Error(`it succeeded with ${JSON.stringify(value)}`)),
      (error: unknown) => error as RaftError,
    ),
    ms,
  );
}

describe("calls", () => {
  test("every operation does what it says and carries its log index", async () => {
    const { clock, client } = setUp();
    const run = <Value>(call: Promise<Value>): Promise<Value> => outcome(clock, call);

    expect(await run(client.put("a", "one"))).toEqual({
      index: 2,
      status: "ok",
      previous: undefined,
    });
    expect(await run(client.append("a", "+two", { previous: true }))).toEqual({
      index: 3,
      status: "ok",
      previous: { value: "one", index: 2 },
    });
    expect(await run(client.get("a"))).toEqual({ index: 3, value: "one+two", modifiedIndex: 3 });
    expect(await run(client.get("b"))).toEqual({
      index: 3,
      value: undefined,
      modifiedIndex: undefined,
    });
    expect(await run(client.increment("n", 5))).toMatchObject({ status: "ok", value: 5 });
    expect(await run(client.increment("n"))).toMatchObject({ status: "ok", value: 6 });
    expect(await run(client.increment("a"))).toMatchObject({
      status: "wrong-type",
      value: undefined,
    });
    const swap = client.compareAndSet("a", { type: "index", index: 2 }, "no");
    expect(await run(swap)).toMatchObject({ status: "mismatch", previous: { index: 3 } });
    const bytes = Uint8Array.of(0, 255, 7);
    await run(client.compareAndSet("b", { type: "absent" }, bytes));
    expect((await run(client.get("b"))).value).toEqual(bytes);
    expect(await run(client.delete("a", { previous: true }))).toMatchObject({
      previous: { value: "one+two" },
    });
    const batch = client.batch([
      { type: "put", key: "x", value: "" },
      { type: "increment", key: "b", by: 1 },
    ]);
    expect(await run(batch)).toMatchObject({
      status: "aborted",
      failedAt: 1,
      cause: { status: "wrong-type" },
    });
    const range = await run(client.range({ limit: 1, reverse: true }));
    expect(range.entries.map(({ key }) => key)).toEqual(["n"]);
    expect(range.more).toBe(true);
    expect((await run(client.status())).role).toBe("leader");
    expect((await run(client.waitForLeader())).address).toBe("n1:1");
  });

  test("calls of one turn leave in one frame, and the session is opened by the first write only", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.waitForLeader());
    expect(cluster.index).toBe(0);
    await outcome(clock, client.put("warm", "up"));
    cluster.frames.length = 0;

    const calls = Array.from({ length: 50 }, (_, n) => client.put(`key ${n}`, n));
    await outcome(clock, Promise.all(calls));

    expect(cluster.frames).toHaveLength(1);
    expect(cluster.index).toBe(52);
  });

  test("a command that fits in no frame is refused before it is sent", async () => {
    const { clock, client } = setUp();
    const value = "x".repeat(1024 * 1024);
    const operations = Array.from({ length: 9 }, (_, n) => {
      return { type: "put", key: `k${n}`, value } as const;
    });
    const error = await failure(clock, client.batch(operations));
    expect(error).toMatchObject({ code: "RAFT_TOO_LARGE", outcome: "rejected" });
    expect(await outcome(clock, client.batch(operations.slice(2)))).toMatchObject({
      status: "committed",
    });
  });

  test("a query that no node would take is refused before it is sent", async () => {
    const { clock, cluster, client } = setUp();
    const error = await failure(clock, client.range({ start: "k".repeat(16 * 1024) }));
    expect(error).toMatchObject({ code: "RAFT_TOO_LARGE", outcome: "rejected" });
    expect(cluster.dialled).toEqual([]);
  });

  test("a bound that UTF-8 cannot say is refused, and not taken for another one", async () => {
    const { clock, cluster, client } = setUp();
    for (const range of [{ start: "\ud83d" }, { end: "k\udc00" }]) {
      const error = await failure(clock, client.range(range));
      expect(error).toMatchObject({ code: "RAFT_INVALID_COMMAND", outcome: "rejected" });
    }
    expect(cluster.dialled).toEqual([]);
  });

  test("a local read is answered by a node that does not lead", async () => {
    const { clock, cluster, client } = setUp({ endpoints: ["n2:1"] });
    await outcome(clock, client.put("k", "v"));
    const other = KvClient.connect({ endpoints: ["n3:1"], link: cluster, clock });
    cluster.dialled.length = 0;
    cluster.leader = undefined;

    const read = await outcome(clock, other.get("k", { consistency: "local" }));

    expect(read.value).toBe("v");
    expect(cluster.dialled).toEqual(["n3"]);
    const error = await failure(clock, other.get("k", { deadlineMs: 500 }));
    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "rejected" });
  });

  test("what is undefined stands for the default, of the client's options and of a call's", async () => {
    const { clock, client } = setUp({ deadlineMs: undefined, maxInFlight: undefined });
    await outcome(clock, client.put("k", "v", { signal: undefined, deadlineMs: undefined }));
    const get = client.get("k", { consistency: undefined });
    const range = client.range({ start: undefined, limit: undefined, reverse: undefined });

    expect(await outcome(clock, get)).toMatchObject({ value: "v" });
    expect((await outcome(clock, range)).entries).toHaveLength(1);
  });

  test("any number of calls may share a signal: they leave one listener on it, and none in the end", async () => {
    const { clock, client } = setUp();
    const { signal } = new AbortController();
    const calls = Array.from({ length: 20 }, (_, n) => client.put(`k${n}`, "v", { signal }));

    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await outcome(clock, Promise.all(calls));
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("finding the leader", () => {
  test("a redirect is followed to an address that is not among the endpoints", async () => {
    const { clock, cluster, client } = setUp({ endpoints: ["n1:1"] });
    cluster.leader = "n9";

    await outcome(clock, client.put("k", "v"));

    expect(cluster.dialled).toEqual(["n1", "n9"]);
  });

  test("without hints, and with nodes that are down, every endpoint is tried", async () => {
    const { clock, cluster, client } = setUp();
    cluster.hints = false;
    cluster.down.add("n2");
    cluster.leader = "n3";

    await outcome(clock, client.put("k", "v"));

    expect(cluster.dialled).toEqual(["n1", "n2", "n3"]);
  });

  test("two nodes that point at each other are not asked in a tight loop", async () => {
    const { clock, cluster, client } = setUp({ endpoints: ["n1:1", "n2:1"] });
    cluster.leader = "n2";
    await outcome(clock, client.put("k", "v"));
    cluster.dialled.length = 0;

    // Each node takes the other for the leader.
    Object.defineProperty(cluster, "leader", { get: () => "n7" });
    cluster.down.add("n7");
    const error = await failure(clock, client.put("k", "w", { deadlineMs: 5000 }));

    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "rejected" });
    // Some ten times a second.
    expect(cluster.dialled.length).toBeLessThan(60);
  });

  test("however long an election takes, its winner is found within an election timeout", async () => {
    for (const electionMs of [500, 600, 700, 800, 900, 1000]) {
      // The longest waits that there are.
      const { clock, cluster, client } = setUp({ random: () => 0.999 });
      cluster.leader = "n3";
      await outcome(clock, client.put("k", "v"));
      cluster.leader = undefined;
      cluster.down.add("n3");
      cluster.cut("n3");
      const call = client.put("k", "w");
      await clock.advance(electionMs);

      cluster.leader = "n1";
      const electedAt = clock.now();
      await outcome(clock, call);

      expect(clock.now() - electedAt).toBeLessThan(500);
    }
  });

  test("a node that does not take the connection is given up for another", async () => {
    const { clock, cluster, client } = setUp({ attemptTimeoutMs: 500 });
    cluster.deaf.add("n1");
    cluster.leader = "n2";

    await outcome(clock, client.put("k", "v"), 600);

    expect(cluster.dialled).toEqual(["n1", "n2"]);
  });

  test("a leader that does not answer is given up for another", async () => {
    const { clock, cluster, client } = setUp({ attemptTimeoutMs: 500 });
    await outcome(clock, client.put("k", 0));
    cluster.script.push("swallow");

    const call = client.increment("k");
    await clock.advance(499);
    expect(cluster.dialled).toEqual(["n1"]);
    cluster.leader = "n2";

    expect((await outcome(clock, call, 100)).value).toBe(1);
    expect(cluster.dialled).toEqual(["n1", "n2"]);
  });

  test("waitForLeader waits until one leads, and says who", async () => {
    const { clock, cluster, client } = setUp();
    cluster.leader = undefined;
    const call = client.waitForLeader();
    await clock.advance(3000);
    cluster.leader = "n3";

    expect((await outcome(clock, call)).id).toBe("n3");
  });
});

describe("a node that has much to do", () => {
  test("is left alone as long as it goes on answering, however late", async () => {
    const { clock, cluster, client } = setUp({ attemptTimeoutMs: 500 });
    await outcome(clock, client.put("warm", "up"));
    cluster.script.push("hold", "hold", "hold", "hold");
    const calls = Promise.all([1, 2, 3, 4].map((n) => client.put(`k${n}`, n)));
    for (let n = 0; n < 4; n += 1) {
      await clock.advance(400);
      cluster.release(1);
      await clock.settle();
    }
    await outcome(clock, calls);
    expect(cluster.dialled).toEqual(["n1"]);
    expect(cluster.index).toBe(6);
  });

  test("is given up where it answers others, and never the one that waits for longest", async () => {
    const { clock, cluster, client } = setUp({ attemptTimeoutMs: 500, deadlineMs: 2000 });
    await outcome(clock, client.put("warm", "up"));
    cluster.script.push("swallow");
    const call = client.put("k", "v");
    for (let passed = 0; passed < 700; passed += 100) {
      await clock.advance(100);
      await outcome(clock, client.get("warm"));
    }
    await outcome(clock, call);
    expect(cluster.dialled.length).toBeGreaterThan(1);
  });

  test("is sent 16 MiB at a time, and the next as it answers", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("warm", "up"));
    cluster.frames.length = 0;
    cluster.script.push(...Array.from({ length: 40 }, () => "hold" as const));
    const value = new Uint8Array(1024 * 1024);
    const calls = Array.from({ length: 40 }, (_, n) => client.put(`k${n}`, value));
    await clock.settle();
    expect(cluster.held).toHaveLength(16);

    cluster.release(3);
    await clock.settle();
    expect(cluster.held).toHaveLength(16);
    for (let left = 37; left > 0; left -= 1) {
      cluster.release(1);
      await clock.settle();
    }
    await outcome(clock, Promise.all(calls));
    expect(cluster.frames).toHaveLength(40);
  });
});

describe("once, whatever happens on the way", () => {
  test("rules 61 and 62: applied, then the connection is lost: the retry gets the first result", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("n", 0));
    cluster.script.push("apply and disconnect");

    const write = await outcome(clock, client.increment("n"));

    expect(write).toEqual({ index: 3, status: "ok", value: 1, previous: { value: 0, index: 2 } });
    expect(cluster.index).toBe(4);
    expect((await outcome(clock, client.get("n"))).value).toBe(1);
  });

  test("the leader changes in flight: what it held back and the retry count once, in either order", async () => {
    for (const late of [false, true]) {
      const { clock, cluster, client } = setUp();
      await outcome(clock, client.put("n", 0));
      cluster.script.push("hold", "hold", "hold");
      const calls = [client.increment("n"), client.increment("n"), client.increment("n")];
      await clock.settle();
      if (!late) cluster.release();
      cluster.leader = "n2";
      cluster.cut("n1");
      await outcome(clock, Promise.all(calls));
      if (late) cluster.release();

      const values = (await Promise.all(calls)).map(({ value }) => value);
      expect(values).toEqual([1, 2, 3]);
      expect((await outcome(clock, client.get("n"))).value).toBe(3);
    }
  });

  test("a copy that arrives after its call was given up, and after the next write, is not applied", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "first"));
    cluster.script.push("hold");
    const error = await failure(clock, client.put("k", "late", { deadlineMs: 100 }));
    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "unknown" });

    await outcome(clock, client.put("k", "second"));
    cluster.release();
    await clock.settle();

    expect((await outcome(clock, client.get("k"))).value).toBe("second");
  });

  test("an answer that makes no sense costs the connection, and the write still counts once", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("n", 0));
    cluster.script.push("hold");
    const call = client.increment("n");
    await clock.settle();
    const [held] = cluster.held.splice(0);
    if (held === undefined) throw new Error("nothing is held");
    cluster.apply(held.command);
    held.sink.done(held.token, 99, { type: "applied", index: 3, result: { status: "great" } });

    expect((await outcome(clock, call)).value).toBe(1);
    expect(cluster.dialled).toEqual(["n1", "n2", "n1"]);
  });
});

test("what a node asked for before it talked nonsense is not done to the next one", async () => {
  const { clock, cluster, client } = setUp();
  await outcome(clock, client.put("n", 0));
  cluster.script.push("hold", "hold");
  const calls = Promise.all([client.increment("n"), client.increment("n")]);
  await clock.settle();
  const [first, second] = cluster.held.splice(0);
  cluster.leader = "n2";
  first?.sink.failed(first.token, new RaftError("RAFT_NOT_LEADER", "n1 leads no more"));
  second?.sink.done(second.token, 99, { type: "applied", index: 3, result: { status: "great" } });
  await outcome(clock, calls);

  expect((await outcome(clock, client.get("n"))).value).toBe(2);
  expect(cluster.dialled).toEqual(["n1", "n2"]);
});

describe("what is known of a write that failed (rule 60)", () => {
  test("never sent: rejected", async () => {
    const { clock, cluster, client } = setUp();
    for (const node of ["n1", "n2", "n3"]) cluster.down.add(node);

    const error = await failure(clock, client.put("k", "v", { deadlineMs: 300 }));

    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "rejected" });
    expect(error.cause).toMatchObject({ code: "RAFT_CONNECTION_LOST" });
  });

  test("what is not answered in time says who was asked: the leader, or whoever answers", async () => {
    const { clock, cluster, client } = setUp({ deadlineMs: 300 });
    for (const node of ["n1", "n2", "n3"]) cluster.down.add(node);

    const text = async (call: Promise<unknown>): Promise<string> =>
      (await failure(clock, call)).message;

    expect(await text(client.get("k"))).toContain("from a leader");
    expect(await text(client.waitForLeader())).toContain("from a leader");
    expect(await text(client.put("k", "v"))).toContain("from a leader");
    expect(await text(client.status())).toContain("from any node");
    expect(await text(client.get("k", { consistency: "local" }))).toContain("from any node");
  });

  test("not answered in time: what went wrong before other calls succeeded is no cause of it", async () => {
    const { clock, cluster, client } = setUp();
    cluster.leader = "n2";
    await outcome(clock, client.put("k", "v"));
    cluster.script.push("hold");

    const error = await failure(clock, client.put("k", "w", { deadlineMs: 300 }));

    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "unknown" });
    expect(error.cause).toBeUndefined();
  });

  test("refused by every node that was asked: rejected", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "v"));
    cluster.leader = undefined;

    const error = await failure(clock, client.put("k", "w", { deadlineMs: 300 }));

    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "rejected" });
  });

  test("in flight at the deadline: unknown", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "v"));
    cluster.script.push("swallow");

    const call = client.put("k", "w", { deadlineMs: 300 });
    await clock.advance(299);
    const error = await failure(clock, call, 5);

    expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "unknown" });
  });

  test("an unknown attempt followed by a refused retry: unknown", async () => {
    for (const fate of ["leadership lost", "swallow"] as const) {
      const { clock, cluster, client } = setUp({ attemptTimeoutMs: 50 });
      await outcome(clock, client.put("k", "v"));
      cluster.script.push(fate);
      const call = client.put("k", "w", { deadlineMs: 500 });
      await clock.settle();
      cluster.leader = undefined;

      const error = await failure(clock, call);

      expect(error).toMatchObject({ code: "RAFT_TIMEOUT", outcome: "unknown" });
    }
  });

  test("too large at the first node: rejected; after an unknown attempt: unknown", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "v"));
    cluster.script.push("too large", "leadership lost", "too large");
    const first = await failure(clock, client.put("k", "w"));
    const second = await failure(clock, client.put("k", "w"));

    expect(first).toMatchObject({ code: "RAFT_TOO_LARGE", outcome: "rejected" });
    expect(second).toMatchObject({ code: "RAFT_TOO_LARGE", outcome: "unknown" });
  });

  test("aborted before it is sent: rejected; afterwards: unknown; a read: always rejected", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "v"));
    cluster.script.push("swallow");
    cluster.readScript.push("swallow");
    const early = new AbortController();
    const late = new AbortController();

    const unsent = client.put("k", "w", { signal: early.signal });
    unsent.catch(() => undefined);
    await Promise.resolve();
    early.abort();
    const sent = client.put("k", "w", { signal: late.signal });
    const read = client.get("k", { signal: late.signal });
    for (const call of [sent, read]) call.catch(() => undefined);
    await clock.settle();
    late.abort(new Error("enough"));

    expect(await failure(clock, unsent)).toMatchObject({
      code: "RAFT_ABORTED",
      outcome: "rejected",
    });
    const error = await failure(clock, sent);
    expect(error).toMatchObject({ code: "RAFT_ABORTED", outcome: "unknown" });
    expect(error.cause).toMatchObject({ message: "enough" });
    expect(await failure(clock, read)).toMatchObject({ code: "RAFT_ABORTED", outcome: "rejected" });
    const already = client.put("k", "w", { signal: AbortSignal.abort() });
    expect(await failure(clock, already)).toMatchObject({ code: "RAFT_ABORTED" });
  });

  test("close rejects what waits, with the outcome that fits, and leaves nothing open", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "v"));
    cluster.script.push("swallow");
    const sent = failure(clock, client.put("k", "w"));
    await clock.settle();
    const unsent = failure(clock, client.put("k", "x"));

    await outcome(clock, client.close());

    expect(await sent).toMatchObject({ code: "RAFT_STOPPED", outcome: "unknown" });
    expect(await unsent).toMatchObject({ code: "RAFT_STOPPED", outcome: "rejected" });
    expect(await failure(clock, client.get("k"))).toMatchObject({ code: "RAFT_STOPPED" });
    expect(cluster.connections).toBe(0);
    expect(cluster.closed).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test("close while connecting, and while waiting for a retry, leaves nothing open", async () => {
    for (const trouble of ["deaf", "down"] as const) {
      const { clock, cluster, client } = setUp();
      for (const node of ["n1", "n2", "n3"]) cluster[trouble].add(node);
      const call = failure(clock, client.put("k", "v"));
      await clock.advance(500);

      await outcome(clock, client.close());

      expect(await call).toMatchObject({ code: "RAFT_STOPPED", outcome: "rejected" });
      expect(clock.timers).toBe(0);
      expect(cluster.connections).toBe(0);
    }
  });
});

describe("sessions", () => {
  test("a write that was not under way when the session expired gets a new session", async () => {
    const { clock, cluster, client } = setUp({}, { sessionTimeoutMs: 1000 });
    await outcome(clock, client.put("k", "v"));
    cluster.time = 5000;

    const write = await outcome(clock, client.put("k", "w", { previous: true }));

    expect(write.previous).toEqual({ value: "v", index: 2 });
    expect(write.index).toBe(5);
  });

  test("rule 61: a write that was under way when the session expired is unknown, and not made again", async () => {
    const { clock, cluster, client } = setUp({}, { sessionTimeoutMs: 1000 });
    await outcome(clock, client.put("n", 0));
    cluster.script.push("apply and disconnect");
    const call = client.increment("n");
    const failed = failure(clock, call);
    await clock.settle();
    cluster.time = 5000;

    expect(await failed).toMatchObject({ code: "RAFT_SESSION_EXPIRED", outcome: "unknown" });
    expect((await outcome(clock, client.get("n"))).value).toBe(1);
    expect((await outcome(clock, client.increment("n"))).value).toBe(2);
  });

  test("an evicted session is like an expired one", async () => {
    const { clock, cluster, client } = setUp({}, { maxSessions: 1 });
    const other = KvClient.connect({ endpoints: ["n1:1"], link: cluster, clock, random: () => 0 });
    for (let round = 0; round < 3; round++) {
      await outcome(clock, client.increment("n"));
      await outcome(clock, other.increment("n"));
    }
    expect((await outcome(clock, client.get("n"))).value).toBe(6);
  });

  test("closing the client ends its session", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("k", "v"));
    await outcome(clock, client.close());
    await clock.settle();
    expect(cluster.index).toBe(3);
  });
});

describe("back-pressure", () => {
  test("rule 70: an overloaded node is asked again, more and more slowly", async () => {
    const { clock, cluster, client } = setUp();
    await outcome(clock, client.put("n", 0));
    cluster.script.push(...Array.from({ length: 6 }, () => "overloaded" as const));

    const write = await outcome(clock, client.increment("n"));

    expect(write.value).toBe(1);
    expect(cluster.dialled).toEqual(["n1"]);
    // 10 + 20 + 40 + 80 + 100 + 100 ms, at the least.
    expect(clock.now()).toBeGreaterThan(1000 + 340);
  });

  test("more calls than may be under way are refused at once, and more than may be in flight wait", async () => {
    const { clock, cluster, client } = setUp({ maxPending: 100, maxInFlight: 10 });
    await outcome(clock, client.put("k", "v"));
    const calls = Array.from({ length: 100 }, () => client.increment("n"));

    const refused = await failure(clock, client.increment("n"));
    expect(refused).toMatchObject({ code: "RAFT_OVERLOADED", outcome: "rejected" });
    const results = await outcome(clock, Promise.all(calls));

    expect(new Set(results.map(({ value }) => value)).size).toBe(100);
    expect(cluster.index).toBe(102);
  });

  test("a server that takes, or remembers, little slows the client down and loses nothing", async () => {
    for (const limits of [{ maxOutstanding: 4 }, { maxResultsPerSession: 4 }]) {
      const { clock, client } = setUp({}, limits);
      const calls = Array.from({ length: 40 }, () => client.increment("n"));

      const results = await outcome(clock, Promise.all(calls));

      const values = new Set(results.map(({ value }) => value));
      expect(values).toEqual(new Set(Array.from({ length: 40 }, (_, n) => n + 1)));
    }
  });

  test("one call that hangs does not let the others run further ahead than the members remember", async () => {
    const { clock, cluster, client } = setUp({ attemptTimeoutMs: 60_000, deadlineMs: 50_000 });
    await outcome(clock, client.put("k", "v"));
    cluster.script.push("hold");
    const hanging = client.increment("n");
    const others = Array.from({ length: 1500 }, () => client.increment("m"));
    await clock.advance(10);
    expect(cluster.index).toBe(2 + 1023);

    cluster.release();
    await outcome(clock, Promise.all([hanging, ...others]));

    expect((await outcome(clock, client.get("m"))).value).toBe(1500);
  });
});
