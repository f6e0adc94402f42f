/** What the simulated disk does to those who trust it. */

import { describe, expect, test } from "vitest";
import { putMarker } from "../../src/storage/layout.ts";
import { batch, MODEL, put, read, rig } from "./support/disk-rig.ts";

describe("a batch", () => {
  test("is neither there nor done before its time", async () => {
    const each = rig();
    let isDone = false;
    void batch(each, [put("a", "1")], true).then(() => (isDone = true));

    await each.scheduler.run(50);

    expect(isDone).toBe(false);
    await each.scheduler.run(200);
    expect(isDone).toBe(true);
    expect(await read(each, "a")).toBe("1");
  });

  test("that was synced survives every crash", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const each = rig(seed);
      void batch(each, [put("a", "1")], true);
      await each.scheduler.run(1000);
      expect(each.disk.crash()).toBe(0);
      expect(await read(each, "a")).toBe("1");
    }
  });

  test("under way is kept whole by some crashes and lost whole by others", async () => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const each = rig(seed);
      void batch(each, [put("a", "1"), put("b", "1")], true);
      each.actor.isAlive = false;
      each.disk.crash();
      found.add(`${await read(each, "a")} ${await read(each, "b")}`);
    }
    expect([...found].toSorted()).toEqual(["1 1", "undefined undefined"]);
  });

  test("of those that were not synced, a crash keeps a prefix", async () => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const each = rig(seed);
      for (const text of ["1", "2", "3"]) {
        void batch(each, [put("a", text), put(text, "there")], false);
        await each.scheduler.run(each.scheduler.nowUs + 1000);
      }
      each.disk.crash();
      const kept = await Promise.all(["1", "2", "3"].map(async (key) => await read(each, key)));
      found.add(`${await read(each, "a")}: ${kept.filter((value) => value !== undefined).length}`);
    }
    expect([...found].toSorted()).toEqual(["1: 1", "2: 2", "3: 3", "undefined: 0"]);
  });

  test("that is told to fail does so once, applied or not", async () => {
    for (const kind of ["kept", "lost"] as const) {
      const each = rig();
      each.disk.device.failNext({ code: "EIO", batch: kind });
      const failing = batch(each, [put("a", "1")], true).catch((error: unknown) => String(error));
      await each.scheduler.run(1000);
      expect(await failing).toContain("EIO");
      expect(each.faults).toEqual(["failure", "told"]);
      expect(await read(each, "a")).toBe(kind === "kept" ? "1" : undefined);
    }
  });

  test("whose sync fails is shown, and lost in every crash, whatever is synced after it", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const each = rig(seed);
      each.disk.device.failNext({ code: "EIO", batch: "dropped" });
      const failing = batch(each, [put("a", "1")], true).catch((error: unknown) => String(error));
      await each.scheduler.run(1000);
      expect(await failing).toContain("EIO");
      expect(await read(each, "a")).toBe("1");
      let isDone = false;
      void batch(each, [put("b", "1")], true).then(() => (isDone = true));
      await each.scheduler.run(each.scheduler.nowUs + 1000);
      expect(isDone).toBe(true);
      each.disk.crash();
      expect([await read(each, "a"), await read(each, "b")]).toEqual([undefined, undefined]);
    }
  });

  test("fails on a full disk until there is room, and leaves nothing", async () => {
    const each = rig();
    each.disk.device.fillUntil(1_500_000);
    for (const outcome of ["ENOSPC", "ENOSPC", "done"]) {
      const writing = batch(each, [put("a", "1")], true).then(
        () => "done",
        (error: unknown) => String(error),
      );
      await each.scheduler.run(each.scheduler.nowUs + 300);
      expect(await writing).toContain(outcome);
      expect(await read(each, "a")).toBe(outcome === "done" ? "1" : undefined);
    }
  });

  test("waits for a disk that stalls, and takes longer on a slow one", async () => {
    const each = rig();
    each.disk.device.stalledUntilUs = 5000;
    let doneUs = 0;
    void batch(each, [put("a", "1")], true).then(() => (doneUs = each.scheduler.nowUs));
    await each.scheduler.run(10_000);
    expect(doneUs).toBeGreaterThanOrEqual(5000);

    each.disk.device.slowness = 100;
    const beginUs = each.scheduler.nowUs;
    void batch(each, [put("a", "2")], true).then(() => (doneUs = each.scheduler.nowUs));
    await each.scheduler.run(100_000);
    expect(doneUs - beginUs).toBeGreaterThanOrEqual(100 * MODEL.syncMinUs);
  });

  test("of a process that is dead is never heard of", async () => {
    const each = rig();
    let isDone = false;
    void batch(each, [put("a", "1")], true).then(() => (isDone = true));
    each.actor.isAlive = false;
    each.disk.crash();
    await each.scheduler.run(10_000);
    expect(isDone).toBe(false);
  });
});

test("a read that is told to fail does so once, and so does a save of the guard", async () => {
  const each = rig();
  const { store, guard } = each.disk.openFor(each.actor);
  const outcomes: string[] = [];
  const note = (what: Promise<unknown>): void =>
    void what.then(
      () => outcomes.push("done"),
      (error: unknown) => outcomes.push(String(error)),
    );
  each.disk.device.failNextRead();
  each.disk.device.failNextGuard();
  for (const nth of [1, 2]) {
    note(store.get("a"));
    note(guard.save({ watermark: nth, currentTerm: 1, votedFor: undefined }));
    await each.scheduler.run(each.scheduler.nowUs + 1000);
  }
  expect(outcomes.map((text) => text.includes("EIO"))).toEqual([true, true, false, false]);
  // Only who has written has to keep silent from then on.
  expect(each.faults).toEqual(["failure", "failure", "told"]);
});

test("bit rot changes one bit of one record of the log that is read, and nothing that is stored", async () => {
  const each = rig();
  void each.disk.openFor(each.actor).store.batch([put("x", "1")], { sync: true });
  await each.scheduler.run(1000);
  void batch(each, [put("00000000/chunk/00000000000001/00", "abc")], false);
  await each.scheduler.run(2000);

  each.disk.rotNext();
  expect(await read(each, "x")).toBe("1");
  expect(await read(each, "00000000/chunk/00000000000001/00")).not.toBe("abc");
  expect(await read(each, "00000000/chunk/00000000000001/00")).toBe("abc");
  expect(each.faults).toEqual(["rot"]);
});

test("the platter knows what is durable and nothing else", async () => {
  const each = rig();
  const marker = putMarker({
    number: 1,
    hardState: { currentTerm: 7, votedFor: "n1", commitIndex: 0 },
    compacted: { term: 0, index: 0 },
    lastIndex: 0,
    snapshot: 0,
    runs: 0,
    configurations: 0,
  });
  void batch(each, [marker], false);
  await each.scheduler.run(1000);
  expect(each.disk.platter.hardState.currentTerm).toBe(0);
  void batch(each, [], true);
  await each.scheduler.run(2000);
  expect(each.disk.platter.hardState).toEqual({ currentTerm: 7, votedFor: "n1", commitIndex: 0 });
});
