/** Shrinking finds what a violation needs, and nothing else is left over. */

import { describe, expect, test } from "vitest";
import { generate } from "../../sim/generate.ts";
import { decisionsOf, keepNodes, windowOf } from "../../sim/schedule-edits.ts";
import type { Fault, Schedule } from "../../sim/schedule.ts";
import { shrink } from "../../sim/shrink.ts";
import type { Shrunk } from "../../sim/shrink.ts";
import type { Violation } from "../../sim/trace.ts";

/** A clock that counts how often it is asked. */
function ticks(): () => number {
  let now = 0;
  return () => (now += 1);
}

async function shrinkTo(
  schedule: Schedule,
  violationOf: (schedule: Schedule) => Violation | undefined,
): Promise<Shrunk> {
  const violation = violationOf(schedule);
  if (violation === undefined) throw new Error("there is nothing to shrink");
  return shrink(schedule, violation, {
    now: ticks(),
    violationOf: (candidate) => Promise.resolve(violationOf(candidate)),
  });
}

/** Breaks as soon as all that it needs is there. */
function breaksAt(timeMs: number, property: string = "S1"): Violation {
  return { property, text: "broken", node: 0, step: 1, timeUs: timeMs * 1000 };
}

describe("what is left over", () => {
  test("is the two faults and the operation that it takes, in the smallest cluster", async () => {
    const schedule = generate(2, { nodes: 5 });
    const wanted = schedule.faults.filter((_, at) => at === 3 || at === 7).map(({ id }) => id);
    const operation = schedule.operations[500];
    const { schedule: small } = await shrinkTo(schedule, ({ faults, operations, nodes }) => {
      const ids = faults.map(({ id }) => id);
      const isBroken =
        nodes >= 2 &&
        wanted.every((id) => ids.includes(id)) &&
        operations.some(({ id }) => id === operation?.id);
      return isBroken ? breaksAt(20_000) : undefined;
    });
    expect(small.faults.map(({ id }) => id)).toEqual(wanted);
    expect(small.operations.map(({ id }) => id)).toEqual([operation?.id]);
    expect(small.nodes).toBeLessThanOrEqual(5);
    expect(decisionsOf(small)).toBe(3);
  });

  test("is little, also where it takes a snapshot, and that would take hundreds of operations", async () => {
    const schedule = { ...generate(4, { nodes: 3 }), snapshot: { everyEntries: 300 } };
    const { schedule: small } = await shrinkTo(schedule, ({ operations, snapshot, durationMs }) => {
      const last = operations[(snapshot.everyEntries ?? 1000) - 1];
      return last !== undefined && last.atMs < durationMs ? breaksAt(last.atMs) : undefined;
    });
    expect(small.operations).toHaveLength(2);
  });

  test("is nothing, where it breaks anyway; and three nodes become one", async () => {
    const { schedule, runs } = await shrinkTo(generate(3), ({ durationMs }) =>
      durationMs >= 40 ? breaksAt(40) : undefined,
    );
    expect(decisionsOf(schedule)).toBe(0);
    expect(schedule.nodes).toBe(1);
    expect(schedule.durationMs).toBe(41);
    expect(schedule.network.lossPpm).toBe(0);
    expect(runs).toBeLessThan(1000);
  });

  test("is an ordered store, where it does not take the journal", async () => {
    const schedule = { ...generate(3), journal: { segmentBytes: 8192 } };
    const anyway = await shrinkTo(schedule, () => breaksAt(40));
    expect(anyway.schedule.journal).toBeUndefined();
    const onlyThere = await shrinkTo(schedule, ({ journal }) =>
      breaksAt(40, journal === undefined ? "S1" : "S2"),
    );
    expect(onlyThere.schedule.journal).toEqual({ segmentBytes: 8192 });
  });

  test("breaks the same property, not another that is easier to break", async () => {
    const { schedule, violation } = await shrinkTo(generate(4), ({ operations }) =>
      operations.length >= 6 ? breaksAt(20_000, "S7") : breaksAt(5, "S1"),
    );
    expect(violation.property).toBe("S7");
    expect(schedule.operations).toHaveLength(6);
  });

  test("keeps the calm after the storm, where only that shows what is wrong", async () => {
    const { schedule } = await shrinkTo(generate(5), ({ liveness, faults, durationMs }) =>
      liveness && faults.length > 0 ? breaksAt(durationMs + 5000, "L1") : undefined,
    );
    expect(schedule.liveness).toBe(true);
    expect(schedule.faults).toHaveLength(1);
    expect(schedule.operations).toHaveLength(0);
  });
});

test("the time that shrinking may take is bounded", async () => {
  let runs = 0;
  const schedule = generate(2);
  const result = await shrink(schedule, breaksAt(19_000), {
    now: ticks(),
    withinMs: 25,
    violationOf: () => Promise.resolve((runs += 1) % 2 === 0 ? breaksAt(10) : undefined),
  });
  expect(result.runs).toBeLessThanOrEqual(25);
});

function faultAt(id: number, atMs: number, action: Fault["action"]): Fault {
  return { id, when: { type: "at", atMs }, action };
}

describe("a part of a schedule", () => {
  test("from a while is moved to the start, triggers included", () => {
    const schedule = generate(8);
    const part = windowOf(schedule, 5000, 8000);
    expect(part.durationMs).toBe(3000);
    expect(part.operations.length).toBe(
      schedule.operations.filter(({ atMs }) => atMs >= 5000 && atMs < 8000).length,
    );
    for (const { when } of part.faults) {
      expect(when.type === "at" ? when.atMs : when.fromMs).toBeGreaterThanOrEqual(0);
      expect(when.type === "at" ? when.atMs : when.untilMs).toBeLessThanOrEqual(3000);
    }
  });

  test("keeps what is under way at its beginning, for as long as it lasts beyond", () => {
    const schedule: Schedule = {
      ...generate(1),
      faults: [
        faultAt(0, 1000, { type: "pause", target: 0, forMs: 4000 }),
        faultAt(1, 1000, { type: "crash", target: 1, downMs: 9000 }),
        faultAt(2, 2000, { type: "pause", target: 0, forMs: 3001 }),
        faultAt(3, 5100, { type: "pause", target: 2, forMs: 10 }),
        faultAt(4, 4999, { type: "reset", from: 0, to: 1 }),
      ],
    };
    expect(windowOf(schedule, 5000, 8000, 600).faults).toEqual([
      faultAt(1, 600, { type: "crash", target: 1, downMs: 5000 }),
      faultAt(2, 600, { type: "pause", target: 0, forMs: 1 }),
      faultAt(3, 700, { type: "pause", target: 2, forMs: 10 }),
    ]);
  });

  test("of some nodes speaks of them under their new numbers, of the others not at all", () => {
    const schedule: Schedule = {
      ...generate(1, { nodes: 5 }),
      faults: [
        { id: 0, when: { type: "at", atMs: 1 }, action: { type: "pause", target: 3, forMs: 1 } },
        { id: 1, when: { type: "at", atMs: 1 }, action: { type: "pause", target: 0, forMs: 1 } },
        {
          id: 2,
          when: { type: "at", atMs: 1 },
          action: { type: "partition", side: 0b01010, clients: true, forMs: 1 },
        },
        { id: 3, when: { type: "at", atMs: 1 }, action: { type: "reset", from: 1, to: 4 } },
        { id: 4, when: { type: "at", atMs: 1 }, action: { type: "reset", from: "leader", to: 4 } },
      ],
    };
    const small = keepNodes(schedule, [2, 3, 4]);
    expect(small.nodes).toBe(3);
    expect(small.clocks).toEqual(schedule.clocks.slice(2));
    expect(small.faults.map(({ action }) => action)).toEqual([
      { type: "pause", target: 1, forMs: 1 },
      { type: "partition", side: 0b010, clients: true, forMs: 1 },
      { type: "reset", from: "leader", to: 2 },
    ]);
  });
});
