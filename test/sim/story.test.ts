/** A run that went wrong, in words: what is told, what is not, and that it fits a screen. */

import { describe, expect, test } from "vitest";
import { causalPast } from "../../sim/causal-past.ts";
import { faultText } from "../../sim/fault-words.ts";
import { generate } from "../../sim/generate.ts";
import { regressionName, regressionTest } from "../../sim/regression.ts";
import type { Action, Schedule } from "../../sim/schedule.ts";
import { runSchedule } from "../../sim/simulation.ts";
import { storyOf } from "../../sim/story.ts";
import type { TraceEvent, Violation } from "../../sim/trace.ts";

type Body<Event> = Event extends TraceEvent ? Omit<Event, "step" | "timeUs"> : never;

/** Events a millisecond apart. */
function told(...bodies: readonly Body<TraceEvent>[]): readonly TraceEvent[] {
  return bodies.map((body, at) => ({ ...body, step: at + 1, timeUs: (at + 1) * 1000 }));
}

function brokenAt(step: number, text: string, node?: number): Violation {
  return { property: "S7", text, node, step, timeUs: step * 1000 };
}

const ISOLATED = {
  type: "isolate",
  target: 0,
  direction: "both",
  clients: false,
  forMs: 9,
} as const satisfies Action;

const SMALL: Schedule = {
  ...generate(1, { nodes: 3 }),
  raft: { preVote: false },
  operations: [],
  faults: [{ id: 0, when: { type: "at", atMs: 1 }, action: ISOLATED }],
};

/** A vote for n1. */
function granted(node: number, packet: number, term: number): Body<TraceEvent> {
  const message = "RequestVoteResponse";
  return { type: "send", node, to: 0, packet, message, term, text: "granted" };
}

function arrives(from: number, packet: number): Body<TraceEvent> {
  return { type: "deliver", node: 0, from, packet };
}

function strikes(node: number, untilUs: number): Body<TraceEvent> {
  return { type: "fault", fault: 0, action: ISOLATED, nodes: [node], untilUs };
}

describe("a story", () => {
  test("tells of the fault, the election with its votes, the crash and its loss, and of what broke", () => {
    const story = storyOf(
      SMALL,
      brokenAt(11, "n2 has lost what was committed", 1),
      told(
        { type: "fault", fault: 0, action: ISOLATED, nodes: [0], untilUs: 9000 },
        { type: "role", node: 1, role: "candidate", term: 2, votedFor: "n2" },
        { type: "role", node: 1, role: "candidate", term: 3, votedFor: "n2" },
        {
          type: "send",
          node: 2,
          to: 1,
          packet: 1,
          message: "RequestVoteResponse",
          term: 3,
          text: "granted",
        },
        { type: "deliver", node: 1, from: 2, packet: 1 },
        { type: "role", node: 1, role: "leader", term: 3, votedFor: "n2" },
        {
          type: "append",
          node: 1,
          first: { index: 1, term: 3 },
          last: { index: 2, term: 3 },
          lastIndex: 2,
        },
        { type: "crash", node: 1, lostBatches: 2 },
        { type: "start", node: 1, incarnation: 2 },
        { type: "fault-end", fault: 0, action: "isolate" },
      ),
    );
    expect(story.split("\n")).toEqual([
      "3 nodes, 1 fault, 0 operations (1 decision), without PreVote:",
      "    1.0 ms  n1 is cut off",
      "    3.0 ms  n2 stands for terms 2 and 3",
      "    6.0 ms  n2 wins term 3 with the vote of n3",
      "    7.0 ms  n2 appends entries 1.3 to 2.3",
      "    8.0 ms  n2 crashes and loses 2 unsynced writes",
      "    9.0 ms  n2 is up again",
      "   10.0 ms  no longer: n1 is cut off",
      "   11.0 ms  Then, at event 11, S7 is violated:",
      "            n2 has lost what was committed",
    ]);
  });

  test("names those who voted in the term that was won, and not whose vote of an older term came late", () => {
    const story = storyOf(
      { ...SMALL, nodes: 5 },
      brokenAt(9, "n1 leads without an entry", 0),
      told(
        { type: "role", node: 0, role: "candidate", term: 2, votedFor: "n1" },
        granted(4, 1, 2),
        { type: "role", node: 0, role: "candidate", term: 3, votedFor: "n1" },
        granted(1, 2, 3),
        granted(2, 3, 3),
        arrives(4, 1),
        arrives(1, 2),
        arrives(2, 3),
        { type: "role", node: 0, role: "leader", term: 3, votedFor: "n1" },
      ),
    );
    expect(story).toContain("n1 wins term 3 with the vote of n2 and n3\n");
  });

  test("says of a fault that strikes twice at a time which of the two has ended", () => {
    const story = storyOf(
      SMALL,
      brokenAt(5, "all is lost"),
      told(
        strikes(0, 3000),
        strikes(2, 4000),
        { type: "fault-end", fault: 0, action: "isolate" },
        { type: "fault-end", fault: 0, action: "isolate" },
      ),
    );
    expect(story.split("\n").slice(1, 5)).toEqual([
      "    1.0 ms  n1 is cut off",
      "    2.0 ms  n3 is cut off",
      "    3.0 ms  no longer: n1 is cut off",
      "    4.0 ms  no longer: n3 is cut off",
    ]);
  });

  test("of a whole run fits a screen, and keeps the faults rather than the commits", async () => {
    const events: TraceEvent[] = [];
    const schedule = generate(12, { durationMs: 4000 });
    const { events: step } = await runSchedule(schedule, {
      onEvent: (event) => events.push(event),
    });
    const story = storyOf(schedule, brokenAt(step, "all is lost"), events);
    expect(story.split("\n").length).toBeLessThanOrEqual(28);
    expect(story).toMatch(/\d+ smaller things are left out/);
  });
});

function commit(node: number): Body<TraceEvent> {
  return { type: "commit", node, index: 1, term: 1 };
}

function heartbeat(node: number, to: number, packet: number): Body<TraceEvent> {
  return { type: "send", node, to, packet, message: "Heartbeat", term: 1, text: "" };
}

describe("the causal past", () => {
  test("holds what the sender of a message had done, and nothing that it did later", () => {
    const events = told(
      commit(0),
      heartbeat(0, 1, 1),
      commit(0),
      { type: "deliver", node: 1, from: 0, packet: 1 },
      commit(2),
    );
    expect(causalPast(events, [1]).map(({ step }) => step)).toEqual([1, 2, 4]);
  });

  test("goes through a third node, and not by a message that was lost", () => {
    const events = told(
      commit(0),
      heartbeat(0, 2, 1),
      { type: "deliver", node: 2, from: 0, packet: 1 },
      heartbeat(2, 1, 2),
      { type: "deliver", node: 1, from: 2, packet: 2 },
      heartbeat(0, 1, 3),
      { type: "lose", node: 0, to: 1, packet: 3, reason: "cut" },
    );
    expect(causalPast(events, [1]).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
  });
});

test("every fault that the generator makes has its words", () => {
  const texts = new Set<string>();
  for (let seed = 1; seed <= 60; seed += 1) {
    for (const { action } of generate(seed).faults) {
      const text = faultText(action, [0, 1]);
      expect(text).not.toMatch(/undefined|NaN|object/);
      texts.add(action.type);
    }
  }
  expect(texts.size).toBeGreaterThan(20);
});

describe("a regression test", () => {
  test("holds the whole schedule, and is named after what broke", () => {
    const violation = brokenAt(3, "it says */ and\nmore", 1);
    const text = regressionTest(SMALL, violation);
    const json = /const schedule = (.*?) as Schedule;/s.exec(text)?.[1] ?? "";
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(SMALL)));
    expect(text.split("\n")[0]).toBe("/** Once violated S7: it says * / and more */");
    expect(regressionName(SMALL, violation)).toBe("s7-seed-1");
  });
});
