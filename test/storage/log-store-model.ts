/** A log store beside the naive model: arrays that are copied at each write. */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import type {
  Entry,
  EntryId,
  HardState,
  LoggedConfiguration,
  SnapshotMeta,
  Write,
} from "../../src/core/types.ts";
import { LogStore } from "../../src/storage/log-store.ts";
import type { Guard } from "../../src/storage/guard.ts";
import type { OrderedStore } from "../../src/storage/ordered-store.ts";
import type { OpenedStorage } from "../../src/storage/storage.ts";
import { emptySnapshot } from "../../src/storage/storage.ts";
import { FaultyOrderedStore } from "../../src/testing/faulty-store.ts";
import { bootstrap, command, configuration, identity, write } from "./support.ts";

/** What a storage is to hold after some number of writes. */
interface Model {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  readonly compacted: EntryId;
  /** All from `compacted.index + 1`. */
  readonly entries: readonly Entry[];
}

/** What outlives the storage on it. */
export interface ModelDisk {
  /** A handle, cut off by the next crash; so is that of the guard. */
  orderedStore(): OrderedStore;
  guard(): Guard;
  /** Of the batches that are not synced, the first `keep` are there. */
  crash(keep: number): void;
}

/** What happens to the storage, in terms of what is there at that moment. */
export type Step =
  | { type: "append"; count: number; newTerm: boolean; change: boolean; size: number }
  | { type: "truncate"; back: number; count: number }
  | { type: "vote"; votedFor: string | undefined }
  | { type: "snapshot"; at: number; keep: number }
  | { type: "install"; beyond: number; conflict: boolean }
  | { type: "commit" }
  | { type: "stage" }
  | { type: "wait" }
  | { type: "reopen" }
  | { type: "crash"; lead: number; keep: number };

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("append" as const),
        count: fc.integer({ min: 1, max: 6 }),
        newTerm: fc.boolean(),
        change: fc.boolean(),
        // Some beyond the size of a record.
        size: fc.constantFrom(0, 10, 10, 10, 50_000, 140_000),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("truncate" as const),
        back: fc.integer({ min: 0, max: 8 }),
        count: fc.integer({ min: 0, max: 3 }),
      }),
    },
    fc.record({
      type: fc.constant("vote" as const),
      votedFor: fc.constantFrom("a", "b", undefined),
    }),
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("snapshot" as const),
        at: fc.nat(10),
        keep: fc.nat(4),
      }),
    },
    fc.record({
      type: fc.constant("install" as const),
      beyond: fc.nat(4),
      conflict: fc.boolean(),
    }),
    fc.record({ type: fc.constant("commit" as const) }),
    fc.record({ type: fc.constant("stage" as const) }),
    fc.record({ type: fc.constant("wait" as const) }),
    fc.record({ type: fc.constant("reopen" as const) }),
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("crash" as const),
        lead: fc.nat(60),
        keep: fc.nat(4),
      }),
    },
  ),
  { maxLength: 40 },
);

/** Drives a storage and the model side by side. */
export class Harness {
  readonly #disk: ModelDisk;
  #store: FaultyOrderedStore;
  #storage: LogStore;
  /** After write n of this life; the first is what the life began with. */
  #models: Model[] = [initialModel()];
  /** Writes that have resolved. */
  #acknowledged = 0;
  #pending: Promise<unknown>[] = [];
  #snapshots = 0;
  #terms = 0;

  constructor(disk: ModelDisk) {
    this.#disk = disk;
    this.#store = new FaultyOrderedStore(disk.orderedStore());
    this.#storage = new LogStore(this.#store, disk.guard());
  }

  get model(): Model {
    return this.#models.at(-1) ?? initialModel();
  }

  async open(): Promise<void> {
    const opened = await this.#storage.open(identity);
    // A crash takes writes from the end only, whole ones, and none that was acknowledged.
    const survivor = this.#models.slice(this.#acknowledged).find((model) => isSame(opened, model));
    if (survivor === undefined) {
      throw new Error(describeMismatch(opened, this.#models.slice(this.#acknowledged)));
    }
    this.#models = [survivor];
    this.#acknowledged = 0;
    await this.#checkEntries();
  }

  write(fields: Partial<Omit<Write, "sequence">>, next: Model): void {
    const sequence = this.#models.length;
    this.#models.push(next);
    const writing = this.#storage.write(write(sequence, fields));
    this.#pending.push(
      writing.then(
        () => (this.#acknowledged = Math.max(this.#acknowledged, sequence)),
        () => undefined,
      ),
    );
  }

  get newestTerm(): number {
    return this.#terms;
  }

  /** Above every term so far: what has one (index, term) is one entry. */
  newTerm(): number {
    this.#terms += 1;
    return this.#terms;
  }

  stage(): string {
    this.#snapshots += 1;
    const id = `snapshot-${this.#snapshots}`;
    this.#pending.push(
      this.#storage.stageChunk(id, 0, Buffer.from(id)).catch(() => undefined),
      this.#storage.stageChunk(id, 1, Buffer.from("end")).catch(() => undefined),
    );
    return id;
  }

  async wait(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
    await this.#checkEntries();
  }

  async reopen(): Promise<void> {
    await this.#storage.close();
    await this.settle();
    this.#renew();
    await this.open();
  }

  /** Lets the storage work for a little, then takes the disk away from it. */
  async crash(lead: number, keep: number): Promise<void> {
    for (let step = 0; step < lead; step += 1) await Promise.resolve();
    this.#store.holdSyncs();
    for (let step = 0; step < 20; step += 1) await Promise.resolve();
    this.#disk.crash(keep);
    this.#store.releaseSyncs();
    await this.settle();
    this.#renew();
    await this.open();
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  async finish(): Promise<void> {
    await this.reopen();
    await this.#storage.close();
  }

  #renew(): void {
    this.#store = new FaultyOrderedStore(this.#disk.orderedStore());
    this.#storage = new LogStore(this.#store, this.#disk.guard());
  }

  /** Everything can be read, also in small pieces; the snapshot is whole. */
  async #checkEntries(): Promise<void> {
    const { entries, snapshot } = this.model;
    let from = entries[0]?.index ?? 1;
    const to = from + entries.length - 1;
    const found: string[] = [];
    while (from <= to) {
      const read = await this.#storage.readEntries({ from, to, maxBytes: 60_000 });
      found.push(...read.map(nameOf));
      from += read.length;
    }
    assert.deepEqual(found, entries.map(nameOf));
    if (snapshot.id !== "") {
      const chunk = await this.#storage.readChunk(snapshot.id, 0);
      assert.equal(Buffer.from(chunk ?? "").toString(), snapshot.id);
      assert.equal(await this.#storage.readChunk(snapshot.id, 2), undefined);
    }
  }
}

function initialModel(): Model {
  return {
    hardState: { currentTerm: 0, votedFor: undefined, commitIndex: 0 },
    snapshot: emptySnapshot(bootstrap),
    compacted: { term: 0, index: 0 },
    entries: [],
  };
}

function lastOf({ entries, compacted }: Model): EntryId {
  const last = entries.at(-1);
  return last === undefined ? compacted : { term: last.term, index: last.index };
}

export async function perform(harness: Harness, step: Step): Promise<void> {
  const { model } = harness;
  switch (step.type) {
    case "append":
      return append(harness, model, step);
    case "truncate":
      return truncate(harness, model, step);
    case "vote": {
      const hardState = {
        ...model.hardState,
        currentTerm: model.hardState.currentTerm + 1,
        votedFor: step.votedFor,
      };
      return harness.write({ hardState }, { ...model, hardState });
    }
    case "commit": {
      const hardState = { ...model.hardState, commitIndex: lastOf(model).index };
      return harness.write({ hardState }, { ...model, hardState });
    }
    case "snapshot":
      return takeSnapshot(harness, model, step);
    case "install":
      return installSnapshot(harness, model, step);
    case "stage":
      harness.stage();
      return undefined;
    case "wait":
      return await harness.wait();
    case "reopen":
      return await harness.reopen();
    case "crash":
      return await harness.crash(step.lead, step.keep);
    default:
      throw new Error("no such step");
  }
}

function append(harness: Harness, model: Model, step: Step & { type: "append" }): void {
  const { term } = lastOf(model);
  // After a cut the term of what is left is over: in it other entries stood here.
  const isOver = term === 0 || term !== harness.newestTerm;
  const added = entriesAfter(
    { ...lastOf(model), term: step.newTerm || isOver ? harness.newTerm() : term },
    step.count,
    step.size,
  );
  const last = added.at(-1);
  if (step.change && last !== undefined) {
    added[added.length - 1] = configuration(last.index, last.term, ["a", `n${last.index}`]);
  }
  harness.write({ entries: added }, { ...model, entries: [...model.entries, ...added] });
}

function truncate(harness: Harness, model: Model, step: Step & { type: "truncate" }): void {
  const floor = model.snapshot.lastIncluded.index + 1;
  const truncateFrom = Math.max(floor, lastOf(model).index - step.back);
  const kept = model.entries.filter(({ index }) => index < truncateFrom);
  const last = lastOf({ ...model, entries: kept });
  const added = entriesAfter({ ...last, term: harness.newTerm() }, step.count, 10);
  harness.write({ truncateFrom, entries: added }, { ...model, entries: [...kept, ...added] });
}

function takeSnapshot(harness: Harness, model: Model, step: Step & { type: "snapshot" }): void {
  const entry = model.entries[step.at];
  if (entry === undefined || entry.index <= model.snapshot.lastIncluded.index) return;
  const snapshot: SnapshotMeta = {
    id: harness.stage(),
    lastIncluded: { term: entry.term, index: entry.index },
    time: entry.time,
    configuration: configurationsOf(model).findLast(({ index }) => index <= entry.index) ?? {
      index: 0,
      configuration: bootstrap,
    },
  };
  const boundary = model.entries.find(({ index }) => index === entry.index - step.keep);
  const compactTo =
    boundary === undefined ? undefined : { term: boundary.term, index: boundary.index };
  const compacted = compactTo ?? model.compacted;
  const entries = model.entries.filter(({ index }) => index > compacted.index);
  harness.write({ snapshot, compactTo }, { ...model, snapshot, compacted, entries });
}

function installSnapshot(harness: Harness, model: Model, step: Step & { type: "install" }): void {
  const last = lastOf(model);
  const base = model.snapshot.lastIncluded.index;
  const index = step.conflict ? Math.max(base + 1, last.index - 1) : last.index + step.beyond + 1;
  const lastIncluded = { term: harness.newTerm(), index };
  const configurationAtSnapshot = configuration(index, lastIncluded.term, ["a", "s"]).configuration;
  const snapshot: SnapshotMeta = {
    id: harness.stage(),
    lastIncluded,
    time: index * 10,
    configuration: { index, configuration: configurationAtSnapshot },
  };
  const truncateFrom = last.index > index ? index + 1 : undefined;
  const added = entriesAfter(lastIncluded, step.beyond, 10);
  harness.write(
    { snapshot, truncateFrom, compactTo: lastIncluded, entries: added },
    { ...model, snapshot, compacted: lastIncluded, entries: added },
  );
}

function entriesAfter({ term, index: last }: EntryId, count: number, size: number): Entry[] {
  return Array.from({ length: count }, (_, n) => {
    const index = last + 1 + n;
    return command(index, term, `${index}:${term}`.padEnd(size, "."));
  });
}

function nameOf(entry: Entry): string {
  const payload = entry.kind === "command" ? Buffer.from(entry.payload).toString() : "";
  return `${entry.index}:${entry.term}:${entry.time}:${entry.kind} ${payload.length} ${payload.slice(0, 12)}`;
}

function configurationsOf({ snapshot, entries }: Model): LoggedConfiguration[] {
  const logged = entries.flatMap((entry) =>
    entry.kind === "configuration" && entry.index > snapshot.lastIncluded.index
      ? [{ index: entry.index, configuration: entry.configuration }]
      : [],
  );
  return [snapshot.configuration, ...logged];
}

/** The state that a storage should find where the model is right. */
function stateOf(model: Model): OpenedStorage["state"] {
  const { hardState, snapshot, compacted, entries } = model;
  const runs = entries
    .filter((entry, n) => entry.term !== entries[n - 1]?.term)
    .map(({ term, index }) => ({ term, firstIndex: index }));
  return {
    hardState,
    snapshot,
    compacted,
    lastIndex: lastOf(model).index,
    lastTime: entries.at(-1)?.time ?? snapshot.time,
    runs,
    configurations: configurationsOf(model),
  };
}

function isSame({ state }: OpenedStorage, model: Model): boolean {
  return JSON.stringify(state) === JSON.stringify(stateOf(model));
}

function describeMismatch({ state }: OpenedStorage, models: readonly Model[]): string {
  const expected = models.map((model) => JSON.stringify(stateOf(model))).join("\n  ");
  return `found\n  ${JSON.stringify(state)}\nexpected one of\n  ${expected}\n`;
}
