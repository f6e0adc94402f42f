/**
 * What a simulated disk holds: records as the store shows them, batches that are not synced yet and how to undo them, the
 * platter behind them, and the damage done to any of it.
 */

import { rangeOf } from "../src/storage/layout.ts";
import type { StoreOperation, StoreRange, StoreRecord } from "../src/storage/ordered-store.ts";
import { areAlike, isFoundAtOpen, isOfRecords, lostWith, withOneBitWrong } from "./damage.ts";
import type { Damage, DamagedRecords, DamageKind } from "./damage.ts";
import type { MayDamage } from "./disk.ts";
import { Platter } from "./platter.ts";
import type { PlatterChange } from "./platter.ts";
import type { Rng } from "./random.ts";

/** What stood under a key before. */
interface Former {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly damage: Damage | undefined;
}

/** A batch that the store shows. */
interface Batch {
  readonly operations: readonly StoreOperation[];
  readonly undo: readonly Former[];
}

/** How many records are looked at before damage is given up. */
const TRIES = 12;

/** How many batches back the journal may be damaged. */
const JOURNAL_BATCHES = 8;

const LOG = rangeOf("log");

export class DiskRecords {
  readonly platter: Platter = new Platter();
  /** In no order: they are few, and written far more often than looked for by range. */
  readonly #records = new Map<string, Uint8Array>();
  readonly #onDurable: (change: PlatterChange) => void;
  #unsynced: Batch[] = [];
  /** The dirty batches from this one on were dropped by a failed sync: shown until a crash, and never durable. */
  #droppedFrom: number | undefined;
  /** For ever: the disk cannot be opened any more. */
  #hasLostBatch = false;
  /** The last durable ones since the disk was opened. */
  #journal: Batch[] = [];
  /** What log records held before they were last overwritten. */
  readonly #overwritten = new Map<string, Uint8Array>();

  constructor(onDurable: (change: PlatterChange) => void) {
    this.#onDurable = onDurable;
  }

  get unsynced(): number {
    return this.#unsynced.length;
  }

  get hasDropped(): boolean {
    return this.#droppedFrom !== undefined;
  }

  get(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  select({ gte, lt, reverse, limit }: StoreRange): StoreRecord[] {
    const found: StoreRecord[] = [];
    for (const [key, value] of this.#records)
      if (key >= gte && key < lt) found.push({ key, value });
    found.sort((a, b) => compareKeys(a.key, b.key));
    if (reverse === true) found.reverse();
    return found.slice(0, limit);
  }

  /** The store shows it from now on. */
  take(operations: readonly StoreOperation[]): void {
    const { damaged } = this.platter;
    const undo: Former[] = [];
    for (const operation of operations) {
      const { key } = operation;
      const value = this.#records.get(key);
      undo.push({ key, value, damage: damaged.get(key) });
      if (operation.type === "put") this.#records.set(key, operation.value);
      else this.#records.delete(key);
      damaged.delete(key);
      if (operation.type === "del") this.#overwritten.delete(key);
      else if (value !== undefined && key >= LOG.gte && key < LOG.lt) {
        this.#overwritten.set(key, value);
      }
    }
    this.#unsynced.push({ operations, undo });
  }

  sync(): void {
    if (this.#droppedFrom !== undefined) return;
    const durable = this.#unsynced;
    this.#unsynced = [];
    for (const { operations } of durable) this.#onDurable(this.platter.apply(operations));
    this.#journal.push(...durable);
    if (this.#journal.length > JOURNAL_BATCHES) this.#journal.splice(0, durable.length);
  }

  /** A sync has failed, and what was dirty counts as clean: no later sync writes it, nor anything behind it. */
  drop(): void {
    this.#droppedFrom ??= 0;
  }

  /** The power is gone: of the batches that are not synced the first `kept` are there, but for those that were dropped. */
  crash(kept: number): void {
    const undone = this.#unsynced.splice(Math.min(kept, this.#droppedFrom ?? kept));
    this.#droppedFrom = undefined;
    for (const { undo } of undone.toReversed()) this.#putBack(undo);
  }

  /** A process opens the disk: what the journal held has been moved elsewhere. */
  beginJournal(): void {
    this.#journal = [];
  }

  /** Damages what is found under one key, or two; `undefined` where there is nothing that may be damaged. */
  damage(
    how: DamageKind,
    records: DamagedRecords,
    underWay: readonly StoreOperation[],
    rng: Rng,
    mayDamage: MayDamage,
  ): readonly Damage[] | undefined {
    const dirty = new Set(
      [...this.#unsynced.map(({ operations }) => operations), underWay].flatMap((operations) =>
        operations.map(({ key }) => key),
      ),
    );
    const keys = [...this.#records.keys()]
      .filter(
        (key) => isOfRecords(key, records) && !dirty.has(key) && !this.platter.damaged.has(key),
      )
      .toSorted(compareKeys);
    for (let nth = 0; nth < TRIES && keys.length > 0; nth += 1) {
      const key = rng.pick(keys);
      const others = how === "misdirected" ? keys.filter((other) => areAlike(key, other)) : [];
      const other = others.length === 0 ? undefined : rng.pick(others);
      const damages = this.#damages(how, key, other);
      if (damages === undefined || !mayDamage(damages)) continue;
      this.#spoil(how, key, other, rng);
      for (const damage of damages) this.platter.damaged.set(damage.key, damage);
      return damages;
    }
    return undefined;
  }

  /** A durable batch is gone from the middle of the journal, as if it had never been. */
  loseBatch(rng: Rng, mayDamage: MayDamage): Damage | undefined {
    // Without a later one it would be as if it had never been written.
    if (this.#journal.length < 2 || this.#unsynced.length > 0) return undefined;
    const at = rng.below(this.#journal.length - 1);
    const lost = this.#journal[at];
    if (lost === undefined) return undefined;
    const key = `batch ${at + 1} of the last ${this.#journal.length}`;
    const damage: Damage = { key, how: "lost-batch", entries: "all" };
    if (!mayDamage([damage])) return undefined;
    const later = this.#journal.slice(at + 1).flatMap(({ operations }) => operations);
    const overwritten = new Set(later.map(({ key: written }) => written));
    this.#putBack(lost.undo.filter(({ key: written }) => !overwritten.has(written)));
    this.platter.damaged.set(key, damage);
    this.#hasLostBatch = true;
    return damage;
  }

  /** The damage that whoever opens the disk now is bound to find. */
  foundAtOpen(): Damage | undefined {
    return [...this.platter.damaged.values()].find((each) => isFoundAtOpen(each, this.platter));
  }

  /** Whether one comes upon damage who asks for this record. */
  isDamagedAt(key: string): boolean {
    return this.#hasLostBatch || this.platter.damaged.has(key);
  }

  /** Whether one comes upon damage who asks for this range and gets `found`; of keys alone, only where one is gone. */
  isDamagedIn(
    { gte, lt, reverse, limit }: StoreRange,
    found: readonly StoreRecord[],
    what: "records" | "keys",
  ): boolean {
    if (this.platter.damaged.size === 0) return false;
    if (this.#hasLostBatch) return true;
    const last = found.length === limit ? found.at(-1)?.key : undefined;
    const [from, to] = reverse === true ? [last ?? gte, undefined] : [gte, last];
    return [...this.platter.damaged.keys()].some(
      (key) =>
        key >= from &&
        key < lt &&
        (to === undefined || key <= to) &&
        (what === "records" || !this.#records.has(key)),
    );
  }

  #damages(how: DamageKind, key: string, other: string | undefined): Damage[] | undefined {
    const value = this.#records.get(key);
    const former = this.#overwritten.get(key);
    if (how === "stale" && (former === undefined || former === value)) return undefined;
    if (how === "misdirected" && (other === undefined || other === key)) return undefined;
    const hit = how === "misdirected" ? [key, other ?? key] : [key];
    const damages = hit.map((each): Damage | undefined => {
      const entries = lostWith(
        { key: each, value: this.#records.get(each) ?? EMPTY },
        this.platter,
      );
      return entries === undefined ? undefined : { key: each, how, entries };
    });
    const known = damages.filter((each) => each !== undefined);
    return known.length === hit.length ? known : undefined;
  }

  #spoil(how: DamageKind, key: string, other: string | undefined, rng: Rng): void {
    const value = this.#records.get(key) ?? EMPTY;
    const former = this.#overwritten.get(key);
    if (how === "rot") return void this.#records.set(key, withOneBitWrong(value, rng));
    if (how === "misdirected" && other !== undefined) this.#records.set(other, value);
    if (how === "stale" && former !== undefined) return void this.#records.set(key, former);
    this.#records.delete(key);
  }

  #putBack(undo: readonly Former[]): void {
    for (const { key, value, damage } of undo.toReversed()) {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, value);
      if (damage === undefined) this.platter.damaged.delete(key);
      else this.platter.damaged.set(key, damage);
    }
  }
}

const EMPTY = new Uint8Array(0);

function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
