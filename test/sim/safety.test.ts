/** The checks can fail: each is fed the lie that it is there for. */

import { beforeEach, describe, expect, test } from "vitest";
import type {
  AppendEntries,
  AppendEntriesRefusal,
  AppendEntriesResponse,
  AppendEntriesSuccess,
  PreVote,
} from "../../src/core/message.ts";
import { append as appendTo } from "../../src/core/log.ts";
import { defaultRaftOptions } from "../../src/core/options.ts";
import { newProgress } from "../../src/core/progress.ts";
import { Raft } from "../../src/core/raft.ts";
import type { RaftState } from "../../src/core/state.ts";
import type { Configuration, ConfigurationEntry, Entry } from "../../src/core/types.ts";
import { encodeCommand } from "../../src/kv/command-codec.ts";
import { encodeEnvelope } from "../../src/kv/envelope.ts";
import { KvMachine } from "../../src/kv/machine.ts";
import { withSessions } from "../../src/kv/sessions.ts";
import { putEntries } from "../../src/storage/records.ts";
import { putMarker } from "../../src/storage/layout.ts";
import type { StoreOperation } from "../../src/storage/ordered-store.ts";
import { encodeEntries } from "../../src/entry-codec.ts";
import { Platter } from "../../sim/platter.ts";
import { KvChecks } from "../../sim/kv/checks.ts";
import { ClientChecks } from "../../sim/kv/client-checks.ts";
import { checkStillDurable } from "../../sim/safety/commit.ts";
import {
  canDisagree,
  checkConfigurationChange,
  checkConfigurationInForce,
} from "../../sim/safety/configuration.ts";
import { checkVotesSoFar } from "../../sim/safety/election.ts";
import { Ghost } from "../../sim/safety/ghost.ts";
import { checkWritten } from "../../sim/safety/log-checks.ts";
import { MachineChecks } from "../../sim/kv/machine-checks.ts";
import { MessageChecks } from "../../sim/safety/messages.ts";
import { NodeObserver } from "../../sim/safety/observer.ts";
import type { KvOperation } from "../../sim/kv/operation.ts";

interface Told {
  readonly property: string;
  readonly text: string;
}

let told: Told[] = [];
let platters: Platter[] = [];
let ghost: Ghost;
let machines: MachineChecks;

beforeEach(() => {
  told = [];
  platters = [new Platter(), new Platter(), new Platter()];
  const views = platters.map((platter, slot) => ({ slot, id: `n${slot + 1}`, platter }));
  ghost = new Ghost(
    views,
    (property, text) => told.push({ property, text }),
    () => 0,
  );
  machines = new MachineChecks(ghost);
});

function properties(): string[] {
  return told.map(({ property }) => property);
}

function put(index: number, term: number, value: string): Entry {
  const payload = encodeEnvelope({
    type: "plain",
    payload: encodeCommand({ type: "put", key: "k", value }),
  });
  return { kind: "command", index, term, time: 0, payload, encoded: undefined };
}

/** A copy of the command of this number. */
const copy = (index: number, value: string, sequence = 1): Entry => {
  const payload = encodeEnvelope({
    type: "command",
    sessionId: 1,
    sequence,
    lowestOutstanding: 1,
    payload: encodeCommand({ type: "put", key: "k", value }),
  });
  return { kind: "command", index, term: 1, time: 0, payload, encoded: undefined };
};

/** Entries and term and vote, as the shipped storage would have them written. */
function batch(
  term: number,
  votedFor: string | undefined,
  entries: readonly Entry[],
  lastIndex: number,
): StoreOperation[] {
  const operations: StoreOperation[] = [];
  putEntries(operations, entries, encodeEntries(entries));
  operations.push(
    putMarker({
      number: 1,
      hardState: { currentTerm: term, votedFor, commitIndex: 0 },
      compacted: { term: 0, index: 0 },
      lastIndex,
      snapshot: 0,
      runs: 1,
      configurations: 0,
    }),
  );
  return operations;
}

function commit(...entries: readonly Entry[]): void {
  for (const entry of entries) {
    ghost.seen(entry, entry.index === 1 ? 0 : entry.term);
    ghost.golden.push({ entry, commitTerm: entry.term, step: 0 });
  }
}

/** An append as n1 sends it in term 1, to see whether the logs agree at their beginning. */
const emptyAppend: AppendEntries = {
  type: "AppendEntries",
  from: "n1",
  to: "n2",
  term: 1,
  prevLog: { term: 0, index: 0 },
  leaderCommit: 0,
  entries: [],
};

/** A vote as n1 gives it. */
const vote = (to: string, term: number) =>
  ({ type: "RequestVoteResponse", from: "n1", to, term, voteGranted: true }) as const;

const write = (
  slot: number,
  term: number,
  entries: readonly Entry[],
  lastIndex: number,
): number | undefined => {
  const change = platters[slot]?.apply(batch(term, undefined, entries, lastIndex));
  checkWritten(ghost, ghost.view(slot), change?.written ?? []);
  return change?.lostFrom;
};

const applied = (entry: Entry): Parameters<MachineChecks["onApplied"]>[1] =>
  entry.kind === "command" ? [entry] : [];
const result = (index: number, previous: unknown): unknown => ({
  type: "applied",
  index,
  result: { status: "ok", previous },
});

const member = (n: number): Configuration["voters"][number] => ({
  id: `n${n}`,
  address: `n${n}:1`,
  storeId: undefined,
});

/** Of voters by number, for a whole or a joint configuration. */
function configuration(voters: readonly number[], outgoing: readonly number[] = []): Configuration {
  return { voters: voters.map(member), votersOutgoing: outgoing.map(member), learners: [] };
}

function changeTo(index: number, term: number, to: Configuration): ConfigurationEntry {
  return { kind: "configuration", index, term, time: 0, configuration: to, encoded: undefined };
}

/** n1 of three, with an empty log. */
function openState(): RaftState {
  const start = { index: 0, configuration: configuration([1, 2, 3]) };
  const nowhere = { term: 0, index: 0 };
  const raft = Raft.open(
    { ...defaultRaftOptions, id: "n1", seed: 1 },
    {
      hardState: { currentTerm: 0, votedFor: undefined, commitIndex: 0 },
      snapshot: { id: "", lastIncluded: nowhere, time: 0, configuration: start },
      compacted: nowhere,
      lastIndex: 0,
      lastTime: 0,
      runs: [],
      configurations: [start],
    },
    0,
  );
  return raft.state;
}

const silent: ConstructorParameters<typeof NodeObserver>[4] = {
  onRole: () => undefined,
  onAppend: () => undefined,
  onTruncate: () => undefined,
  onCommit: () => undefined,
  onApply: () => undefined,
};

function leadershipOver(id: string): NonNullable<RaftState["leadership"]> {
  return {
    firstIndex: 1,
    clusterTimeAtStart: 0,
    startedAt: 0,
    progress: new Map([[id, newProgress(id, 0)]]),
    heartbeatDeadline: 0,
    quorumCheckDeadline: 0,
    round: 0,
    roundWanted: false,
    reads: [],
    transfer: undefined,
    uncommittedBytes: 0,
  };
}

/** A mirror of a log in which everything is of one term. */
const allOfTerm = (term: number, lastIndex: number) => ({
  termAt: (index: number) => (index <= lastIndex ? term : undefined),
});

describe("what a message shows", () => {
  test("S10: a vote that is not on the disk", () => {
    new MessageChecks(ghost).onSend(0, vote("n2", 1));
    expect(properties()).toContain("S10");
  });

  test("S2: a second vote in a term, also after the disk has forgotten the first", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(1, "n2", [], 0));
    checks.onSend(0, vote("n2", 1));
    expect(properties()).toEqual([]);
    platters[0]?.apply(batch(1, "n3", [], 0));
    checks.onSend(0, vote("n3", 1));
    expect(properties()).toEqual(["S2"]);
  });

  test("S3: a term below one that was shown", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(5, undefined, [], 0));
    const heartbeat = { type: "HeartbeatResponse", from: "n1", to: "n2", round: 1 } as const;
    checks.onSend(0, { ...heartbeat, term: 5 });
    checks.onSend(0, { ...heartbeat, term: 4 });
    expect(properties()).toEqual(["S3"]);
  });

  test("S10: an acknowledgement of what is not on the disk", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(1, undefined, [put(1, 1, "a")], 1));
    const ack = {
      type: "AppendEntriesResponse",
      from: "n1",
      to: "n2",
      term: 1,
      success: true,
    } as const;
    checks.onSend(0, { ...ack, matchIndex: 1 });
    expect(properties()).toEqual([]);
    checks.onSend(0, { ...ack, matchIndex: 2 });
    expect(properties()).toEqual(["S10"]);
  });

  test("S22: entries with a hole, and a commit that nobody made", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(1, undefined, [], 0));
    const append = { ...emptyAppend, entries: [put(2, 1, "b")] };
    checks.onSend(0, append);
    checks.onSend(0, { ...append, entries: [], leaderCommit: 1 });
    expect(properties()).toEqual(["S22", "S22"]);
  });

  test("S22: what follows an entry that nobody had, seen when the step is over", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(2, undefined, [], 0));
    const append = { ...emptyAppend, term: 2, prevLog: { term: 2, index: 1 } };
    checks.onSend(0, append);
    ghost.seen(put(1, 2, "a"), 0);
    checks.afterStep();
    expect(properties()).toEqual([]);
    checks.onSend(0, { ...append, prevLog: { term: 0, index: 1 } });
    checks.afterStep();
    expect(properties()).toEqual(["S22"]);
  });

  test("S25: an acknowledgement of what has failed to be written, and anything at all once that is known", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(1, undefined, [put(1, 1, "a")], 1));
    const ack = {
      type: "AppendEntriesResponse",
      from: "n1",
      to: "n2",
      term: 1,
      success: true,
      matchIndex: 1,
    } as const;
    checks.onWriteFailed(0);
    checks.onSend(0, ack);
    expect(properties()).toEqual([]);
    checks.onSend(0, { ...ack, matchIndex: 2 });
    expect(properties()).toEqual(["S25"]);
    checks.onWriteRejected(0);
    checks.onSend(1, { ...ack, from: "n2", to: "n1", term: 0, matchIndex: 0 });
    checks.onSend(0, ack);
    expect(properties()).toEqual(["S25", "S25"]);
    checks.onStart(0);
    checks.onSend(0, ack);
    expect(properties()).toEqual(["S25", "S25"]);
  });

  test("L5: anything but heartbeats where everything is done", () => {
    const checks = new MessageChecks(ghost);
    for (const platter of platters) platter.apply(batch(1, undefined, [], 0));
    const beat = { type: "HeartbeatResponse", from: "n1", to: "n2", term: 1, round: 1 } as const;
    const ask: PreVote = {
      type: "PreVote",
      from: "n1",
      to: "n2",
      term: 2,
      lastLog: { term: 0, index: 0 },
    };
    checks.onSend(0, ask);
    checks.silent = [0, 1];
    checks.onSend(0, beat);
    checks.onSend(0, { ...ask, to: "n3" });
    checks.onSend(2, { ...ask, from: "n3" });
    expect(properties()).toEqual([]);
    checks.onSend(0, ask);
    expect(properties()).toEqual(["L5"]);
    // A call that was held up: of the appends some are overtaken, and refused.
    checks.onSend(0, { ...emptyAppend, entries: [put(1, 1, "a")] });
    checks.onSend(1, {
      type: "AppendEntriesResponse",
      from: "n2",
      to: "n1",
      term: 1,
      success: false,
      prevLogIndex: 1,
      hint: { term: 0, index: 0 },
    });
    expect(properties()).toEqual(["L5"]);
  });

  test("L7: what was refused is sent again and again", () => {
    const checks = new MessageChecks(ghost);
    platters[0]?.apply(batch(1, undefined, [], 0));
    const append = { ...emptyAppend, prevLog: { term: 1, index: 5 } };
    const refusal: AppendEntriesRefusal = {
      type: "AppendEntriesResponse",
      from: "n2",
      to: "n1",
      term: 1,
      success: false,
      prevLogIndex: 5,
      hint: { term: 1, index: 2 },
    };
    const agreement: AppendEntriesSuccess = {
      type: "AppendEntriesResponse",
      from: "n2",
      to: "n1",
      term: 1,
      success: true,
      matchIndex: 5,
    };
    const hear = (message: AppendEntriesResponse): void => checks.onDeliver(message, message);
    const refuse = (times: number): void => {
      for (let n = 0; n < times; n += 1) {
        hear(refusal);
        checks.onSend(0, append);
      }
    };
    refuse(20);
    hear(agreement);
    refuse(20);
    // Many that were held up and come at once; one who sends and hears nothing; one of another term; another follower.
    for (let n = 0; n < 30; n += 1) hear(refusal);
    hear(agreement);
    hear(refusal);
    for (let n = 0; n < 30; n += 1) checks.onSend(0, append);
    for (let n = 0; n < 30; n += 1) {
      hear({ ...refusal, term: 2 });
      checks.onSend(0, append);
      hear({ ...refusal, from: "n3" });
      checks.onSend(0, append);
    }
    expect(properties()).toEqual([]);
    refuse(20);
    expect(properties()).toEqual([]);
    refuse(1);
    expect(properties()).toEqual(["L7"]);
  });

  describe("L9: entries that are sent without end", () => {
    const append = { ...emptyAppend, entries: [put(1, 1, "a"), put(2, 1, "b")] };
    let checks: MessageChecks;
    beforeEach(() => {
      checks = new MessageChecks(ghost);
      platters[0]?.apply(batch(1, undefined, [], 0));
    });
    const send = (times: number, message: AppendEntries): void => {
      for (let n = 0; n < times; n += 1) checks.onSend(0, message);
    };
    const heartbeat = (to: string): void => {
      const { from, term } = append;
      checks.onSend(0, { type: "Heartbeat", from, to, term, leaderCommit: 0, round: 1 });
    };

    test("at once", () => {
      send(20, append);
      send(20, { ...append, to: "n3" });
      heartbeat("n2");
      send(20, append);
      expect(properties()).toEqual([]);
      send(1, { ...append, to: "n3" });
      expect(properties()).toEqual(["L9"]);
    });

    test("on and on", () => {
      // Twenty times each, a thousand more, and a probe for each heartbeat's answer.
      for (let n = 0; n < 27; n += 1) {
        heartbeat("n2");
        send(20, append);
      }
      heartbeat("n2");
      send(8, append);
      expect(properties()).toEqual([]);
      send(1, append);
      expect(properties()).toEqual(["L9"]);
    });
  });

  test("S23: a message that arrives as another", () => {
    const sent = {
      type: "Heartbeat",
      from: "n1",
      to: "n2",
      term: 1,
      leaderCommit: 0,
      round: 1,
    } as const;
    new MessageChecks(ghost).onDeliver(sent, { ...sent });
    expect(properties()).toEqual([]);
    new MessageChecks(ghost).onDeliver(sent, { ...sent, round: 2 });
    expect(properties()).toEqual(["S23"]);
  });
});

describe("what disks hold", () => {
  test("S4: two entries of one term and index that differ", () => {
    write(0, 1, [put(1, 1, "a")], 1);
    write(1, 1, [put(1, 1, "a")], 1);
    expect(properties()).toEqual([]);
    write(2, 1, [put(1, 1, "b")], 1);
    expect(properties()).toEqual(["S4"]);
  });

  test("S4: the same entry behind different ones", () => {
    write(0, 3, [put(1, 1, "a"), put(2, 3, "b")], 2);
    write(1, 3, [put(1, 2, "x"), put(2, 3, "b")], 2);
    expect(properties()).toEqual(["S4"]);
  });

  test("S12: a committed entry that a disk drops, so that no majority has it", () => {
    const entry = put(1, 1, "a");
    for (const slot of [0, 1]) write(slot, 1, [entry], 1);
    commit(entry);
    const lostFrom = write(1, 2, [put(1, 2, "b")], 1);
    expect(lostFrom).toBe(1);
    checkStillDurable(ghost, ghost.view(1), lostFrom ?? 0);
    expect(properties()).toEqual(["S12"]);
  });
});

describe("what a node takes for true", () => {
  test("S16: a candidate counts a vote that was given to another, or in another term", () => {
    const state = openState();
    state.currentTerm = 2;
    state.votes = new Set(["n2"]);
    ghost.recordVote(1, 2, "n1");
    checkVotesSoFar(ghost, ghost.view(0), state);
    expect(properties()).toEqual([]);
    state.votes = new Set(["n2", "n3"]);
    ghost.recordVote(2, 1, "n1");
    checkVotesSoFar(ghost, ghost.view(0), state);
    expect(properties()).toEqual(["S16"]);
  });

  test("S15: a configuration that is not the last in the log", () => {
    const state = openState();
    const next = changeTo(2, 1, configuration([1, 2, 3, 4]));
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 1));
    ghost.seen(next, 1);
    // Cut off again, or never had.
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 1));
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(3, 2));
    expect(properties()).toEqual([]);
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 2));
    expect(properties()).toEqual(["S15"]);
    state.configurations = [...state.configurations, next];
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 2));
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 1));
    expect(properties()).toEqual(["S15", "S15"]);
  });

  test("S15: a snapshot that has left a committed configuration out", () => {
    const state = openState();
    const next = changeTo(1, 1, configuration([1, 2, 3, 4]));
    commit(next, put(2, 1, "a"));
    const lastIncluded = { term: 1, index: 2 };
    state.snapshot = { ...state.snapshot, lastIncluded, configuration: next };
    state.configurations = [next];
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 2));
    expect(properties()).toEqual([]);
    const [start] = openState().configurations;
    if (start === undefined) return expect.fail();
    state.snapshot = { ...state.snapshot, configuration: start };
    state.configurations = [start];
    checkConfigurationInForce(ghost, ghost.view(0), state, allOfTerm(1, 2));
    expect(properties()).toEqual(["S15"]);
  });

  test("S15: a change while another is not committed, and one to strangers", () => {
    const state = openState();
    const first = changeTo(1, 1, configuration([1, 2, 3, 4]));
    const second = changeTo(2, 1, configuration([1, 2, 4]));
    const begin = (entry: ConfigurationEntry): void =>
      checkConfigurationChange(ghost, ghost.view(0), state, allOfTerm(1, entry.index), entry);
    begin(first);
    ghost.seen(first, 0);
    expect(properties()).toEqual([]);
    begin(second);
    expect(properties()).toEqual(["S15"]);
    ghost.golden.push({ entry: first, commitTerm: 1, step: 0 });
    begin(second);
    expect(properties()).toEqual(["S15"]);
    begin(changeTo(2, 1, configuration([1, 5])));
    expect(properties()).toEqual(["S15", "S15"]);
  });

  test("S15: quorums that share nobody", () => {
    expect(canDisagree(configuration([1, 2, 3]), configuration([1, 2, 3, 4]))).toBe(false);
    expect(canDisagree(configuration([1, 2, 3]), configuration([1, 4, 5]))).toBe(true);
    expect(canDisagree(configuration([1, 2, 3]), configuration([3, 4, 5], [1, 2, 3]))).toBe(false);
    expect(canDisagree(configuration([1, 2]), configuration([1, 2, 3, 4]))).toBe(false);
    expect(canDisagree(configuration([1, 2]), configuration([2, 3]))).toBe(false);
    expect(canDisagree(configuration([1, 2, 3]), configuration([1, 2, 3, 4, 5]))).toBe(true);
  });

  test("S11: a match that is not on the peer's disk, unless the peer has followed a later leader", () => {
    const state = openState();
    const observer = new NodeObserver(ghost, new KvChecks(ghost), ghost.view(0), state, silent);
    state.currentTerm = 2;
    appendTo(state.log, put(1, 2, "a"));
    appendTo(state.log, put(2, 2, "b"));
    state.leadership = leadershipOver("n2");
    const progress = state.leadership.progress.get("n2");
    if (progress === undefined) return expect.fail();
    platters[1]?.apply(batch(3, undefined, [], 0));
    Object.assign(progress, { matchIndex: 1, nextIndex: 3 });
    observer.look(state);
    expect(properties()).toEqual([]);
    platters[1]?.apply(batch(2, undefined, [], 0));
    progress.matchIndex = 2;
    observer.look(state);
    expect(properties()).toEqual(["S11"]);
  });

  test("S24: an append that counts as on its way and is yet to be sent, S6: a log let go of", () => {
    const state = openState();
    const observer = new NodeObserver(ghost, new KvChecks(ghost), ghost.view(0), state, silent);
    state.leadership = leadershipOver("n2");
    const progress = state.leadership.progress.get("n2");
    if (progress === undefined) return expect.fail();
    progress.nextIndex = 3;
    progress.inflight = [{ lastIndex: 2, bytes: 1 }];
    observer.look(state);
    expect(properties()).toEqual([]);
    progress.nextIndex = 2;
    observer.look(state);
    expect(properties()).toEqual(["S24"]);

    state.leadership = undefined;
    commit(put(1, 1, "a"));
    state.snapshot = { ...state.snapshot, lastIncluded: { term: 1, index: 1 } };
    state.commitIndex = 1;
    state.log = { ...state.log, compacted: { term: 1, index: 2 }, lastIndex: 2, tailFirst: 3 };
    observer.look(state);
    expect(properties()).toEqual(["S24", "S6"]);
  });
});

describe("what is applied and answered", () => {
  test("S13: what is not committed, another command, and a wrong result", () => {
    const view = ghost.view(0);
    machines.onApplied(view, applied(put(1, 1, "a")), [result(1, undefined)]);
    expect(properties()).toEqual(["S13"]);
    commit(put(1, 1, "a"), put(2, 1, "b"));
    machines.onApplied(view, applied(put(1, 1, "a")), [result(1, undefined)]);
    expect(properties()).toEqual(["S13"]);
    machines.onApplied(view, applied(put(2, 1, "x")), [result(2, { value: "a", index: 1 })]);
    machines.onApplied(view, applied(put(2, 1, "b")), [result(2, undefined)]);
    expect(properties()).toEqual(["S13", "S13", "S13"]);
  });

  test("S18: a copy that is executed again, or answered otherwise, or told of to a client", () => {
    const { once } = machines;
    const apply = (slot: number, entry: Entry, answer: unknown): void => {
      for (const command of applied(entry)) once.onApplied(ghost.view(slot), command, answer);
    };
    apply(0, copy(2, "a"), result(2, undefined));
    apply(0, copy(3, "a"), result(2, undefined));
    apply(1, copy(2, "a"), result(2, undefined));
    apply(1, copy(3, "a"), { type: "refused", reason: "sequence-forgotten" });
    expect(properties()).toEqual([]);
    apply(2, copy(3, "a"), result(2, { value: "a", index: 2 }));
    expect(properties()).toEqual(["S18"]);
    apply(2, copy(3, "a"), result(3, undefined));
    expect(properties()).toEqual(["S18", "S18"]);
    // Under another number, as by a client that does not know what became of the first.
    apply(0, copy(4, "a", 2), result(4, undefined));
    expect(properties()).toEqual(["S18", "S18", "S18"]);
    once.onReply(operation(1, "put", { value: "a", index: 2 }), 2);
    expect(properties()).toHaveLength(3);
    once.onReply(operation(1, "put", { value: "a", index: 3 }), 3);
    expect(properties()).toEqual(["S18", "S18", "S18", "S18"]);
  });

  test("S14: a snapshot with the state of another index", async () => {
    commit(put(1, 1, "a"), put(2, 1, "b"));
    const machine = withSessions(new KvMachine());
    await machine.apply(applied(put(1, 1, "a")));
    const chunks: Uint8Array[] = [];
    for await (const chunk of machine.snapshot()) chunks.push(chunk);
    await machines.checkSnapshot(ghost.view(0), 1, chunks);
    expect(properties()).toEqual([]);
    await machines.checkSnapshot(ghost.view(0), 2, chunks);
    await machines.checkSnapshot(ghost.view(0), 1, chunks.slice(1));
    expect(properties()).toEqual(["S14", "S14"]);
  });

  test("S19: a read of less than was acknowledged, and one of what never was there", () => {
    commit(put(1, 1, "a"), put(2, 1, "b"));
    const checks = new ClientChecks(ghost, machines);
    const written = operation(1, "put", {
      value: "b",
      index: 2,
      status: "ok",
      found: "a",
      foundIndex: 1,
    });
    checks.onInvoke(written);
    checks.onReturn(written);
    const stale = operation(2, "get", { index: 1, found: "a", foundIndex: 1 });
    checks.onInvoke(stale);
    checks.onReturn(stale);
    const invented = operation(3, "get", { index: 2, found: "c", foundIndex: 2 });
    checks.onInvoke(invented);
    checks.onReturn(invented);
    expect(properties()).toEqual(["S19", "S19"]);
  });

  test("S17: an answer for what was not committed there, and a rejected write that is", () => {
    const checks = new ClientChecks(ghost, machines);
    const rejected = { ...operation(1, "put", { value: "a" }), outcome: "rejected" as const };
    checks.onReturn(rejected);
    expect(properties()).toEqual([]);
    commit(put(1, 1, "a"));
    checks.onCommit();
    checks.onReturn(operation(2, "put", { value: "z", index: 1, status: "ok" }));
    checks.onReturn(operation(3, "put", { value: "z", index: 9, status: "ok" }));
    expect(properties()).toEqual(["S17", "S17", "S17"]);
  });
});

function operation(id: number, type: KvOperation["type"], rest: Partial<KvOperation>): KvOperation {
  return {
    id,
    client: 0,
    type,
    key: "k",
    call: `${type} k`,
    answer: undefined,
    value: undefined,
    expected: undefined,
    startStep: 0,
    startUs: 0,
    endStep: 1,
    outcome: "ok",
    error: undefined,
    index: undefined,
    status: undefined,
    found: undefined,
    foundIndex: undefined,
    ...rest,
  };
}
