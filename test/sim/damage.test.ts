/** Damage that stays on a simulated disk, and how much of it there may be. */

import { describe, expect, test } from "vitest";
import type { EntryId } from "../../src/core/types.ts";
import type { StoreOperation } from "../../src/storage/ordered-store.ts";
import { canSpare } from "../../sim/damage-budget.ts";
import { DAMAGE_KINDS } from "../../sim/damage.ts";
import type { Damage, DamageKind } from "../../sim/damage.ts";
import { Rng } from "../../sim/random.ts";
import { Ghost } from "../../sim/safety/ghost.ts";
import { commands } from "../storage/support.ts";
import { batch, logOf, put, read, rig, textOf, written } from "./support/disk-rig.ts";

const NONE = ["", undefined] as const;

const always = (): boolean => true;

function bytesOf(operations: readonly StoreOperation[], key: string): string | undefined {
  return operations
    .flatMap((each) => (each.type === "put" && each.key === key ? [textOf(each.value)] : []))
    .at(0);
}

const lost = (index: number): Damage => ({
  key: "k",
  how: "gone",
  entries: [{ term: 1, index }],
});

async function three(lengths: readonly number[]): Promise<Ghost> {
  const rigs = lengths.map(() => rig());
  for (const [at, length] of lengths.entries()) {
    const each = rigs[at];
    if (each !== undefined) await written(each, logOf(Array.from({ length }, () => 1)));
  }
  const views = rigs.map(({ disk }, slot) => ({
    slot,
    id: `n${slot + 1}`,
    platter: disk.platter,
  }));
  const ghost = new Ghost(
    views,
    () => undefined,
    () => 0,
  );
  for (const entry of commands(1, 2)) ghost.golden.push({ entry, commitTerm: 1, step: 0 });
  return ghost;
}

const ids = (terms: readonly number[]): EntryId[] =>
  terms.map((term, at) => ({ term, index: at + 1 }));

describe("damage", () => {
  test.each(DAMAGE_KINDS)("of the kind %s is on the disk until it is overwritten", async (how) => {
    const each = rig();
    await written(each, logOf([1, 1, 1]));
    await written(each, logOf([2, 2, 2]));
    const { platter } = each.disk;

    const damages = each.disk.damage(how, "log", new Rng(1, "damage"), always) ?? [];

    expect(damages).toHaveLength(how === "misdirected" ? 2 : 1);
    for (const { key, entries } of damages) {
      const [id = { term: 0, index: 0 }] = entries === "all" ? [] : entries;
      expect(platter.holds(id)).toBe(false);
      expect(platter.damageTo(id)?.key).toBe(key);
      each.faults.length = 0;
      expect(await read(each, key)).toBe(await read(each, key));
      expect(each.faults).toEqual(["damage", "damage"]);
    }
    const gone = damages.reduce((sum, { entries }) => sum + entries.length, 0);
    expect(ids([2, 2, 2]).filter((id) => platter.holds(id))).toHaveLength(3 - gone);

    await written(each, logOf([3, 3, 3]));
    expect(platter.damaged.size).toBe(0);
    expect(ids([3, 3, 3]).every((id) => platter.holds(id))).toBe(true);
  });

  test("is what each kind says", async () => {
    const now = logOf([2, 2]);
    const found = async (how: DamageKind): Promise<(readonly [string, string | undefined])[]> => {
      const each = rig();
      await written(each, logOf([1, 1]));
      await written(each, now);
      const damages = each.disk.damage(how, "log", new Rng(1, "damage"), always) ?? [];
      const pairs: (readonly [string, string | undefined])[] = [];
      for (const { key } of damages) pairs.push([key, await read(each, key)]);
      return pairs;
    };

    const [[goneKey, gone] = NONE] = await found("gone");
    expect(gone).toBeUndefined();
    expect(await found("stale")).toEqual([[goneKey, bytesOf(logOf([1, 1]), goneKey)]]);
    const [[, rotten] = NONE] = await found("rot");
    expect(rotten).not.toBe(bytesOf(now, goneKey));
    expect(rotten?.length).toBe(bytesOf(now, goneKey)?.length);
    const [[from, left] = NONE, [, hit] = NONE] = await found("misdirected");
    expect([left, hit]).toEqual([undefined, bytesOf(now, from)]);
  });

  test("spares what is not to be damaged, and what is under way", async () => {
    const each = rig();
    await written(each, logOf([1, 1, 1]));
    expect(each.disk.damage("gone", "log", new Rng(1, "damage"), () => false)).toBeUndefined();
    expect(each.disk.damage("gone", "snapshot", new Rng(1, "damage"), always)).toBeUndefined();
    void batch(each, logOf([2, 2, 2]), true);
    expect(each.disk.damage("gone", "log", new Rng(1, "damage"), always)).toBeUndefined();
  });

  test("of a batch undoes it, and what later batches wrote stays", async () => {
    const each = rig();
    each.disk.openFor(each.actor);
    const { store } = each.disk.openFor(each.actor);
    for (const key of ["1", "2", "3"]) {
      void store.batch([put(key, "there"), put("last", key)], { sync: true });
      await each.scheduler.run(each.scheduler.nowUs + 1000);
    }
    each.disk.loseBatch(new Rng(1, "damage"), always);
    each.disk.crash();
    const there = await Promise.all(["1", "2", "3"].map(async (key) => await read(each, key)));
    expect(there.filter((value) => value === undefined)).toHaveLength(1);
    expect(there[2]).toBe("there");
    expect(await read(each, "last")).toBe("3");
    expect(each.disk.foundAtOpen).toContain("batch");
  });

  test("of a batch spares the last: that it was ever there nobody could know", async () => {
    const each = rig();
    const { store } = each.disk.openFor(each.actor);
    void store.batch([put("last", "1")], { sync: true });
    await each.scheduler.run(1000);
    each.disk.loseBatch(new Rng(1, "damage"), always);
    each.disk.crash();
    expect(await read(each, "last")).toBe("1");
    expect(each.disk.foundAtOpen).toBeUndefined();
  });

  test("of the guard keeps it from being read, until a slot is written anew", async () => {
    for (const how of ["rot", "gone"] as const) {
      const each = rig();
      await written(each, logOf([1]));
      const { guard } = each.disk.openFor(each.actor);
      const record = { watermark: 1, currentTerm: 1, votedFor: undefined };
      const load = async (): Promise<unknown> => {
        const loading = guard.load().catch((error: unknown) => String(error));
        await each.scheduler.run(each.scheduler.nowUs + 1000);
        return await loading;
      };
      const save = async (): Promise<void> => {
        void guard.save(record);
        await each.scheduler.run(each.scheduler.nowUs + 1000);
      };
      expect(each.disk.damage(how, "guard", new Rng(1, "damage"), always)).toBeUndefined();
      await save();
      expect(each.disk.damage(how, "guard", new Rng(1, "damage"), always)).toHaveLength(1);
      expect(await load()).toEqual(how === "gone" ? undefined : expect.stringContaining("guard"));
      expect(each.faults).toEqual(["damage"]);
      await save();
      expect(await load()).toEqual(how === "gone" ? undefined : record);
    }
  });

  test("that open is bound to find is told apart from what only a reader finds", async () => {
    const found = new Map<string, boolean>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const each = rig();
      await written(each, logOf([1, 1, 1]));
      const damages = each.disk.damage("gone", "log", new Rng(seed, "damage"), always) ?? [];
      each.disk.openFor(each.actor);
      found.set(JSON.stringify(damages[0]?.entries), each.disk.foundAtOpen !== undefined);
    }
    expect([...found.values()].filter((isFound) => !isFound)).toHaveLength(1);
    expect(found.get(JSON.stringify([{ term: 1, index: 2 }]))).toBe(false);
  });
});

describe("the budget of damage", () => {
  test("spares what is on a quorum of the other disks, or not committed", async () => {
    const ghost = await three([3, 2, 1]);
    expect(canSpare(ghost, () => false, 0, [lost(1)])).toBe(true);
    expect(canSpare(ghost, () => false, 0, [lost(2)])).toBe(false);
    expect(canSpare(ghost, () => false, 0, [lost(3)])).toBe(true);
    expect(canSpare(ghost, () => false, 2, [{ ...lost(1), entries: "all" }])).toBe(true);
    expect(canSpare(ghost, () => false, 0, [{ ...lost(1), entries: "all" }])).toBe(false);
  });

  test("leaves a quorum of nodes undamaged", async () => {
    const ghost = await three([2, 2, 2]);
    expect(canSpare(ghost, (slot) => slot === 0, 0, [lost(1)])).toBe(true);
    expect(canSpare(ghost, (slot) => slot === 1, 0, [lost(1)])).toBe(false);
  });
});
