/**
 * A disk under the ordered-store seam, with the fault model that seam promises and no more: batches are atomic, a crash
 * keeps a seeded prefix of what is not synced, the one under way included. Everything above the seam is the shipped code.
 *
 * A batch takes effect, and a read sees the disk, when its event comes: never within the call.
 */

import type { Guard } from "../src/storage/guard.ts";
import { messageOf } from "../src/errors.ts";
import { keyOf } from "../src/storage/layout.ts";
import type {
  OrderedStore,
  StoreOperation,
  StoreRange,
  StoreRecord,
} from "../src/storage/ordered-store.ts";
import { withOneBitWrong } from "./damage.ts";
import type { Damage, DamagedRecords, DamageKind } from "./damage.ts";
import { DiskGuard } from "./disk-guard.ts";
import { DiskRecords } from "./disk-records.ts";
import type { MayDamage } from "./disk-records.ts";
import type { Platter, PlatterChange } from "./platter.ts";
import type { Rng } from "./random.ts";
import type { DiskModel } from "./schedule.ts";
import { KIND } from "./scheduler.ts";
import type { Actor, Scheduler, SimEvent } from "./scheduler.ts";

/** Asked of the device and not complete. */
interface Operation {
  event: SimEvent;
  readonly after: (delayUs: number) => SimEvent;
}

export interface DiskFailure {
  readonly code: "EIO" | "ENOSPC";
  /**
   * Whether the batch is there nevertheless. `"dropped"`: it is shown, but it and all that is not synced yet counts as
   * written, though it is not, so that no later sync makes it durable.
   */
  readonly batch: "lost" | "kept" | "dropped";
}

const FULL: DiskFailure = { code: "ENOSPC", batch: "lost" };

/** Of a hundred damages so many are a log record that is gone; the others are a wrong bit. */
const VANISHED_PERCENT = 40;

/** What a healed disk takes at most. */
const CALM_SYNC_US = 3000;

export interface DiskHooks {
  /** A batch is handed over; what the hook makes of it happens before anything else of the process. */
  readonly onBatch: (sync: boolean) => void;
  /** Something that was asked of the device is done, and the process about to hear of it, unless the hook ends it. */
  readonly onDone: () => void;
  /** Batches have become durable. */
  readonly onDurable: (change: PlatterChange) => void;
  /** An injected fault has shown itself to the process. */
  readonly onFault: (fault: "failure" | "rot" | "damage") => void;
  /** A process is about to hear that a write has failed that something may depend on. */
  readonly onFailed: () => void;
}

export class SimDisk {
  /** Times longer than usual. */
  slowness = 1;
  /** Nothing completes before this microsecond. */
  stalledUntilUs = 0;
  readonly #scheduler: Scheduler;
  readonly #rng: Rng;
  #model: DiskModel;
  readonly #hooks: DiskHooks;
  readonly #records: DiskRecords;
  readonly #guard: DiskGuard;
  readonly #operations = new Set<Operation>();
  /** Handed over and not complete: a crash may keep it, or not. */
  #underWay: readonly StoreOperation[] | undefined;
  #failure: DiskFailure | undefined;
  /** How often it was healed. */
  #heals = 0;
  #failsToRead = false;
  #failsToGuard = false;
  #fullUntilUs = 0;
  #rotPending = 0;
  /** The next process that opens it finds the beginning of the log gone. */
  #vanishPending = false;
  #vanished: string | undefined;
  #loseBatch: { readonly rng: Rng; readonly mayDamage: MayDamage } | undefined;
  #foundAtOpen: Damage | undefined;

  constructor(scheduler: Scheduler, rng: Rng, model: DiskModel, hooks: DiskHooks) {
    this.#scheduler = scheduler;
    this.#rng = rng;
    this.#model = model;
    this.#hooks = hooks;
    this.#records = new DiskRecords((change) => hooks.onDurable(change));
    this.#guard = new DiskGuard(this.#records.platter);
  }

  get platter(): Platter {
    return this.#records.platter;
  }

  /** The next synced batch fails. */
  failNext(failure: DiskFailure): void {
    this.#failure = failure;
  }

  failNextRead(): void {
    this.#failsToRead = true;
  }

  failNextGuard(): void {
    this.#failsToGuard = true;
  }

  /** Every batch fails until then, and leaves nothing. */
  fillUntil(untilUs: number): void {
    this.#fullUntilUs = Math.max(this.#fullUntilUs, untilUs);
  }

  /**
   * One bit of the next log or snapshot record that is read comes back wrong, or the first record of the log is gone when
   * it is opened next. Whoever reads it has to notice, and to stop: then it is repaired.
   */
  rotNext(): void {
    if (this.#rng.chance(VANISHED_PERCENT * 10_000)) this.#vanishPending = true;
    else this.#rotPending += 1;
  }

  /** Damages records for good, if there are any of this kind that may be damaged. */
  damage(
    how: DamageKind,
    records: DamagedRecords,
    rng: Rng,
    mayDamage: MayDamage,
  ): readonly Damage[] | undefined {
    if (records === "guard") return this.#guard.spoil(how, mayDamage);
    return this.#records.damage(how, records, this.#underWay ?? [], rng, mayDamage);
  }

  /** The next process that opens the disk finds that a batch of its predecessor never was, though later ones were. */
  loseBatch(rng: Rng, mayDamage: MayDamage): void {
    this.#loseBatch = { rng, mayDamage };
  }

  /** The record that is gone or damaged so that whoever has opened the disk must have noticed. */
  get foundAtOpen(): string | undefined {
    return this.#vanished ?? this.#foundAtOpen?.key;
  }

  /** No fault is waiting any more, and nothing takes long. */
  heal(): void {
    const { syncMinUs, syncMaxUs } = this.#model;
    this.#model = {
      ...this.#model,
      syncMaxUs: Math.max(syncMinUs, Math.min(syncMaxUs, CALM_SYNC_US)),
    };
    this.#heals += 1;
    this.#failure = undefined;
    this.#failsToRead = false;
    this.#failsToGuard = false;
    this.#fullUntilUs = 0;
    this.#rotPending = 0;
    this.#vanishPending = false;
    this.#vanished = undefined;
    this.#loseBatch = undefined;
    this.slowness = 1;
    this.stalledUntilUs = 0;
    this.#hurry();
  }

  /** The power is gone: how many batches that were not synced are lost. Whoever had the disk open hears no more of it. */
  crash(): number {
    const { unsynced } = this.#records;
    const pending = unsynced + (this.#underWay === undefined ? 0 : 1);
    const kept = this.#rng.between(0, pending);
    const isUnderWayKept = kept === pending && !this.#records.hasDropped;
    this.#records.crash(Math.min(kept, unsynced));
    if (isUnderWayKept && this.#underWay !== undefined) this.#records.take(this.#underWay);
    this.#underWay = undefined;
    this.#records.sync();
    this.#guard.crash(this.#guard.isSaving && this.#rng.chance(500_000));
    this.#vanished = undefined;
    return pending - kept;
  }

  /** Handles for one incarnation: cut off with it. */
  openFor(actor: Actor): { readonly store: OrderedStore; readonly guard: Guard } {
    this.#vanish();
    this.#open();
    const read = <Value>(look: () => Value): Promise<Value> =>
      this.#later("aside", actor, this.#readUs(), (resolve, reject) => {
        if (this.#failsToRead) {
          this.#failsToRead = false;
          return reject(this.#failed("EIO"));
        }
        try {
          resolve(look());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(messageOf(error)));
        }
      });
    const close = (): Promise<void> =>
      this.#later("aside", actor, this.#readUs(), (resolve) => resolve(undefined));
    const store: OrderedStore = {
      open: () => read(() => undefined),
      get: (key) => read(() => this.#get(key)),
      range: (range) => read(() => this.#range(range)),
      keys: (range) => read(() => this.#select(range, "keys").map(({ key }) => key)),
      batch: (operations, { sync }) => this.#batch(actor, operations, sync),
      close,
    };
    const guard: Guard = {
      load: () =>
        read(() => {
          if (this.#guard.damage !== undefined) this.#hooks.onFault("damage");
          return this.#guard.load();
        }),
      save: (record) => {
        const weight = this.#guard.begin(record);
        return this.#later(weight, actor, this.#syncUs(), (resolve, reject) => {
          const fails = this.#failsToGuard;
          this.#failsToGuard = false;
          // After a failure nobody knows which of the two a reader will find.
          if (fails) return reject(this.#failed("EIO"));
          this.#guard.finish(record);
          resolve(undefined);
        });
      },
      close,
    };
    return { store, guard };
  }

  /** The record that holds the first entry behind the snapshot, where there is one: recovery is bound to look for it. */
  #vanish(): void {
    const { compacted, lastIndex } = this.platter;
    if (!this.#vanishPending || lastIndex === compacted.index) return;
    this.#vanishPending = false;
    const first = keyOf("log", compacted.index + 1);
    const range = { gte: keyOf("log", 0), lt: `${first}0`, reverse: true, limit: 1 };
    this.#vanished = this.#records.select(range)[0]?.key;
  }

  #open(): void {
    const planned = this.#loseBatch;
    this.#loseBatch = undefined;
    if (planned !== undefined) this.#records.loseBatch(planned.rng, planned.mayDamage);
    this.#records.beginJournal();
    this.#foundAtOpen = this.#records.foundAtOpen();
  }

  #batch(actor: Actor, operations: readonly StoreOperation[], sync: boolean): Promise<void> {
    if (!actor.isAlive) return new Promise(() => undefined);
    this.#underWay = operations;
    const planned = sync ? this.#nextFailure() : undefined;
    const delayUs = sync ? this.#syncUs() : this.#readUs();
    const heals = this.#heals;
    const weight = planned === undefined || this.platter.isTidying(operations) ? "aside" : "vital";
    const done = this.#later<void>(weight, actor, delayUs, (resolve, reject) => {
      this.#underWay = undefined;
      // It may have been healed meanwhile.
      const failure = heals === this.#heals ? planned : undefined;
      if (failure?.batch !== "lost") this.#records.take(operations);
      if (failure === undefined) {
        if (sync) this.#records.sync();
        return resolve();
      }
      if (failure.batch === "dropped") this.#records.drop();
      if (failure === this.#failure) this.#failure = undefined;
      reject(this.#failed(failure.code));
    });
    this.#hooks.onBatch(sync);
    return done;
  }

  #nextFailure(): DiskFailure | undefined {
    if (this.#fullUntilUs > this.#scheduler.nowUs) return FULL;
    return this.#failure;
  }

  #failed(code: DiskFailure["code"]): Error {
    this.#hooks.onFault("failure");
    return Object.assign(new Error(`${code}: injected`), { code });
  }

  /** `"vital"`: a write that something may depend on. The device acts on time, also while its process is paused; the process hears of it when it can. */
  #later<Value>(
    what: "vital" | "aside",
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
        if (actor.isAlive) this.#hooks.onDone();
        if (!actor.isAlive) return;
        this.#scheduler.wantDrain();
        act(
          (value) => tell(() => resolve(value)),
          (error) =>
            tell(() => {
              if (what === "vital") this.#hooks.onFailed();
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

  #get(key: string): Uint8Array | undefined {
    if (this.#records.isDamagedAt(key)) this.#hooks.onFault("damage");
    return this.#maybeRotten(key, this.#records.get(key));
  }

  #range(range: StoreRange): StoreRecord[] {
    return this.#select(range, "records").map(({ key, value }) => ({
      key,
      value: this.#maybeRotten(key, value) ?? value,
    }));
  }

  #select(range: StoreRange, what: "records" | "keys"): readonly StoreRecord[] {
    const vanished = this.#vanished;
    // One more, in place of the one that is gone.
    const limit = vanished === undefined ? range.limit : range.limit + 1;
    const all = this.#records.select({ ...range, limit });
    const found = all.filter(({ key }) => key !== vanished).slice(0, range.limit);
    const isMissed = all.slice(0, range.limit).some(({ key }) => key === vanished);
    if (isMissed) this.#hooks.onFault("rot");
    if (this.#records.isDamagedIn(range, found, what)) this.#hooks.onFault("damage");
    return found;
  }

  #maybeRotten(key: string, value: Uint8Array | undefined): Uint8Array | undefined {
    if (this.#rotPending === 0 || value === undefined || value.length === 0) return value;
    if (!key.includes("/log/") && !key.includes("/chunk/")) return value;
    this.#rotPending -= 1;
    this.#hooks.onFault("rot");
    return withOneBitWrong(value, this.#rng);
  }
}
