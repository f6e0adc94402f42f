/** Faults that the literature tells stories of, as small groups that belong together. */

import type { FaultContext } from "./generate-faults.ts";
import type { Rng } from "./random.ts";
import type { Action, Fault, MessageType, Target, When } from "./schedule.ts";

type Draft = Omit<Fault, "id">;
type Pattern = (rng: Rng, context: FaultContext) => readonly Draft[];

/** Nobody tries anything for so many election timeouts. */
export const OUTLASTS_ALL = 25;

/**
 * Figure 8: each new leader appends something, reaches at most one follower, and is gone; so the same index is written
 * in term after term.
 */
function figure8(rng: Rng, { durationMs, raft }: FaultContext): readonly Draft[] {
  const fromMs = rng.below(durationMs / 2);
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  const on = (delayMs: number, times: number): When => ({
    type: "on",
    event: "becomes-leader",
    fromMs,
    untilMs: durationMs,
    times,
    delayMs,
  });
  const times = rng.between(3, 6);
  const cut = (nth: number): Draft => ({
    when: on(rng.pick([0, 1]), times),
    action: { type: "cut", from: "subject", to: `after-subject-${nth}`, forMs: timeoutMs },
  });
  return [
    cut(1),
    cut(2),
    cut(3),
    { when: on(2, times), action: { type: "propose", target: "subject", count: 2 } },
    {
      when: on(rng.pick([8, 15, 40]), times),
      action: { type: "crash", target: "subject", downMs: rng.pick([5, timeoutMs, 3 * timeoutMs]) },
    },
  ];
}

/** A leader that is cut off from the others but not from its clients, and comes back. */
function staleLeader(rng: Rng, { durationMs, raft }: FaultContext): readonly Draft[] {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  const isSucceeded = rng.chance(500_000);
  return repeat(rng, durationMs, 6 * timeoutMs, (atMs) => [
    {
      when: { type: "at", atMs },
      action: {
        type: "isolate",
        target: "leader",
        direction: rng.pick(["both", "in", "out"]),
        clients: false,
        forMs: 4 * timeoutMs,
      },
    },
    {
      when: { type: "at", atMs: atMs + 5 },
      action: { type: "propose", target: "leader", count: rng.pick([3, 12]) },
    },
    ...(isSucceeded ? [successorGone(atMs + 4 * timeoutMs, timeoutMs)] : []),
  ]);
}

/** The one who was elected instead is gone as the old one comes back. */
function successorGone(atMs: number, timeoutMs: number): Draft {
  return {
    when: { type: "at", atMs },
    action: { type: "crash", target: "leader", downMs: 2 * timeoutMs },
  };
}

/** What clients have sent comes late, to one that does not lead any more by then; they have tried elsewhere meanwhile. */
function lateClients(rng: Rng, { durationMs, raft }: FaultContext): readonly Draft[] {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  return repeat(rng, durationMs, 8 * timeoutMs, (atMs) => [
    {
      when: { type: "at", atMs },
      action: { type: "clog-clients", target: "leader", forMs: rng.pick([3, 5]) * timeoutMs },
    },
    {
      when: { type: "at", atMs: atMs + rng.pick([5, 100]) },
      action: {
        type: "isolate",
        target: "leader",
        direction: rng.pick(["both", "out"]),
        clients: false,
        forMs: 2 * timeoutMs,
      },
    },
    {
      when: { type: "at", atMs: atMs + timeoutMs },
      action: { type: "pause-client", client: rng.below(6), forMs: 3 * timeoutMs },
    },
  ]);
}

/** One that does not hear the leader but is heard, and campaigns again and again. */
function disruptive(rng: Rng, { durationMs, raft, nodes }: FaultContext): readonly Draft[] {
  const atMs = rng.below(durationMs / 2);
  const target = rng.below(nodes);
  return [
    {
      when: { type: "at", atMs },
      action: {
        type: "isolate",
        target,
        direction: "in",
        clients: false,
        forMs: 12 * (raft.electionTimeoutMs ?? 500),
      },
    },
  ];
}

function rollingRestart(rng: Rng, { durationMs, nodes, raft }: FaultContext): readonly Draft[] {
  const startMs = rng.below(durationMs / 2);
  const stepMs = rng.pick([20, raft.electionTimeoutMs ?? 500, 1500]);
  return Array.from({ length: 2 * nodes }, (_, n) => ({
    when: { type: "at", atMs: startMs + n * stepMs },
    action: { type: "crash", target: n % nodes, downMs: rng.pick([1, 10, 200]) },
  }));
}

/** Power failure while everybody writes. */
function majorityCrash(rng: Rng, { durationMs, nodes }: FaultContext): readonly Draft[] {
  return repeat(rng, durationMs, 3000, () => [
    {
      when: {
        type: "on",
        event: rng.pick(["append-leaves", "append-ack-leaves", "commits"]),
        fromMs: rng.below(durationMs),
        untilMs: durationMs,
        times: 1,
        delayMs: rng.pick([0, 1, 2]),
      },
      action: {
        type: "crash-many",
        target: "subject",
        count: rng.between(Math.floor(nodes / 2) + 1, nodes),
        downMs: rng.pick([1, 100]),
      },
    },
  ]);
}

/** Leadership goes back and forth, with one directed link down at each change. */
function pingPong(rng: Rng, { durationMs, raft }: FaultContext): readonly Draft[] {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  const when: When = {
    type: "on",
    event: "becomes-leader",
    fromMs: 0,
    untilMs: durationMs,
    times: rng.between(4, 12),
    delayMs: rng.pick([5, 20, 100]),
  };
  const to: Target = `after-subject-${rng.below(2)}`;
  return [
    { when: { ...when, delayMs: 1 }, action: { type: "propose", target: "subject", count: 2 } },
    {
      when: { ...when, delayMs: 2 },
      action: { type: "cut", from: "subject", to, forMs: timeoutMs },
    },
    {
      when,
      action: rng.chance(500_000)
        ? { type: "transfer", to: `after-subject-${rng.below(2)}` }
        : {
            type: "isolate",
            target: "subject",
            direction: "out",
            clients: false,
            forMs: 2 * timeoutMs,
          },
    },
  ];
}

/** Every leader's disk is slow: the others commit without it, and it acts on what it does not have itself. */
function slowLeader(rng: Rng, { durationMs, raft }: FaultContext): readonly Draft[] {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  return [
    {
      when: {
        type: "on",
        event: "becomes-leader",
        fromMs: 0,
        untilMs: durationMs,
        times: 30,
        delayMs: 0,
      },
      action: { type: "disk-slow", target: "subject", factor: 20, forMs: 5 * timeoutMs },
    },
    ...repeat(rng, durationMs, 6 * timeoutMs, (atMs) => [
      {
        when: { type: "at", atMs },
        action: { type: "transfer", to: "after-leader-0" },
      },
    ]),
  ];
}

/** A vote leaves, and its giver or asker is gone and back within milliseconds. */
function crashOnVote(rng: Rng, { durationMs }: FaultContext): readonly Draft[] {
  return [
    {
      when: {
        type: "on",
        event: rng.pick(["vote-leaves", "vote-request-leaves"]),
        fromMs: 0,
        untilMs: durationMs,
        times: rng.between(2, 10),
        delayMs: rng.pick([0, 1]),
      },
      action: { type: "crash", target: "subject", downMs: rng.pick([1, 3, 10]) },
    },
    ...repeat(rng, durationMs, 2500, (atMs) => [
      { when: { type: "at", atMs }, action: { type: "crash", target: "leader", downMs: 400 } },
    ]),
  ];
}

/** A follower is away while the log is compacted, and its snapshot is interrupted. */
function interruptedSnapshot(rng: Rng, { durationMs, nodes }: FaultContext): readonly Draft[] {
  const laggard = rng.below(nodes);
  const interruption = rng.pick<Action>([
    { type: "crash", target: laggard, downMs: 20 },
    { type: "crash", target: "subject", downMs: 300 },
    { type: "cut", from: "subject", to: laggard, forMs: 400 },
    { type: "narrow", from: "subject", to: laggard, bytesPerMs: 20, forMs: 4000 },
  ]);
  return repeat(rng, durationMs, 5000, (atMs) => [
    {
      when: { type: "at", atMs },
      action: { type: "isolate", target: laggard, direction: "both", clients: false, forMs: 2500 },
    },
    {
      when: {
        type: "on",
        event: "snapshot-chunk-leaves",
        fromMs: atMs,
        untilMs: durationMs,
        times: 1,
        delayMs: rng.pick([0, 2]),
      },
      action: interruption,
    },
  ]);
}

/** A follower is away while the log is compacted, and no chunk of its snapshot gets through until its leader gives up. */
function lostSnapshot(rng: Rng, { durationMs, raft }: FaultContext): readonly Draft[] {
  const atMs = rng.below(3000);
  const messages = rng.pick<readonly MessageType[]>([["SnapshotChunk"], ["SnapshotChunkResponse"]]);
  return [
    {
      when: { type: "at", atMs },
      action: {
        type: "isolate",
        target: "after-leader-0",
        direction: "both",
        clients: false,
        forMs: rng.pick([1500, 4000]),
      },
    },
    ...(["subject", "after-subject-0", "after-subject-1"] as const).map((from): Draft => ({
      when: {
        type: "on",
        event: "snapshot-chunk-leaves",
        fromMs: atMs,
        untilMs: durationMs,
        times: 1,
        delayMs: 0,
      },
      action: {
        type: "filter",
        from,
        messages,
        forMs: OUTLASTS_ALL * (raft.electionTimeoutMs ?? 500),
      },
    })),
  ];
}

/** Everything that is said in the first seconds is heard once more, when the log has moved on. */
function lateBeginning(rng: Rng, context: FaultContext): readonly Draft[] {
  const forMs = 1000 + 3 * (context.raft.electionTimeoutMs ?? 500);
  return echoes(context, 0, rng.pick([500, 1500, 4000]), forMs);
}

/** What is said in an election is heard once more in the next. */
function lateVotes(rng: Rng, context: FaultContext): readonly Draft[] {
  const timeoutMs = context.raft.electionTimeoutMs ?? 500;
  const afterMs = rng.pick([timeoutMs, 2 * timeoutMs]);
  return [
    ...echoes(context, 0, afterMs, context.durationMs),
    ...repeat(rng, context.durationMs, 4 * timeoutMs, (atMs) => [
      {
        when: { type: "at", atMs },
        action: { type: "crash", target: "leader", downMs: rng.pick([10, timeoutMs]) },
      },
    ]),
  ];
}

/**
 * One leads, is deposed and leads again. Late copies of what it said in its first reign are answered in its second, and the
 * answers reach it when it is cut off and another leads, from whom it hears nothing. Its clock is slow by then, or it would
 * step down meanwhile.
 */
function secondReign(rng: Rng, { durationMs, raft, nodes }: FaultContext): readonly Draft[] {
  const timeoutMs = raft.electionTimeoutMs ?? 500;
  const target = rng.below(nodes);
  const startMs = rng.below(durationMs / 4);
  const deposedMs = startMs + 10 * timeoutMs;
  const againMs = deposedMs + timeoutMs;
  const answersMs = againMs + timeoutMs;
  const cutMs = answersMs + Math.floor(timeoutMs / 2);
  const forMs = 4 * timeoutMs;
  const others = Array.from({ length: nodes }, (_, node) => node).filter((node) => node !== target);
  return [
    at(startMs, { type: "transfer", to: target }),
    at(deposedMs - timeoutMs, {
      type: "echo",
      target,
      afterMs: cutMs - deposedMs,
      forMs: timeoutMs,
    }),
    at(deposedMs, { type: "transfer", to: (target + 1) % nodes }),
    at(againMs, { type: "transfer", to: target }),
    ...others.map((from) => at(answersMs, { type: "clog", from, to: target, forMs })),
    at(answersMs, { type: "clock-drift", target, ppm: -900_000, forMs: 2 * forMs }),
    at(cutMs, { type: "isolate", target, direction: "out", clients: false, forMs }),
    {
      when: {
        type: "on",
        event: "becomes-leader",
        fromMs: cutMs,
        untilMs: cutMs + forMs,
        times: 1,
        delayMs: 0,
      },
      action: { type: "cut", from: "subject", to: target, forMs },
    },
  ];
}

function at(atMs: number, action: Action): Draft {
  return { when: { type: "at", atMs }, action };
}

function echoes(
  { nodes }: FaultContext,
  atMs: number,
  afterMs: number,
  forMs: number,
): readonly Draft[] {
  return Array.from({ length: nodes }, (_, target) => ({
    when: { type: "at", atMs },
    action: { type: "echo", target, afterMs, forMs },
  }));
}

function repeat(
  rng: Rng,
  durationMs: number,
  everyMs: number,
  make: (atMs: number) => readonly Draft[],
): readonly Draft[] {
  const drafts: Draft[] = [];
  for (let atMs = rng.below(everyMs); atMs < durationMs; atMs += everyMs)
    drafts.push(...make(atMs));
  return drafts;
}

export const PATTERNS: readonly Pattern[] = [
  figure8,
  staleLeader,
  lateClients,
  disruptive,
  rollingRestart,
  majorityCrash,
  pingPong,
  slowLeader,
  crashOnVote,
  interruptedSnapshot,
  lostSnapshot,
  lateBeginning,
  lateVotes,
  secondReign,
];
