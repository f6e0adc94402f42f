/** A journal store on a faulty disk beside the naive model: a map that is copied at each batch. */

import assert from "node:assert/strict";
import { RaftError } from "../../src/errors.ts";
import type { OrderedStore, StoreOperation } from "../../src/storage/ordered-store.ts";
import { JournalStore } from "../../src/storage/journal/store.ts";
import { FaultyDisk } from "../support/faulty-folder.ts";
import type { Call, Crash, Fate } from "../support/faulty-folder.ts";
import { seededRandom } from "../support/random.ts";

/** Values by key. */
export type Model = ReadonlyMap<string, Buffer>;

export interface WorldOptions {
  readonly seed: number;
  readonly segmentBytes: number;
  readonly sectorBytes?: number;
}

/** A fault that comes so many calls after the one before it, and how the process ends where the fault does not end it. */
export interface Trouble {
  /** Which calls count. */
  readonly on: "all" | "names" | "writes";
  readonly after: number;
  readonly fault: "kill" | "power" | "EIO" | "ENOSPC";
  readonly end: Crash | "close";
}

const COUNTED: Readonly<Record<Trouble["on"], ReadonlySet<Call["type"]>>> = {
  all: new Set(["list", "create", "open-file", "rename", "remove", "write", "read"]),
  names: new Set(["create", "rename", "remove"]),
  writes: new Set(["write"]),
};

const FOREVER = 1_000_000;
const EVERYTHING = { gte: "", lt: "\uffff\uffff\uffff\uffff", limit: FOREVER };

export class JournalWorld {
  readonly disk: FaultyDisk;
  readonly #options: WorldOptions;
  readonly #random: () => number;
  #store: OrderedStore;
  /** What may be found: what the last acknowledged batch has left, and what the one that failed would have. */
  #models: readonly [Model, ...Model[]] = [new Map()];
  /** What it was after each batch that was acknowledged. */
  readonly history: Model[] = [new Map()];
  #troubles: Trouble[] = [];
  #calm = 0;
  /** How the process is to end, once a fault has come to it: until then nothing may fail. */
  #end: Trouble["end"] | undefined;
  /** Faults that have come. */
  faults = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.disk = new FaultyDisk(this.#random, options.sectorBytes);
    this.disk.decide = (call) => this.#fate(call);
    this.#store = this.newStore();
  }

  get store(): OrderedStore {
    return this.#store;
  }

  /** What the store holds. */
  get model(): Model {
    return this.#models.at(-1) ?? this.#models[0];
  }

  get liveBytes(): number {
    let bytes = 0;
    for (const [key, value] of this.model) bytes += Buffer.byteLength(key) + value.length;
    return bytes;
  }

  newStore(disk = this.disk): OrderedStore {
    const { segmentBytes } = this.#options;
    return new JournalStore(disk.folder(), { segmentBytes, random: this.#random });
  }

  /** They are added to those that are still to come. */
  expect(troubles: readonly Trouble[]): void {
    this.#troubles.push(...troubles);
  }

  /** Until it is open and has shown what is there, however often it fails on the way. */
  async open(): Promise<void> {
    for (;;) {
      try {
        await this.#store.open();
        const found = await contentOf(this.#store);
        const model = this.#models.find((each) => isSame(each, found));
        assert.ok(model !== undefined, describe(found, this.#models));
        this.#models = [model];
        return;
      } catch (error) {
        this.#mustBeInjected(error);
      }
      await this.#renew();
    }
  }

  /** Whether it was acknowledged. */
  async batch(operations: readonly StoreOperation[]): Promise<boolean> {
    const next = changed(this.model, operations);
    this.#models = [this.model, next];
    try {
      await this.#store.batch(operations, { sync: true });
      this.#models = [next];
      this.history.push(next);
      return true;
    } catch (error) {
      this.#mustBeInjected(error);
    }
    await this.restart();
    return false;
  }

  async restart(end: Crash | "close" = "close"): Promise<void> {
    this.#end ??= end;
    await this.#renew();
    await this.open();
  }

  /** What goes on in the background has come to its end. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** No trouble is to come any more. */
  calm(): void {
    this.#troubles = [];
  }

  async close(): Promise<void> {
    await this.#store.close();
    assert.equal(this.disk.openFiles, 0, "files were left open");
    assert.deepEqual(this.disk.violations, []);
  }

  async finish(): Promise<void> {
    this.calm();
    await this.restart("power");
    await this.close();
  }

  async #renew(): Promise<void> {
    const end = this.#end ?? "close";
    if (end !== "close") {
      // It may have come in the middle of a call.
      if (this.disk.isOpen) this.disk.crash(end);
    } else {
      await this.close();
    }
    this.#end = undefined;
    this.#store = this.newStore();
  }

  /** Damage that nobody has done is never found. */
  #mustBeInjected(error: unknown): void {
    const isCorrupt = error instanceof RaftError && error.code === "RAFT_CORRUPT";
    if (error instanceof assert.AssertionError || isCorrupt || this.#end === undefined) throw error;
  }

  #fate({ type }: Call): Fate {
    const [trouble] = this.#troubles;
    if (trouble === undefined || !COUNTED[trouble.on].has(type)) return { type: "done" };
    this.#calm += 1;
    if (this.#calm <= trouble.after) return { type: "done" };
    this.#troubles.shift();
    this.#calm = 0;
    this.faults += 1;
    const { fault, end } = trouble;
    if (fault === "kill" || fault === "power") {
      this.#end = fault;
      return { type: "crash", how: fault };
    }
    this.#end ??= end;
    return { type: "fails", code: fault };
  }
}

function changed(model: Model, operations: readonly StoreOperation[]): Model {
  const next = new Map(model);
  for (const operation of operations) {
    if (operation.type === "put") next.set(operation.key, Buffer.from(operation.value));
    else next.delete(operation.key);
  }
  return next;
}

/** By every way of reading. */
export async function contentOf(store: OrderedStore): Promise<Model> {
  const records = await store.range(EVERYTHING);
  const keys = records.map(({ key }) => key);
  assert.deepEqual(await store.keys(EVERYTHING), keys);
  assert.deepEqual(await store.keys({ ...EVERYTHING, reverse: true }), keys.toReversed());
  const content = new Map(records.map(({ key, value }) => [key, Buffer.from(value)]));
  const middle = keys[Math.floor(keys.length / 2)];
  if (middle !== undefined) {
    assert.deepEqual(Buffer.from((await store.get(middle)) ?? []), content.get(middle));
    const before = await store.keys({ ...EVERYTHING, lt: middle, reverse: true, limit: 1 });
    assert.deepEqual(before, keys.slice(0, keys.indexOf(middle)).slice(-1));
  }
  return content;
}

/** One bit of any file is wrong: half the time of what is not zero. */
export function flipAny(disk: FaultyDisk, random: () => number): void {
  const pick = (below: number): number => Math.floor(random() * below);
  const names = [...disk.files.keys()];
  const name = names[pick(names.length)] ?? "";
  const bytes = disk.bytesOf(name);
  const written = [...bytes.keys()].filter((at) => bytes[at] !== 0);
  const at = (random() < 0.5 ? undefined : written[pick(written.length)]) ?? pick(bytes.length);
  disk.flip(name, at * 8 + pick(8));
}

export function isSame(one: Model, other: Model): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([key, value]) => other.get(key)?.equals(value) === true);
}

export function describe(found: Model, expected: readonly Model[]): string {
  const all = expected.map(shownModel).join("\n  ");
  return `found\n  ${shownModel(found)}\nexpected one of\n  ${all}\n`;
}

function shownModel(model: Model): string {
  const keys = [...model.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  return keys
    .map((key) => `${key}=${model.get(key)?.length}:${model.get(key)?.subarray(0, 8).toString()}`)
    .join(" ");
}
