/** Every fault there is: drawn by the generator, told in words, carried out in a run that stays right. */

import { describe, expect, test } from "vitest";
import { faultText } from "../../sim/fault-words.ts";
import { generate } from "../../sim/generate.ts";
import type { Action, ActionType, Fault, Schedule } from "../../sim/schedule.ts";
import { runSchedule } from "../../sim/simulation.ts";
import type { TraceEvent } from "../../sim/trace.ts";

const MANY: Schedule = generate(1, {
  profile: "calm",
  nodes: 5,
  durationMs: 4000,
  operationsPerSecond: 50,
});

/** One of each, against a calm cluster of five. */
const ACTIONS: { readonly [Type in ActionType]: Extract<Action, { type: Type }> } = {
  crash: { type: "crash", target: "leader", downMs: 100 },
  "crash-many": { type: "crash-many", target: 0, count: 4, downMs: 100 },
  "crash-on-write": { type: "crash-on-write", target: "leader", writes: 2, downMs: 100 },
  "crash-on-io": { type: "crash-on-io", target: "leader", operations: 2, downMs: 100 },
  pause: { type: "pause", target: "leader", forMs: 1000 },
  slow: { type: "slow", target: "leader", turnCostUs: 2000, forMs: 1000 },
  "clock-jump": { type: "clock-jump", target: 0, byMs: 1000 },
  "clock-drift": { type: "clock-drift", target: 0, ppm: 500_000, forMs: 1000 },
  isolate: { type: "isolate", target: "leader", direction: "both", clients: true, forMs: 1000 },
  partition: { type: "partition", side: 3, clients: true, forMs: 1000 },
  "one-way": { type: "one-way", side: 3, forMs: 1000 },
  cut: { type: "cut", from: "leader", to: "after-leader-1", forMs: 1000 },
  bridge: { type: "bridge", target: 2, forMs: 1000 },
  echo: { type: "echo", target: "leader", afterMs: 300, forMs: 1000 },
  ring: { type: "ring", forMs: 1000 },
  flapping: { type: "flapping", from: 0, to: 1, periodMs: 50, forMs: 1000 },
  clog: { type: "clog", from: 0, to: 1, forMs: 1000 },
  swizzle: { type: "swizzle", nodes: 3, stepMs: 50, forMs: 500 },
  quality: {
    type: "quality",
    lossPpm: 200_000,
    duplicatePpm: 200_000,
    maxDelayUs: 5000,
    forMs: 1000,
  },
  "bad-link": {
    type: "bad-link",
    from: "leader",
    to: "after-leader-1",
    lossPpm: 500_000,
    duplicatePpm: 200_000,
    maxDelayUs: 5000,
    forMs: 1000,
  },
  narrow: { type: "narrow", from: "leader", to: "after-leader-1", bytesPerMs: 1, forMs: 1000 },
  filter: { type: "filter", from: "leader", messages: ["AppendEntries"], forMs: 1000 },
  reset: { type: "reset", from: 0, to: 1 },
  "disk-stall": { type: "disk-stall", target: "leader", forMs: 1000 },
  "disk-slow": { type: "disk-slow", target: "leader", factor: 50, forMs: 1000 },
  "disk-fail": { type: "disk-fail", target: 0, code: "EIO", isApplied: true, downMs: 10 },
  "sync-fail": { type: "sync-fail", target: 0, downMs: 10 },
  "read-fail": { type: "read-fail", target: 0, downMs: 10 },
  "guard-fail": { type: "guard-fail", target: 0, downMs: 10 },
  "disk-full": { type: "disk-full", target: 0, forMs: 500 },
  "bit-rot": { type: "bit-rot", target: 0, downMs: 10 },
  damage: { type: "damage", target: 0, how: "gone", records: "state", isBudgeted: true },
  "lose-batch": { type: "lose-batch", target: 0, isBudgeted: true },
  "clog-clients": { type: "clog-clients", target: "leader", forMs: 1000 },
  "pause-client": { type: "pause-client", client: 0, forMs: 1000 },
  transfer: { type: "transfer", to: "after-leader-0" },
  propose: { type: "propose", target: "leader", count: 3 },
};

const at = (atMs: number, action: Action, id = 0): Fault => ({
  id,
  when: { type: "at", atMs },
  action,
});

/** Everybody is damaged, and restarted at once. */
function everywhere(isBudgeted: boolean): readonly Fault[] {
  return MANY.clocks.flatMap((_, target) => [
    at(1500, { ...ACTIONS.damage, target, isBudgeted }, target),
    at(1501, { type: "crash", target, downMs: 1 }, 10 + target),
  ]);
}

async function eventsOf(schedule: Schedule): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  const { violation } = await runSchedule(schedule, { onEvent: (event) => events.push(event) });
  expect(violation).toBeUndefined();
  return events;
}

describe("a fault of each kind", () => {
  test("is drawn by some seed of the default profile", () => {
    const drawn = new Set<ActionType>();
    for (let seed = 1; seed <= 100; seed += 1) {
      for (const { action } of generate(seed).faults) drawn.add(action.type);
    }
    expect(drawn).toEqual(new Set(Object.keys(ACTIONS)));
  });

  test.each(Object.values(ACTIONS))(
    "$type is carried out, has its words, and breaks nothing",
    async (action) => {
      const { violation, counts } = await runSchedule({ ...MANY, faults: [at(1500, action)] });
      expect(violation).toBeUndefined();
      expect(counts.faults).toEqual({ [action.type]: 1 });
      expect(faultText(action, [0, 1])).not.toMatch(/undefined|NaN|object/);
    },
  );
});

describe("a node whose disk is damaged for good", () => {
  test.each([
    ["damage", { ...ACTIONS.damage, records: "log", how: "rot" }],
    ["damage", { ...ACTIONS.damage, records: "log", how: "misdirected" }],
    ["damage", ACTIONS.damage],
    ["lose-batch", ACTIONS["lose-batch"]],
  ] as const)(
    "stops with RAFT_CORRUPT and stays down, and the others go on (%s)",
    async (_, action) => {
      // In the first entries, which it has to read when it is started again.
      const damaged = { ...MANY, snapshot: { everyEntries: 10_000 } };
      const crash: Action = { type: "crash", target: 0, downMs: 1 };
      const events = await eventsOf({ ...damaged, faults: [at(1500, action), at(1500, crash, 1)] });

      const told = events.findIndex((event) => event.type === "damage");
      const stopped = events.findIndex((event) => event.type === "stop");
      expect(told).toBeGreaterThan(0);
      expect(events[stopped]).toMatchObject({ node: 0, code: "RAFT_CORRUPT" });
      const later = events.slice(stopped);
      expect(later.some((event) => event.type === "start" && event.node === 0)).toBe(false);
      expect(later.some((event) => event.type === "commit")).toBe(true);
      const core = later.flatMap((event) => (event.type === "phase" ? event.core : []));
      expect(core.length).toBeGreaterThanOrEqual(3);
      expect(core).not.toContain(0);
    },
  );

  test("is one of a few, unless nobody asks for the budget", async () => {
    for (const [isBudgeted, count] of [
      [true, 2],
      [false, 5],
    ] as const) {
      const events = await eventsOf({ ...MANY, faults: everywhere(isBudgeted) });
      expect(events.filter(({ type }) => type === "damage")).toHaveLength(count);
      expect(events.filter(({ type }) => type === "stop")).toHaveLength(count);
    }
  });
});

test("large values make snapshots of several chunks, which followers get", async () => {
  const operations = MANY.operations.map((operation, n) => ({
    ...operation,
    type: "put" as const,
    key: n % 5,
    bytes: 100_000,
  }));
  const events = await eventsOf({
    ...MANY,
    operations,
    snapshot: { everyEntries: 20, keepEntries: 0 },
    faults: [at(500, { ...ACTIONS.isolate, target: 1, forMs: 2000 })],
  });
  const chunks = events.flatMap((event) =>
    event.type === "send" && event.message === "SnapshotChunk" ? [event.text] : [],
  );
  expect(chunks.some((text) => text.startsWith("chunk 2 "))).toBe(true);
  expect(events.some((event) => event.type === "snapshot-installed")).toBe(true);
});
