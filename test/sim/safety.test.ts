/** The checks can fail: each is fed the lie that it is there for. */

import { beforeEach, describe, expect, test } from "vitest";
import type { AppendEntries } from "../../src/core/message.ts";
import type { Entry } from "../../src/core/types.ts";
import { encodeCommand } from "../../src/kv/commands.ts";
import { encodeEnvelope } from "../../src/kv/envelope.ts";
import { KvMachine } from "../../src/kv/machine.ts";
import { withSessions } from "../../src/kv/sessions.ts";
import { putEntries } from "../../src/storage/records.ts";
import { putMarker } from "../../src/storage/layout.ts";
import type { StoreOperation } from "../../src/storage/ordered-store.ts";
import { encodeEntries } from "../../src/entry-codec.ts";
import { Platter } from "../../sim/platter.ts";
import { ClientChecks } from "../../sim/kv/client-checks.ts";
import { checkStillDurable } from "../../sim/safety/commit.ts";
import { Ghost } from "../../sim/safety/ghost.ts";
import { checkWritten } from "../../sim/safety/log-checks.ts";
import { MachineChecks } from "../../sim/kv/machine-checks.ts";
import { MessageChecks } from "../../sim/safety/messages.ts";
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
    const append: AppendEntries = {
      type: "AppendEntries",
      from: "n1",
      to: "n2",
      term: 1,
      prevLog: { term: 0, index: 0 },
      leaderCommit: 0,
      entries: [put(2, 1, "b")],
    };
    checks.onSend(0, append);
    checks.onSend(0, { ...append, entries: [], leaderCommit: 1 });
    expect(properties()).toEqual(["S22", "S22"]);
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
