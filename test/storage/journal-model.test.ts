/** The journal store against a naive model, on a disk that fails it wherever one may. */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RaftError } from "../../src/errors.ts";
import { keyOf } from "../../src/storage/layout.ts";
import type { OrderedStore, StoreOperation } from "../../src/storage/ordered-store.ts";
import { seededRandom } from "../support/random.ts";
import {
  contentOf,
  describe as describeModels,
  flipAny,
  isSame,
  JournalWorld,
} from "./journal-world.ts";
import type { Model, Trouble } from "./journal-world.ts";

/** What happens to the store. */
type Step =
  | { readonly type: "batch"; readonly changes: readonly Change[] }
  | {
      readonly type: "append";
      readonly count: number;
      readonly size: number;
      readonly keep: number;
    }
  | { readonly type: "overwrite"; readonly times: number; readonly size: number }
  | { readonly type: "settle" }
  | { readonly type: "restart"; readonly end: "close" | "kill" | "power" }
  | { readonly type: "trouble"; readonly troubles: readonly Trouble[] };

interface Change {
  readonly key: string;
  /** `undefined`: it is deleted. */
  readonly size: number | undefined;
}

const smallSizes = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 300, max: 1500 }));
/** Some have a file to themselves. */
const anySizes = fc.oneof(
  { weight: 9, arbitrary: smallSizes },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: 12_000 }) },
);

const keys = fc.oneof(
  fc.nat(20).map((number) => `long-lived/${number}`),
  fc.nat(5).map((number) => keyOf("run", number)),
  fc.string({ unit: "binary", minLength: 1, maxLength: 4 }),
);

const endings = fc.constantFrom("close" as const, "kill" as const, "power" as const);

const trouble: fc.Arbitrary<Trouble> = fc.record({
  on: fc.constantFrom("all", "names", "writes"),
  after: fc.oneof(fc.nat(3), fc.nat(12)),
  fault: fc.constantFrom("kill", "power", "kill", "power", "EIO", "ENOSPC"),
  end: endings,
});

function stepsWith(troubles: number, sizes = anySizes): fc.Arbitrary<readonly Step[]> {
  const size = fc.option(sizes, { nil: undefined, freq: 3 });
  return fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant("batch" as const),
          changes: fc.array(fc.record({ key: keys, size }), { maxLength: 8 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          type: fc.constant("append" as const),
          count: fc.integer({ min: 1, max: 20 }),
          size: sizes,
          keep: fc.nat(15),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          type: fc.constant("overwrite" as const),
          times: fc.integer({ min: 1, max: 30 }),
          size: sizes,
        }),
      },
      fc.record({ type: fc.constant("settle" as const) }),
      fc.record({ type: fc.constant("restart" as const), end: endings }),
      {
        weight: troubles,
        arbitrary: fc.record({
          type: fc.constant("trouble" as const),
          troubles: fc.array(trouble, { minLength: 1, maxLength: 4 }),
        }),
      },
    ),
    { maxLength: 30 },
  );
}

const worlds = fc.record({
  seed: fc.nat(),
  segmentBytes: fc.constantFrom(8192, 8192, 16_384),
  sectorBytes: fc.constantFrom(512, 512, 4096),
});

/** What is written tells one version of a key from every other. */
class Writer {
  readonly #world: JournalWorld;
  #written = 0;
  /** The entries of a log: those from `#first` to below `#next`. */
  #first = 1;
  #next = 1;

  constructor(world: JournalWorld) {
    this.#world = world;
  }

  async perform(step: Step): Promise<void> {
    const world = this.#world;
    switch (step.type) {
      case "batch":
        return void (await world.batch(step.changes.map((each) => this.#operation(each))));
      case "append":
        for (let nth = 0; nth < step.count; nth += 1) await this.#append(step.size, step.keep);
        return undefined;
      case "overwrite":
        for (let nth = 0; nth < step.times; nth += 1) {
          await world.batch([this.put(`overwritten/${nth % 3}`, step.size)]);
        }
        return undefined;
      case "settle":
        return await world.settle();
      case "restart":
        return await world.restart(step.end);
      case "trouble":
        return world.expect(step.troubles);
      default:
        throw new Error("no such step");
    }
  }

  put(key: string, size: number): StoreOperation {
    this.#written += 1;
    const value = Buffer.alloc(size, `${this.#written};`);
    return { type: "put", key, value };
  }

  #operation({ key, size }: Change): StoreOperation {
    return size === undefined ? { type: "del", key } : this.put(key, size);
  }

  /** As the log store does it: a marker for the one before it, and removals from the front. */
  async #append(size: number, keep: number): Promise<void> {
    const next = this.#next;
    this.#next += 1;
    const operations = [
      this.put(keyOf("log", next), size),
      this.put(keyOf("state", next), 65),
      { type: "del", key: keyOf("state", next - 1) } as const,
    ];
    while (this.#first < next - keep) {
      operations.push({ type: "del", key: keyOf("log", this.#first) });
      this.#first += 1;
    }
    await this.#world.batch(operations);
  }
}

describe("a journal store", () => {
  test("any batches, broken off at any call and opened again, leave what a naive model says", async () => {
    const property = fc.asyncProperty(worlds, stepsWith(6), async (options, steps) => {
      const world = new JournalWorld(options);
      const writer = new Writer(world);
      await world.open();
      for (const step of steps) await writer.perform(step);
      await world.finish();
    });
    // Rejects with the seed and the path that replay the failure.
    await expect(fc.assert(property, { numRuns: 500 })).resolves.toBeUndefined();
  });

  /** In so many, files are made, given up and used again. */
  const CALLS = 30;

  test("a crash at every call, and another at every call after it, take no acknowledged batch", async () => {
    for (const [first, second] of [
      ["kill", "power"],
      ["power", "kill"],
    ] as const) {
      for (let before = 0; before < CALLS; before += 1) {
        for (let between = 0; between < CALLS; between += 1) {
          const seed = before * CALLS + between;
          const world = new JournalWorld({ seed, segmentBytes: 8192 });
          const writer = new Writer(world);
          await world.open();
          await world.batch([writer.put("long-lived", 100)]);
          world.expect([
            { on: "all", after: before, fault: first, end: first },
            { on: "all", after: between, fault: second, end: second },
          ]);
          // A file takes two of these batches, and is given up two files later.
          for (let nth = 0; nth < 27; nth += 1) {
            await world.batch([writer.put(`overwritten/${nth % 2}`, 1900)]);
          }
          assert.equal(world.faults, 2);
          await world.finish();
        }
      }
    }
  });

  test("any bit that is wrong when it is opened costs the last batch, or is refused, or does no harm", async () => {
    const verdicts = { refused: 0, cut: 0, harmless: 0 };
    const property = fc.asyncProperty(worlds, stepsWith(0), async (options, steps) => {
      const world = new JournalWorld(options);
      const writer = new Writer(world);
      await world.open();
      for (const step of steps) await writer.perform(step);
      const before = world.model;
      await world.batch([writer.put("last", 10), writer.put("long-lived/1", 900)]);
      await world.close();
      const random = seededRandom(options.seed);
      for (let nth = 0; nth < FLIPS; nth += 1) {
        const disk = world.disk.copy();
        flipAny(disk, random);
        const verdict = await verdictOn(world.newStore(disk), world.model, before);
        verdicts[verdict] += 1;
      }
    });
    await expect(fc.assert(property, { numRuns: 60 })).resolves.toBeUndefined();
    expect(verdicts.refused).toBeGreaterThan(100);
    expect(verdicts.cut).toBeGreaterThan(20);
  });

  test("the files take twice the room of what is in use and a few more, whatever is overwritten and whoever crashes", async () => {
    const steps = stepsWith(4, smallSizes);
    const property = fc.asyncProperty(worlds, steps, smallSizes, async (options, before, size) => {
      const world = new JournalWorld({ ...options, segmentBytes: 16_384 });
      const writer = new Writer(world);
      await world.open();
      for (const step of before) await writer.perform(step);
      world.calm();
      await world.restart();
      const found = world.disk.totalBytes;
      // So much that every file was written to twice.
      for (let written = 0; written < 3 * found; written += size + 60) {
        await world.batch([writer.put(`overwritten/${written % 3}`, size)]);
      }
      await world.settle();
      expect(world.disk.totalBytes).toBeLessThan(2 * world.liveBytes + 8 * 16_384);
      expect([...world.disk.files.keys()]).not.toContain("unfinished");
      await world.finish();
    });
    await expect(fc.assert(property, { numRuns: 200 })).resolves.toBeUndefined();
  });

  test("a read that is under way while files are given up and used again gives what the key held meanwhile", async () => {
    let held = 0;
    const property = fc.asyncProperty(worlds, stepsWith(0), async (options, steps) => {
      const world = new JournalWorld(options);
      const writer = new Writer(world);
      await world.open();
      const random = seededRandom(options.seed);
      world.disk.decide = ({ type }) => {
        if (type !== "read" || random() < 0.3) return { type: "done" };
        held += 1;
        return { type: "held" };
      };
      const reads: Read[] = [];
      for (const step of steps) {
        for (const key of [...world.model.keys()].slice(0, 5)) {
          reads.push({ key, begun: world.history.length - 1, value: world.store.get(key) });
        }
        if (step.type !== "restart") await writer.perform(step);
        if (random() < 0.3) await ended(world, reads);
      }
      await ended(world, reads);
      await world.close();
    });
    await expect(fc.assert(property, { numRuns: 200 })).resolves.toBeUndefined();
    expect(held).toBeGreaterThan(500);
  });
});

interface Read {
  readonly key: string;
  /** How many batches there had been. */
  readonly begun: number;
  readonly value: Promise<Uint8Array | undefined>;
}

/** All of them are. */
async function ended(world: JournalWorld, reads: Read[]): Promise<void> {
  world.disk.release();
  for (const { key, begun, value } of reads.splice(0)) {
    const bytes = await value;
    const found = bytes === undefined ? undefined : Buffer.from(bytes).toString();
    expect(world.history.slice(begun).map((model) => model.get(key)?.toString())).toContain(found);
  }
}

/** Copies of a disk with one bit wrong, of each that is looked at. */
const FLIPS = 40;

async function verdictOn(
  store: OrderedStore,
  whole: Model,
  cut: Model,
): Promise<"refused" | "cut" | "harmless"> {
  try {
    await store.open();
    const found = await contentOf(store);
    if (isSame(found, whole)) return "harmless";
    assert.ok(isSame(found, cut), describeModels(found, [whole, cut]));
    return "cut";
  } catch (error) {
    assert.ok(error instanceof RaftError && error.code === "RAFT_CORRUPT", String(error));
    return "refused";
  } finally {
    await store.close();
  }
}
