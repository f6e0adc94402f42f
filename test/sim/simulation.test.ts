/** Whole runs: green on a clean build, the same every time, and everything in them depends on the schedule. */

import { describe, expect, test } from "vitest";
import { generate } from "../../sim/generate.ts";
import { PROFILES } from "../../sim/schedule.ts";
import type { Schedule } from "../../sim/schedule.ts";
import { runSchedule } from "../../sim/simulation.ts";
import type { TraceEvent } from "../../sim/trace.ts";

const SHORT = { durationMs: 1500 };

describe("every property holds", () => {
  for (const profile of PROFILES) {
    test(`in the profile "${profile}"`, async () => {
      for (let seed = 1; seed <= 3; seed += 1) {
        const { violation } = await runSchedule(generate(seed, { ...SHORT, profile }));
        expect(violation, `seed ${seed} of ${profile}`).toBeUndefined();
      }
    });
  }

  test("in a cluster of each size", async () => {
    for (let nodes = 1; nodes <= 7; nodes += 1) {
      const { violation, counts } = await runSchedule(generate(100 + nodes, { ...SHORT, nodes }));
      expect(violation, `seed ${100 + nodes} with ${nodes} nodes`).toBeUndefined();
      expect(counts.committed).toBeGreaterThan(0);
    }
  });
});

describe("the same schedule", () => {
  test("gives the same hash and the same events, twice, and also as JSON", async () => {
    const onJournal = new Set<boolean>();
    for (const seed of [3, 4]) {
      const first: TraceEvent[] = [];
      const second: TraceEvent[] = [];
      const schedule = generate(seed, SHORT);
      onJournal.add(schedule.journal !== undefined);
      const one = await runSchedule(schedule, { onEvent: (event) => first.push(event) });
      const copy = JSON.parse(JSON.stringify(schedule)) as Schedule;
      const two = await runSchedule(copy, { onEvent: (event) => second.push(event) });
      expect(two.hash).toBe(one.hash);
      expect(second).toEqual(first);
      expect(first.length).toBeGreaterThan(100);
    }
    expect(onJournal.size).toBe(2);
  });

  test("gives the same hash whether or not anybody listens", async () => {
    const schedule = generate(5, SHORT);
    const { hash } = await runSchedule(schedule);
    expect((await runSchedule(schedule, { onEvent: () => undefined })).hash).toBe(hash);
  });

  test("gives another hash with one byte of one message changed", async () => {
    const options = { ...SHORT, operationsPerSecond: 50, profile: "calm", nodes: 3 } as const;
    const schedule = generate(6, options);
    const { hash } = await runSchedule(schedule);
    const changed = await runSchedule(schedule, {
      tamper: ({ bytes, message }) => {
        // The last byte of a heartbeat is its round.
        if (message.type === "Heartbeat" && message.round === 9) bytes[bytes.length - 1] = 8;
      },
    });
    expect(changed.hash).not.toBe(hash);
  });

  test("of another seed is another", async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 5; seed += 1) {
      hashes.add((await runSchedule(generate(seed, { ...SHORT, profile: "calm", nodes: 3 }))).hash);
    }
    expect(hashes.size).toBe(5);
  });
});

test("any part of a schedule is a schedule", async () => {
  const schedule = generate(8, SHORT);
  for (const nodes of [1, 2, schedule.nodes]) {
    const part = {
      ...schedule,
      nodes,
      faults: schedule.faults.filter(({ id }) => id % 2 === 0),
      operations: schedule.operations.filter(({ id }) => id % 3 === 0),
    };
    expect((await runSchedule(part)).violation, `with ${nodes} nodes`).toBeUndefined();
  }
});

test("with one fault less, what was drawn elsewhere stays the same", () => {
  const schedule = generate(9);
  expect(generate(9).faults).toEqual(schedule.faults);
  expect(generate(9, { operationsPerSecond: 10 }).faults).toEqual(schedule.faults);
});
