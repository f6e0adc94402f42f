/** What a simulated disk does to the journal on it, and what it knows of it. */

import { describe, expect, test } from "vitest";
import { encodeEntries } from "../../src/entry-codec.ts";
import { JournalStore } from "../../src/storage/journal/store.ts";
import { keyOf, putMarker } from "../../src/storage/layout.ts";
import type { OrderedStore, StoreOperation } from "../../src/storage/ordered-store.ts";
import { putEntries } from "../../src/storage/records.ts";
import { JournalDisk } from "../../sim/journal-disk.ts";
import { JournalPlatter } from "../../sim/journal-platter.ts";
import { Rng } from "../../sim/random.ts";
import type { Actor } from "../../sim/scheduler.ts";
import { commands } from "../storage/support.ts";
import { FaultyDisk } from "../support/faulty-folder.ts";
import { seededRandom } from "../support/random.ts";
import { put, rig } from "./support/disk-rig.ts";
import type { Rig } from "./support/disk-rig.ts";

const SEGMENT_BYTES = 8192;
const LONG_US = 1_000_000;

const journalRig = (seed: number): Rig =>
  rig(seed, (device) => new JournalDisk(device, { segmentBytes: SEGMENT_BYTES }));

/** A process with the journal open. */
interface Life {
  readonly actor: Actor;
  readonly store: OrderedStore;
}

async function begun(each: Rig): Promise<Life> {
  const actor: Actor = { slot: 0, isAlive: true, gateUs: 0 };
  const { store } = each.disk.openFor(actor);
  await done(each, store.open());
  return { actor, store };
}

async function done<Value>(each: Rig, asked: Promise<Value>, withinUs = LONG_US): Promise<Value> {
  const settled = asked.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await each.scheduler.run(each.scheduler.nowUs + withinUs);
  const outcome = await Promise.race([settled, Promise.resolve({ error: new Error("not yet") })]);
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

function crash(each: Rig, { actor }: Life): void {
  actor.isAlive = false;
  each.disk.crash();
}

/** A log of `number` entries of a hundred bytes each, in as many terms as there are entries; those before `from` are let go of. */
function batchOf(number: number, from = 1): StoreOperation[] {
  const operations: StoreOperation[] = [];
  const entries = commands(number, number, number, "x".repeat(100));
  putEntries(operations, entries, encodeEntries(entries));
  operations.push(
    putMarker({
      number,
      hardState: { currentTerm: number, votedFor: "n1", commitIndex: 0 },
      compacted: { term: from - 1, index: from - 1 },
      lastIndex: number,
      snapshot: 0,
      runs: 1,
      configurations: 0,
    }),
    { type: "del", key: keyOf("state", number - 1) },
    { type: "del", key: keyOf("log", from - 1) },
  );
  return operations;
}

async function fill(each: Rig, { store }: Life, upTo: number): Promise<void> {
  for (let number = 1; number <= upTo; number += 1) {
    const from = Math.max(1, number - 5);
    await done(each, store.batch(batchOf(number, from), { sync: true }));
  }
}

const termsOf = ({ disk: { platter } }: Rig): unknown => ({
  ...platter.hardState,
  terms: Array.from({ length: platter.lastIndex + 1 }, (_, index) => platter.termAt(index)),
});

describe("a batch", () => {
  test("that was acknowledged survives every crash, and one under way is found whole or not at all", async () => {
    const found = new Set<number>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const each = journalRig(seed);
      const life = await begun(each);
      await fill(each, life, 30);
      void life.store.batch(batchOf(31, 26), { sync: true });
      await each.scheduler.run(each.scheduler.nowUs + 50);
      crash(each, life);

      const { store } = await begun(each);

      const states = await done(each, store.keys({ gte: keyOf("state", 0), lt: "1", limit: 9 }));
      expect([keyOf("state", 30), keyOf("state", 31)]).toContainEqual(states[0]);
      expect(states).toHaveLength(1);
      // Whatever the page cache had of it: who goes on from it has it on the disk.
      expect(each.disk.platter.hardState.currentTerm).toBe(
        states[0] === keyOf("state", 31) ? 31 : 30,
      );
      found.add(each.disk.platter.lastIndex);
    }
    expect(found).toEqual(new Set([30, 31]));
  });

  test("that only the page cache has kept is not on the platter before the next process has it written", async () => {
    let inCache = 0;
    for (let seed = 1; seed <= 80; seed += 1) {
      const each = journalRig(seed);
      const life = await begun(each);
      await fill(each, life, 3);
      void life.store.batch(batchOf(4), { sync: true });
      await each.scheduler.run(each.scheduler.nowUs + 50);
      crash(each, life);
      const { lastIndex } = each.disk.platter;
      await begun(each);
      if (each.disk.platter.lastIndex > lastIndex) inCache += 1;
    }
    expect(inCache).toBeGreaterThan(2);
  });

  test.each(["kept", "lost", "dropped"] as const)(
    "that is told to fail does so: %s",
    async (kind) => {
      const each = journalRig(1);
      const life = await begun(each);
      await fill(each, life, 3);
      each.disk.device.failNext({ code: "EIO", batch: kind });
      await expect(done(each, life.store.batch(batchOf(4), { sync: true }))).rejects.toThrow(/EIO/);
      expect(each.faults).toEqual(["failure", "told"]);
      if (kind !== "lost") expect(each.disk.platter.lastIndex).toBe(kind === "kept" ? 4 : 3);
    },
  );

  test("fails on a full disk only where it needs another file", async () => {
    const each = journalRig(1);
    const life = await begun(each);
    await fill(each, life, 3);
    each.disk.device.fillUntil(1_000_000_000);
    let written = 0;
    const filling = async (): Promise<void> => {
      for (; written < 100; written += 1) {
        await done(each, life.store.batch([put("a", "x".repeat(500))], { sync: true }));
      }
    };
    await expect(filling()).rejects.toThrow(/ENOSPC/);
    expect(written).toBeGreaterThan(5);
  });

  test("of a process that is dead is never heard of, and another can open the journal", async () => {
    const each = journalRig(1);
    const life = await begun(each);
    const writing = life.store.batch(batchOf(1), { sync: true });
    crash(each, life);
    await expect(done(each, writing)).rejects.toThrow("not yet");
    await begun(each);
    await expect(begun(each)).rejects.toMatchObject({ code: "RAFT_LOCKED" });
  });
});

describe("the platter", () => {
  test("of what was read batch by batch is that of all of it", async () => {
    const each = journalRig(1);
    const life = await begun(each);
    await done(each, life.store.batch([put("stays", "x")], { sync: true }));
    await fill(each, life, 200);
    const before = termsOf(each);
    crash(each, life);
    expect(termsOf(each)).toEqual(before);
    expect(each.disk.platter.lastIndex).toBe(200);
    for (const state of ["segmentsMade", "segmentsGivenUp", "recordsMoved"]) {
      expect(each.reached.get(state), state).toBeGreaterThan(state === "recordsMoved" ? 0 : 3);
    }
  });

  test("loses what a segment held that is taken away too soon", async () => {
    const random = seededRandom(1);
    const disk = new FaultyDisk(random);
    const store = new JournalStore(disk.folder(), { segmentBytes: SEGMENT_BYTES, random });
    await store.open();
    for (let number = 1; number <= 60; number += 1) await store.batch(batchOf(number));
    const names = [...disk.files.keys()].toSorted();
    const without = (gone: string | undefined): Map<string, Buffer> =>
      new Map(names.filter((name) => name !== gone).map((name) => [name, disk.bytesOf(name)]));
    expect(names.length).toBeGreaterThan(3);

    const journal = new JournalPlatter();
    const { platter } = journal;
    for (const gone of names.slice(0, 3)) {
      expect(journal.readAll(without(undefined)).lostFrom).toBeUndefined();
      expect(platter.termAt(60)).toBe(60);
      const lostFrom = journal.onRenamed(without(gone), gone, "spare")?.lostFrom ?? Infinity;
      expect(lostFrom).toBeLessThanOrEqual(60);
      expect(platter.termAt(lostFrom - 1)).toBe(lostFrom - 1);
      expect(platter.termAt(lostFrom)).toBeUndefined();
    }
    await store.close();
  });
});

test("bit rot changes one bit of one record of the log that is read, and nothing that is stored", async () => {
  const each = journalRig(1);
  const { store } = await begun(each);
  await done(each, store.batch(batchOf(1), { sync: true }));
  const stored = await done(each, store.get(keyOf("log", 1)));

  each.disk.rotNext();

  expect(await done(each, store.get(keyOf("state", 1)))).toBeDefined();
  expect(await done(each, store.get(keyOf("log", 1)))).not.toEqual(stored);
  expect(await done(each, store.get(keyOf("log", 1)))).toEqual(stored);
  expect(each.faults).toEqual(["rot"]);
});

test.each([
  [
    "a wrong bit",
    (each: Rig, seed: number) => each.disk.damage("rot", "log", new Rng(seed, ""), () => true),
  ],
  [
    "a batch that never was",
    (each: Rig, seed: number) => each.disk.loseBatch(new Rng(seed, ""), () => true),
  ],
] as const)(
  "%s in the journal is found by whoever opens it, then and ever after",
  async (_, spoil) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const each = journalRig(seed);
      await fill(each, await begun(each), 40);
      const before = termsOf(each);
      spoil(each, seed);
      each.disk.crash();
      expect(each.disk.foundAtOpen).toBeUndefined();
      for (let nth = 1; nth <= 2; nth += 1) {
        await expect(begun(each)).rejects.toMatchObject({ code: "RAFT_CORRUPT" });
        expect(each.faults).toHaveLength(nth);
        found.add(each.disk.foundAtOpen ?? "");
        each.disk.crash();
      }
      expect(new Set(each.faults)).toEqual(new Set(["damage"]));
      // It counts as written there, and as damaged.
      expect(termsOf(each)).toEqual(before);
      expect(each.disk.platter.holds({ term: 40, index: 40 })).toBe(false);
    }
    expect(found.size).toBeGreaterThan(5);
    expect(found).not.toContain("");
  },
);

test("a journal is not damaged where that may not be, or where nobody would notice", async () => {
  const each = journalRig(1);
  const life = await begun(each);
  await fill(each, life, 1);
  const asked: string[] = [];
  const spoil = (mayDamage: boolean): void =>
    each.disk.loseBatch(new Rng(1, ""), ([damage]) => {
      asked.push(damage?.key ?? "");
      return mayDamage;
    });
  spoil(true);
  crash(each, life);
  const second = await begun(each);
  expect(asked).toEqual([]);

  await done(each, second.store.batch(batchOf(2), { sync: true }));
  spoil(false);
  crash(each, second);
  await begun(each);
  expect(asked).toEqual(["batch 1 of the journal"]);
});
