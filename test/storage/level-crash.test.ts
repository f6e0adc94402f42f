/**
 * Whether `level` keeps what the seam promises (see `ordered-store`): real processes, killed in the middle of a write; the
 * journal cut where a power failure may cut it; and bits flipped anywhere in it, to see what the log store makes of that.
 */

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LevelOrderedStore, levelStorage } from "../../src/storage/level.ts";
import { Rng } from "../../sim/random.ts";
import { commands, hard, identity, write } from "./support.ts";

/** `SEED=... npx vitest run test/storage/level-crash` repeats sizes, cuts and flips, if not the schedule of the machine. */
const seed = Number(process.env["SEED"] ?? randomInt(1_000_000));
const ROUNDS = 8;
const CUTS = 4;
const PARTS = 5;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quorate-crash-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const MODULE = new URL("../../dist/src/storage/level.js", import.meta.url).href;

/**
 * Writes numbered batches for ever: each has its parts, removes the marker of the one before it, and is synced where its
 * number says so. For each that is done it tells the number and how long which journal is.
 */
const WRITER = `
  import { readdirSync, statSync, writeSync } from "node:fs";
  import { join } from "node:path";
  import { LevelOrderedStore } from ${JSON.stringify(MODULE)};
  const [folder, first, bytes, syncEvery] = process.argv.slice(1);
  const store = new LevelOrderedStore(folder);
  await store.open();
  for (let n = Number(first); ; n += 1) {
    const operations = Array.from({ length: ${PARTS} }, (_, part) => ({
      type: "put",
      key: "part/" + n + "/" + part,
      value: Buffer.alloc(Number(bytes), n % 251),
    }));
    operations.push({ type: "put", key: "last", value: Buffer.from(String(n)) });
    operations.push({ type: "put", key: "marker/" + n, value: Buffer.from("") });
    operations.push({ type: "del", key: "marker/" + (n - 1) });
    const sync = n % Number(syncEvery) === 0;
    await store.batch(operations, { sync });
    const journal = readdirSync(folder).filter((name) => name.endsWith(".log")).sort().at(-1);
    writeSync(1, [n, sync, journal, statSync(join(folder, journal)).size].join(" ") + "\\n");
  }`;

interface Acknowledged {
  last: number;
  lastSynced: number;
  /** Where the journal ended when that was told. */
  synced: { readonly journal: string; readonly size: number } | undefined;
}

/** Lets a process write from batch `first` on, and kills it when it has told of `count` more. */
async function writeAndKill(
  path: string,
  first: number,
  { count, bytes, syncEvery }: { count: number; bytes: number; syncEvery: number },
): Promise<Acknowledged> {
  const args = ["--input-type=module", "-e", WRITER, path, `${first}`, `${bytes}`, `${syncEvery}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const seen: Acknowledged = { last: first - 1, lastSynced: 0, synced: undefined };
  for await (const line of createInterface({ input: child.stdout })) {
    const [n = "", sync, journal = "", size = ""] = line.split(" ");
    seen.last = Number(n);
    if (sync === "true") {
      seen.lastSynced = Number(n);
      seen.synced = { journal, size: Number(size) };
    }
    if (Number(n) - first === count) child.kill("SIGKILL");
  }
  expect((await exit)[1]).toBe("SIGKILL");
  return seen;
}

/** The last batch in the store, which holds it and all before it whole, and nothing beyond. */
async function verifiedLast(path: string, sizes: readonly number[]): Promise<number> {
  const store = new LevelOrderedStore(path);
  await store.open();
  try {
    const last = Number(Buffer.from((await store.get("last")) ?? []).toString());
    const keys = await store.keys({ gte: "part/", lt: "part0", limit: 1_000_000 });
    const expected = Array.from({ length: last * PARTS }, (_, at) => {
      return `part/${Math.floor(at / PARTS) + 1}/${at % PARTS}`;
    });
    expect(keys.toSorted()).toEqual(expected.toSorted());
    for (const [at, bytes] of sizes.slice(0, last).entries()) {
      const value = await store.get(`part/${at + 1}/${PARTS - 1}`);
      const whole = Buffer.alloc(bytes, (at + 1) % 251);
      expect(Buffer.compare(value ?? Buffer.of(), whole), `batch ${at + 1}`).toBe(0);
    }
    const markers = await store.keys({ gte: "marker/", lt: "marker0", limit: 10 });
    expect(markers).toEqual(last === 0 ? [] : [`marker/${last}`]);
    return last;
  } finally {
    await store.close();
  }
}

async function journalOf(path: string): Promise<string> {
  const journals = (await readdir(path)).filter((name) => name.endsWith(".log"));
  return journals.toSorted((a, b) => a.localeCompare(b)).at(-1) ?? "";
}

test(`SIGKILL leaves a prefix of the batches, each whole, with all that was acknowledged (seed ${seed})`, async () => {
  const rng = new Rng(seed, "level kills");
  const path = join(folder, "level");
  const sizes: number[] = [];
  let cutOff = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = rng.pick([10, 1000, 30_000]);
    // In the first nothing is synced, so that there is something to cut off.
    const syncEvery = round === 0 ? 1000 : rng.pick([1, 3, 20]);
    const count = rng.between(5, 80);
    const acknowledged = await writeAndKill(path, sizes.length + 1, { count, bytes, syncEvery });
    // One more may have been handed over.
    while (sizes.length <= acknowledged.last) sizes.push(bytes);

    // A power failure takes what was not synced: the journal ends anywhere behind what was.
    const journal = await journalOf(path);
    const { synced } = acknowledged;
    const { size } = await stat(join(path, journal));
    for (let nth = 0; nth < CUTS; nth += 1) {
      const copy = join(folder, `copy ${round} ${nth}`);
      await cp(path, copy, { recursive: true });
      const floor = synced?.journal === journal ? synced.size : 0;
      await truncate(join(copy, journal), rng.between(floor, size));
      const last = await verifiedLast(copy, sizes);
      expect(last).toBeGreaterThanOrEqual(acknowledged.lastSynced);
      if (last < acknowledged.last) cutOff += 1;
      await rm(copy, { recursive: true });
    }

    // A killed process takes nothing with it: the operating system has it all.
    const last = await verifiedLast(path, sizes);
    expect([acknowledged.last, acknowledged.last + 1]).toContain(last);
    sizes.length = last;
  }
  // Otherwise the cuts have tested nothing.
  expect(cutOff).toBeGreaterThan(0);
}, 120_000);

/** A life of forty writes of one entry each, with a new term and a vote in every tenth; killed, not closed. */
async function life(path: string): Promise<string> {
  const storage = levelStorage(path);
  await storage.open(identity);
  for (let n = 1; n <= 40; n += 1) {
    const term = Math.ceil(n / 10);
    const hardState = n % 10 === 1 ? { hardState: hard(term, "a") } : {};
    const entries = commands(n, n, term, `${n}`.repeat(300));
    await storage.write(write(n, { ...hardState, entries }));
  }
  const copy = join(folder, "life");
  // A copy of the folder as it stands is what a killed process leaves.
  await cp(path, copy, { recursive: true });
  await storage.close();
  return copy;
}

async function flipBit(path: string, bit: number): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bit / 8);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  await writeFile(path, bytes);
}

describe("any bit flipped in the journal", () => {
  test("level opens, and batches are missing from the middle", async () => {
    const path = join(folder, "level");
    const store = new LevelOrderedStore(path);
    await store.open();
    const value = Buffer.alloc(2000, 7);
    for (let n = 10; n < 50; n += 1) {
      await store.batch([{ type: "put", key: `${n}`, value }], { sync: true });
    }
    await cp(path, join(folder, "copy"), { recursive: true });
    await store.close();
    const copy = join(folder, "copy");
    const journal = join(copy, await journalOf(copy));
    await flipBit(journal, Math.floor((await stat(journal)).size / 2) * 8);

    const damaged = new LevelOrderedStore(copy);
    await damaged.open();
    const keys = await damaged.keys({ gte: "1", lt: "9", limit: 100 });
    await damaged.close();

    // Of forty batches that were acknowledged; no error was raised anywhere. Why the store numbers its own.
    expect(keys[0]).toBe("10");
    expect(keys.length).toBeLessThan(40);
    expect(keys.at(-1)).toBe("49");
  });

  test(`rule 71: is reported, or costs the end of the log and never term or vote (seed ${seed})`, async () => {
    const origin = await life(join(folder, "data"));
    const journal = await journalOf(join(origin, "level"));
    const { size } = await stat(join(origin, "level", journal));
    const rng = new Rng(seed, "level flips");
    const verdicts = { reported: 0, cut: 0, whole: 0 };
    for (let nth = 0; nth < 60; nth += 1) {
      const copy = join(folder, `flip ${nth}`);
      await cp(origin, copy, { recursive: true });
      // The last record gets a third of the flips: there damage looks like a torn write.
      const at = nth % 3 === 0 ? rng.between(size - 600, size - 1) : rng.below(size);
      await flipBit(join(copy, "level", journal), at * 8 + rng.below(8));
      const storage = levelStorage(copy);
      try {
        const { state } = await storage.open(identity);
        const entries = await storage.readEntries({ from: 1, to: 40, maxBytes: 1_000_000 });
        expect(state.hardState).toEqual(hard(4, "a"));
        expect(entries.map(({ index }) => index)).toEqual(
          Array.from({ length: state.lastIndex }, (_, before) => before + 1),
        );
        for (const entry of entries) {
          const [written] = commands(entry.index, entry.index, Math.ceil(entry.index / 10));
          expect(entry.term).toBe(written?.term);
          expect(entry.kind === "command" && Buffer.from(entry.payload).toString()).toBe(
            `${entry.index}`.repeat(300),
          );
        }
        verdicts[state.lastIndex === 40 ? "whole" : "cut"] += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: "RAFT_CORRUPT" });
        verdicts.reported += 1;
      } finally {
        await storage.close();
      }
      await rm(copy, { recursive: true });
    }
    expect(verdicts.reported).toBeGreaterThan(20);
    expect(verdicts.cut).toBeGreaterThan(0);
  });
});
