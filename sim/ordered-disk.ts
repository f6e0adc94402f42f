/**
 * A disk under the ordered-store seam, with the fault model that seam promises and no more: batches are atomic, a crash
 * keeps a seeded prefix of what is not synced, the one under way included. Everything above the seam is the shipped code.
 */

import type { Guard } from "../src/storage/guard.ts";
import { keyOf } from "../src/storage/layout.ts";
import type {
  OrderedStore,
  StoreOperation,
  StoreRange,
  StoreRecord,
} from "../src/storage/ordered-store.ts";
import type { Damage, DamagedRecords, DamageKind } from "./damage.ts";
import type { Device } from "./device.ts";
import type { MayDamage, SimDisk } from "./disk.ts";
import { DiskGuard } from "./disk-guard.ts";
import { DiskRecords } from "./disk-records.ts";
import type { Platter } from "./platter.ts";
import type { Rng } from "./random.ts";
import { Rot } from "./rot.ts";
import type { Actor } from "./scheduler.ts";

/** Of a hundred damages so many are a log record that is gone; the others are a wrong bit. */
const VANISHED_PERCENT = 40;

export class OrderedDisk implements SimDisk {
  readonly device: Device;
  readonly #records: DiskRecords;
  readonly #guard: DiskGuard;
  readonly #rot: Rot;
  /** Handed over and not complete: a crash may keep it, or not. */
  #underWay: readonly StoreOperation[] | undefined;
  /** The next process that opens it finds the beginning of the log gone. */
  #vanishPending = false;
  #vanished: string | undefined;
  #loseBatch: { readonly rng: Rng; readonly mayDamage: MayDamage } | undefined;
  #foundAtOpen: Damage | undefined;

  constructor(device: Device) {
    this.device = device;
    this.#records = new DiskRecords((change) => device.hooks.onDurable(change));
    this.#guard = new DiskGuard(this.#records.platter);
    this.#rot = new Rot(device);
  }

  get platter(): Platter {
    return this.#records.platter;
  }

  /** A bit of a record is wrong, or the first record of the log is gone when it is opened next: then it is repaired. */
  rotNext(): void {
    if (this.device.rng.chance(VANISHED_PERCENT * 10_000)) this.#vanishPending = true;
    else this.#rot.add();
  }

  damage(
    how: DamageKind,
    records: DamagedRecords,
    rng: Rng,
    mayDamage: MayDamage,
  ): readonly Damage[] | undefined {
    if (records === "guard") return this.#guard.spoil(how, mayDamage);
    return this.#records.damage(how, records, this.#underWay ?? [], rng, mayDamage);
  }

  loseBatch(rng: Rng, mayDamage: MayDamage): void {
    this.#loseBatch = { rng, mayDamage };
  }

  get foundAtOpen(): string | undefined {
    return this.#vanished ?? this.#foundAtOpen?.key;
  }

  heal(): void {
    this.device.heal();
    this.#rot.heal();
    this.#vanishPending = false;
    this.#vanished = undefined;
    this.#loseBatch = undefined;
  }

  crash(): number {
    const { unsynced } = this.#records;
    const pending = unsynced + (this.#underWay === undefined ? 0 : 1);
    const kept = this.device.rng.between(0, pending);
    const isUnderWayKept = kept === pending && !this.#records.hasDropped;
    this.#records.crash(Math.min(kept, unsynced));
    if (isUnderWayKept && this.#underWay !== undefined) this.#records.take(this.#underWay);
    this.#underWay = undefined;
    this.#records.sync();
    this.#guard.crash(this.device.rng);
    this.#vanished = undefined;
    return pending - kept;
  }

  openFor(actor: Actor): { readonly store: OrderedStore; readonly guard: Guard } {
    this.#vanish();
    this.#open();
    const { device } = this;
    const store: OrderedStore = {
      open: () => device.read(actor, () => undefined),
      get: (key) => device.read(actor, () => this.#get(key)),
      range: (range) => device.read(actor, () => this.#range(range)),
      keys: (range) => device.read(actor, () => this.#select(range, "keys").map(({ key }) => key)),
      batch: (operations, { sync }) => this.#batch(actor, operations, sync),
      close: () => device.close(actor),
    };
    return { store, guard: this.#guard.openFor(actor, device) };
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
    const isVital = (): boolean => !this.platter.isTidying(operations);
    return this.device.write(actor, { sync, needsRoom: true, isVital }, (failure) => {
      this.#underWay = undefined;
      if (failure?.batch !== "lost") this.#records.take(operations);
      if (failure?.batch === "dropped") this.#records.drop();
      if (failure === undefined && sync) this.#records.sync();
    });
  }

  #get(key: string): Uint8Array | undefined {
    if (this.#records.isDamagedAt(key)) this.device.hooks.onFault("damage");
    return this.#rot.of(key, this.#records.get(key));
  }

  #range(range: StoreRange): StoreRecord[] {
    return this.#select(range, "records").map(({ key, value }) => ({
      key,
      value: this.#rot.of(key, value),
    }));
  }

  #select(range: StoreRange, what: "records" | "keys"): readonly StoreRecord[] {
    const vanished = this.#vanished;
    // One more, in place of the one that is gone.
    const limit = vanished === undefined ? range.limit : range.limit + 1;
    const all = this.#records.select({ ...range, limit });
    const found = all.filter(({ key }) => key !== vanished).slice(0, range.limit);
    const isMissed = all.slice(0, range.limit).some(({ key }) => key === vanished);
    if (isMissed) this.device.hooks.onFault("rot");
    if (this.#records.isDamagedIn(range, found, what)) this.device.hooks.onFault("damage");
    return found;
  }
}
