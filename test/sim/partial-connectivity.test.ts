/**
 * A network in which some pairs of servers cannot talk and all others can: what took etcd's leaders down again and again at
 * Cloudflare in November 2020. PreVote (thesis 9.6) keeps whoever does not hear the leader from unseating it.
 */

import { expect, test } from "vitest";
import { generate } from "../../sim/generate.ts";
import type { Fault, Schedule } from "../../sim/schedule.ts";
import { runSchedule } from "../../sim/simulation.ts";
import type { TraceEvent } from "../../sim/trace.ts";

const CUT_AT_MS = 3000;
const CUT_FOR_MS = 12_000;

/** The leader and the server after it do not hear each other; the third hears both. */
const CUT: readonly Fault[] = [
  ["leader", "after-leader-1"] as const,
  ["after-leader-1", "leader"] as const,
].map(([from, to], id) => ({
  id,
  when: { type: "at", atMs: CUT_AT_MS },
  action: { type: "cut", from, to, forMs: CUT_FOR_MS },
}));

function scheduleOf(seed: number, preVote: boolean): Schedule {
  const limits = {
    profile: "calm",
    nodes: 3,
    durationMs: 20_000,
    operationsPerSecond: 20,
  } as const;
  const calm = generate(seed, limits);
  const operations = calm.operations.map((operation) => ({ ...operation, deadlineMs: 2000 }));
  return { ...calm, raft: { ...calm.raft, preVote }, operations, faults: CUT };
}

async function runOf(schedule: Schedule) {
  const events: TraceEvent[] = [];
  const outcome = await runSchedule(schedule, { onEvent: (event) => events.push(event) });
  expect(outcome.violation).toBeUndefined();
  const storm = events.filter(({ timeUs }) => timeUs < schedule.durationMs * 1000);
  const cutAt = storm.findIndex(({ type }) => type === "fault");
  const elections = storm
    .slice(cutAt)
    .filter((event) => event.type === "role" && event.role === "leader");
  return { ...outcome, elections: elections.length };
}

const SEEDS = [1, 2, 3, 4, 5];

test.each(SEEDS)(
  "with PreVote the leader stays, and every call is answered (seed %d)",
  async (seed) => {
    const { elections, history } = await runOf(scheduleOf(seed, true));
    expect(elections).toBe(0);
    const calls = history.filter(({ startUs }) => startUs > CUT_AT_MS * 1000);
    expect(calls.length).toBeGreaterThan(100);
    expect(calls.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
  },
);

test.each(SEEDS)(
  "without it the one that was cut off unseats the leader (seed %d)",
  async (seed) => {
    expect((await runOf(scheduleOf(seed, false))).elections).toBeGreaterThan(0);
  },
);
