/** The two loops, on a system that answers after so long, by the clock of the test. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ClosedLoop } from "../../bench/load/closed-loop.ts";
import { Histogram } from "../../bench/load/histogram.ts";
import type { Job } from "../../bench/load/job.ts";
import { OpenLoop } from "../../bench/load/open-loop.ts";
import type { Outcome, Target } from "../../bench/load/target.ts";

const JOB: Job = {
  operation: "put",
  concurrency: 4,
  connections: 1,
  valueBytes: 8,
  warmUpMs: 100,
  measureMs: 1000,
};

/** Answers each operation 10 ms after it came; nothing at all from `stallFrom` until `stallTo`. */
class Server implements Target {
  readonly #stall: { readonly from: number; readonly to: number };
  /** In the order of their answers. */
  readonly #waiting: { readonly at: number; readonly answer: () => void }[] = [];
  sent = 0;

  constructor(from = 0, to = 0) {
    this.#stall = { from: performance.now() + from, to: performance.now() + to };
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  put(token: number, _key: string, _value: string, outcome: Outcome): void {
    this.sent += 1;
    const due = performance.now() + 10;
    const { from, to } = this.#stall;
    const at = due >= from && due < to ? to : due;
    if (this.#waiting.push({ at, answer: () => outcome.done(token) }) === 1) this.#arm();
  }

  /** One timer for all: timers that are faked are slow in their thousands. */
  #arm(): void {
    const [first] = this.#waiting;
    if (first !== undefined) setTimeout(() => this.#answerDue(), first.at - performance.now());
  }

  #answerDue(): void {
    const later = this.#waiting.findIndex(({ at }) => at > performance.now());
    const due = this.#waiting.splice(0, later === -1 ? this.#waiting.length : later);
    this.#arm();
    for (const { answer } of due) answer();
  }

  get(token: number, _key: string, outcome: Outcome): void {
    outcome.failed(token, new Error("it cannot be read"));
  }
}

function momentsOf(list: string[]) {
  return { begin: () => list.push("begin"), end: () => list.push("end") };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a closed loop", () => {
  test("counts what each of its writers is answered within the measured time", async () => {
    const moments: string[] = [];
    const running = new ClosedLoop(new Server(), JOB, momentsOf(moments)).run();
    await vi.advanceTimersByTimeAsync(2000);
    const result = await running;
    expect(result).toMatchObject({ count: 400, elapsedMs: 1000, failed: 0 });
    expect(Histogram.of(result.latency)).toMatchObject({ total: 400 });
    expect(Histogram.of(result.latency).percentile(50) / 1000).toBeCloseTo(10, 0);
    expect(moments).toEqual(["begin", "end"]);
  });

  test("hides a stall: one operation of each writer has seen it", async () => {
    const running = new ClosedLoop(new Server(300, 800), JOB, momentsOf([])).run();
    await vi.advanceTimersByTimeAsync(3000);
    const { latency } = await running;
    const slow = latency.filter(([bucket]) => bucket > (latency[0]?.[0] ?? 0));
    expect(slow.map(([, count]) => count)).toEqual([4]);
  });

  test("ends after so many operations, all of them counted, where it is told to", async () => {
    const server = new Server();
    const job = { ...JOB, warmUpMs: 0, operations: 10 };
    const running = new ClosedLoop(server, job, momentsOf([])).run();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await running).toMatchObject({ count: 10 });
    expect(server.sent).toBe(10);
  });

  test("tells failures, and goes on", async () => {
    const job: Job = { ...JOB, operation: "get" };
    const running = new ClosedLoop(new Server(), job, momentsOf([])).run();
    await vi.advanceTimersByTimeAsync(2000);
    const { count, failed, failure } = await running;
    expect({ count, failure }).toEqual({ count: 0, failure: "it cannot be read" });
    expect(failed).toBeGreaterThan(100);
  });
});

describe("an open loop", () => {
  test("sends at its rate, and counts what is answered within the measured time", async () => {
    const moments: string[] = [];
    const running = new OpenLoop(new Server(), JOB, 200, momentsOf(moments)).run();
    await vi.advanceTimersByTimeAsync(2000);
    const { count, latency } = await running;
    expect(Math.abs(count - 200)).toBeLessThanOrEqual(1);
    expect(Math.abs(Histogram.of(latency).total - 200)).toBeLessThanOrEqual(1);
    expect(moments).toEqual(["begin", "end"]);
  });

  test("shows a stall to everything that was meant to be sent meanwhile", async () => {
    const running = new OpenLoop(new Server(300, 800), JOB, 200, momentsOf([])).run();
    await vi.advanceTimersByTimeAsync(3000);
    const { latency } = await running;
    // Half a second of 200 a second waits for up to that long; half of them for more than a quarter.
    expect(Histogram.of(latency).total).toBeGreaterThanOrEqual(199);
    expect(Histogram.of(latency).percentile(60) / 1000).toBeGreaterThan(50);
    expect(Histogram.of(latency).percentile(99) / 1000).toBeGreaterThan(450);
  });

  test("counts from when it was meant to be sent, also where too much is under way", async () => {
    const running = new OpenLoop(new Server(150, 1050), JOB, 10_000, momentsOf([])).run();
    await vi.advanceTimersByTimeAsync(5000);
    const { latency, count } = await running;
    // Some 4096 wait at the server and the rest are not even sent until it goes on.
    expect(Histogram.of(latency).total).toBeGreaterThan(9900);
    expect(Histogram.of(latency).percentile(50) / 1000).toBeGreaterThan(400);
    expect(count).toBeGreaterThan(4096);
  });
});
