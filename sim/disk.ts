/**
 * A disk under the ordered-store seam, with the fault model that seam promises and no more: batches are atomic, a crash
 * keeps a seeded prefix of what is not synced, the one under way included. Everything above the seam is the shipped code.
 *
 * A batch takes effect, and a read sees the disk, when its event comes: never within the call.
 */

import sortedBTree from "sorted-btree";
import type { Guard, GuardRecord } from "../src/storage/guard.ts";
import { keyOf } from "../src/storage/layout.ts";
import type {
  OrderedStore,
  StoreOperation,
  StoreRange,
  StoreRecord,
} from "../src/storage/ordered-store.ts";
import { Platter } from "./platter.ts";
import type { PlatterChange } from "./platter.ts";
import type { Rng } from "./random.ts";
import type { DiskModel } from "./schedule.ts";
import { KIND } from "./scheduler.ts";
import type { Actor, Scheduler, SimEvent } from "./scheduler.ts";

/** The package is CommonJS: its class is the default of its default. */
const { default: BTree } = sortedBTree;
type Records = sortedBTree.default<string, Uint8Array>;

/** A batch that the store shows and that a crash may take. */
interface Unsynced {
  readonly operations: readonly StoreOperation[];
  /** What was there before, to be put back. */
  readonly undo: readonly (readonly [key: string, value: Uint8Array | undefined])[];
}

/** Asked of the device and not complete. */
interface Operation {
  event: SimEvent;
  readonly after: (delayUs: number) => SimEvent;
}

export interface DiskFailure {
  readonly code: "EIO" | "ENOSPC";
  /** Whether the batch is there nevertheless. */
  readonly isApplied: boolean;
}

/** Of a hundred damages so many are a log record that is gone; the others are a wrong bit. */
const VANISHED_PERCENT = 40;

/** What a healed disk takes at most. */
const CALM_SYNC_US = 3000;

export interface DiskHooks {
  /** A batch is handed over; what the hook makes of it happens before anything else of the process. */
  readonly onBatch: (sync: boolean) => void;
  /** Batches have become durable. */
  readonly onDurable: (change: PlatterChange) => void;
  /** An injected fault has shown itself to the process. */
  readonly onFault: (fault: "failure" | "rot") => void;
  /** A process is about to hear that a batch of its own has failed. */
  readonly onFailed: () => void;
}

export class SimDisk {
  readonly platter: Platter = new Platter();
  /** Times longer than usual. */
  slowness = 1;
  /** Nothing completes before this microsecond. */
  stalledUntilUs = 0;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  #model: DiskModel;
  readonly #hooks: DiskHooks;
  readonly #records: Records = new BTree<string, Uint8Array>(undefined, compareKeys);
  readonly #operations = new Set<Operation>();
  #unsynced: Unsynced[] = [];
  /** Handed over and not complete: a crash may keep it, or not. */
  #underWay: readonly StoreOperation[] | undefined;
  #guard: GuardRecord | undefined;
  #guardUnderWay: GuardRecord | undefined;
  #failure: DiskFailure | undefined;
  #rotPending = 0;
  /** The next process that opens it finds the beginning of the log gone. */
  #vanishPending = false;
  #vanished: string | undefined;

  constructor(scheduler: Scheduler, rng: Rng, model: DiskModel, hooks: DiskHooks) {
    this.#scheduler = scheduler;
    this.#rng = rng;
    this.#model = model;
    this.#hooks = hooks;
  }

  /** The next synced batch fails. */
  failNext(failure: DiskFailure): void {
    this.#failure = failure;
  }

  /**
   * One bit of the next log or snapshot record that is read comes back wrong, or the first record of the log is gone when
   * it is opened next. Whoever reads it has to notice, and to stop: then it is repaired.
   */
  rotNext(): void {
    if (this.#rng.chance(VANISHED_PERCENT * 10_000)) this.#vanishPending = true;
    else this.#rotPending += 1;
  }

  /** The record of the log that is gone, if one is. */
  get vanished(): string | undefined {
    return this.#vanished;
  }

  /** No fault is waiting any more, and nothing takes long. */
  heal(): void {
    const { syncMinUs, syncMaxUs } = this.#model;
    this.#model = {
      ...this.#model,
      syncMaxUs: Math.max(syncMinUs, Math.min(syncMaxUs, CALM_SYNC_US)),
    };
    this.#failure = undefined;
    this.#rotPending = 0;
    this.#vanishPending = false;
    this.#vanished = undefined;
    this.slowness = 1;
    this.stalledUntilUs = 0;
    this.#hurry();
  }

  /** The power is gone: how many batches that were not synced are lost. Whoever had the disk open hears no more of it. */
  crash(): number {
    const pending = this.#unsynced.length + (this.#underWay === undefined ? 0 : 1);
    const kept = this.#rng.between(0, pending);
    const undone = this.#unsynced.splice(Math.min(kept, this.#unsynced.length));
    for (const { undo } of undone.toReversed()) this.#putBack(undo);
    if (kept === pending && this.#underWay !== undefined) this.#take(this.#underWay);
    this.#underWay = undefined;
    this.#sync();
    if (this.#guardUnderWay !== undefined && this.#rng.chance(500_000)) {
      this.#guard = this.#guardUnderWay;
    }
    this.#guardUnderWay = undefined;
    this.#vanished = undefined;
    return pending - kept;
  }

  /** Handles for one incarnation: cut off with it. */
  openFor(actor: Actor): { readonly store: OrderedStore; readonly guard: Guard } {
    this.#vanish();
    const read = <Value>(look: () => Value): Promise<Value> =>
      this.#later(actor, this.#readUs(), (resolve) => resolve(look()));
    const store: OrderedStore = {
      open: () => read(() => undefined),
      get: (key) => read(() => this.#maybeRotten(key, this.#records.get(key))),
      range: (range) => read(() => this.#select(range)),
      keys: (range) => read(() => this.#select(range).map(({ key }) => key)),
      batch: (operations, { sync }) => this.#batch(actor, operations, sync),
      close: () => read(() => undefined),
    };
    const guard: Guard = {
      load: () => read(() => this.#guard),
      save: (record) => {
        this.#guardUnderWay = record;
        return this.#later(actor, this.#syncUs(), (resolve) => {
          this.#guard = record;
          this.#guardUnderWay = undefined;
          resolve(undefined);
        });
      },
      close: () => read(() => undefined),
    };
    return { store, guard };
  }

  /** The record that holds the first entry behind the snapshot, where there is one: recovery is bound to look for it. */
  #vanish(): void {
    const { compacted, lastIndex } = this.platter;
    if (!this.#vanishPending || lastIndex === compacted.index) return;
    this.#vanishPending = false;
    const first = keyOf("log", compacted.index + 1);
    this.#vanished = this.#records.getPairOrNextLower(first)?.[0];
  }

  #batch(actor: Actor, operations: readonly StoreOperation[], sync: boolean): Promise<void> {
    if (!actor.isAlive) return new Promise(() => undefined);
    this.#underWay = operations;
    const failure = sync ? this.#failure : undefined;
    const delayUs = sync ? this.#syncUs() : this.#readUs();
    const done = this.#later<void>(actor, delayUs, (resolve, reject) => {
      this.#underWay = undefined;
      if (failure === undefined || failure.isApplied) this.#take(operations);
      if (failure === undefined) {
        if (sync) this.#sync();
        resolve();
        return;
      }
      this.#failure = undefined;
      this.#hooks.onFault("failure");
      reject(Object.assign(new Error(`${failure.code}: injected`), { code: failure.code }));
    });
    this.#hooks.onBatch(sync);
    return done;
  }

  /** The device acts on time, also while its process is paused; the process hears of it when it can. */
  #later<Value>(
    actor: Actor,
    delayUs: number,
    act: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (!actor.isAlive) return;
      const tell = (outcome: () => void): void => {
        if (actor.gateUs <= this.#scheduler.nowUs) return outcome();
        this.#scheduler.after(0, KIND.disk, actor, () => {
          this.#scheduler.wantDrain();
          outcome();
        });
      };
      const complete = (): void => {
        if (!actor.isAlive) return;
        this.#scheduler.wantDrain();
        act(
          (value) => tell(() => resolve(value)),
          (error) =>
            tell(() => {
              this.#hooks.onFailed();
              reject(error);
            }),
        );
      };
      this.#schedule(Math.floor(delayUs * this.slowness), actor.slot, complete);
    });
  }

  #schedule(delayUs: number, digest: number, complete: () => void): void {
    const after = (us: number): SimEvent =>
      this.#scheduler.after(us, KIND.disk, undefined, run, digest);
    const run = (): void => {
      const remainingUs = this.stalledUntilUs - this.#scheduler.nowUs;
      if (remainingUs > 0) {
        operation.event = after(remainingUs);
        return;
      }
      this.#operations.delete(operation);
      complete();
    };
    const stallUs = Math.max(0, this.stalledUntilUs - this.#scheduler.nowUs);
    const operation: Operation = { event: after(delayUs + stallUs), after };
    this.#operations.add(operation);
  }

  /** What a slow or stalled disk was asked for does not take long any more. */
  #hurry(): void {
    for (const operation of this.#operations) {
      if (operation.event.timeUs <= this.#scheduler.nowUs + CALM_SYNC_US) continue;
      operation.event.run = undefined;
      operation.event = operation.after(CALM_SYNC_US);
    }
  }

  #readUs(): number {
    return this.#rng.between(this.#model.readMinUs, this.#model.readMaxUs);
  }

  #syncUs(): number {
    return this.#rng.between(this.#model.syncMinUs, this.#model.syncMaxUs);
  }

  #take(operations: readonly StoreOperation[]): void {
    const undo: [string, Uint8Array | undefined][] = [];
    for (const operation of operations) {
      undo.push([operation.key, this.#records.get(operation.key)]);
      if (operation.type === "put") this.#records.set(operation.key, operation.value);
      else this.#records.delete(operation.key);
    }
    this.#unsynced.push({ operations, undo });
  }

  #putBack(undo: Unsynced["undo"]): void {
    for (const [key, value] of undo.toReversed()) {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, value);
    }
  }

  #sync(): void {
    const durable = this.#unsynced;
    this.#unsynced = [];
    for (const { operations } of durable) this.#hooks.onDurable(this.platter.apply(operations));
  }

  #select({ gte, lt, reverse, limit }: StoreRange): StoreRecord[] {
    const found: StoreRecord[] = [];
    const pairs =
      reverse === true
        ? this.#records.entriesReversed(lt, undefined, true)
        : this.#records.entries(gte);
    for (const [key, value] of pairs) {
      if (found.length === limit || (reverse === true ? key < gte : key >= lt)) break;
      if (this.#isGone(key)) continue;
      found.push({ key, value: this.#maybeRotten(key, value) ?? value });
    }
    return found;
  }

  #isGone(key: string): boolean {
    if (key !== this.#vanished) return false;
    this.#hooks.onFault("rot");
    return true;
  }

  #maybeRotten(key: string, value: Uint8Array | undefined): Uint8Array | undefined {
    if (this.#rotPending === 0 || value === undefined || value.length === 0) return value;
    if (!key.includes("/log/") && !key.includes("/chunk/")) return value;
    this.#rotPending -= 1;
    this.#hooks.onFault("rot");
    const rotten = Buffer.from(value);
    const at = this.#rng.below(rotten.length);
    rotten[at] = (rotten[at] ?? 0) ^ (1 << this.#rng.below(8));
    return rotten;
  }
}

function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
