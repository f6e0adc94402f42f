/**
 * A disk with the files of a journal: under the seam of folders and files, with the fault model that seam promises. The
 * journal above it is the shipped code.
 *
 * A crash keeps any part of what was being written, sector by sector. Half the time the page cache outlives it, as where
 * only the process is killed: then what the next one reads may not be on the disk.
 */

import { RaftError } from "../src/errors.ts";
import type { Guard } from "../src/storage/guard.ts";
import type { JournalFile, JournalFolder } from "../src/storage/journal/folder.ts";
import { JournalStore } from "../src/storage/journal/store.ts";
import type { OrderedStore, StoreOperation } from "../src/storage/ordered-store.ts";
import type { Damage, DamagedRecords, DamageKind } from "./damage.ts";
import type { Device, DiskFailure, WriteKind } from "./device.ts";
import type { MayDamage, SimDisk } from "./disk.ts";
import { DiskGuard } from "./disk-guard.ts";
import { JournalDamage } from "./journal-damage.ts";
import { copyOf, isSegment, JournalPlatter } from "./journal-platter.ts";
import type { Files } from "./journal-platter.ts";
import type { Platter } from "./platter.ts";
import type { Rng } from "./random.ts";
import { Rot } from "./rot.ts";
import type { JournalModel } from "./schedule.ts";
import type { Actor } from "./scheduler.ts";
import { TornFiles } from "./torn-files.ts";
import type { Content, Effect } from "./torn-files.ts";

/** Whatever depends on a change of a file hears of it from the batch that needs it. */
const CHANGE: WriteKind = { sync: true, needsRoom: false, isVital: () => false };

export class JournalDisk implements SimDisk {
  readonly device: Device;
  readonly #model: JournalModel;
  readonly #files: TornFiles;
  readonly #journal = new JournalPlatter();
  readonly #damage = new JournalDamage();
  readonly #guard: DiskGuard;
  readonly #rot: Rot;
  /** How many changes the batch has that was handed over and is not done. */
  #underWay: number | undefined;
  #owner: Actor | undefined;

  constructor(device: Device, model: JournalModel) {
    this.device = device;
    this.#model = model;
    this.#files = new TornFiles(
      () => device.rng.fraction(),
      (message) => {
        throw new Error(`the journal breaks a promise to its folder: ${message}`);
      },
    );
    this.#guard = new DiskGuard(this.#journal.platter);
    this.#rot = new Rot(device);
  }

  get platter(): Platter {
    return this.#journal.platter;
  }

  get foundAtOpen(): string | undefined {
    return this.#damage.done?.key ?? this.#guard.damage?.key;
  }

  rotNext(): void {
    this.#rot.add();
  }

  /** What there is of the log, of snapshots and of what is said of both, all of it is in batches. */
  damage(
    how: DamageKind,
    records: DamagedRecords,
    rng: Rng,
    mayDamage: MayDamage,
  ): readonly Damage[] | undefined {
    if (records === "guard") return this.#guard.spoil(how, mayDamage);
    this.#damage.plan({ how: "rot", rng, mayDamage });
    return [];
  }

  loseBatch(rng: Rng, mayDamage: MayDamage): void {
    this.#damage.plan({ how: "lost-batch", rng, mayDamage });
  }

  heal(): void {
    this.device.heal();
    this.#rot.heal();
    this.#damage.heal();
  }

  crash(): number {
    const { rng } = this.device;
    const before = this.#journal.number;
    this.#files.crash(rng.chance(500_000) ? "power" : "kill");
    this.#lookAtAll();
    const isLost = this.#underWay !== undefined && this.#journal.number === before;
    this.#underWay = undefined;
    this.#owner = undefined;
    this.#guard.crash(rng);
    return isLost ? 1 : 0;
  }

  openFor(actor: Actor): { readonly store: OrderedStore; readonly guard: Guard } {
    const { rng } = this.device;
    this.#damage.strike(this.#journal, this.#files.shown.values());
    const journal = new JournalStore(this.#folderFor(actor), {
      ...this.#model,
      random: () => rng.fraction(),
    });
    const store: OrderedStore = {
      open: () => journal.open(),
      get: async (key) => this.#rot.of(key, await journal.get(key)),
      range: async (range) => {
        const records = await journal.range(range);
        return records.map(({ key, value }) => ({ key, value: this.#rot.of(key, value) }));
      },
      keys: (range) => journal.keys(range),
      batch: (operations) => this.#batch(actor, journal, operations),
      close: () => journal.close(),
    };
    return { store, guard: this.#guard.openFor(actor, this.device) };
  }

  async #batch(
    actor: Actor,
    journal: JournalStore,
    operations: readonly StoreOperation[],
  ): Promise<void> {
    if (!actor.isAlive) return await never();
    const isTidying = this.platter.isTidying(operations);
    this.#underWay = operations.length;
    try {
      await journal.batch(operations);
      this.#underWay = undefined;
    } catch (error) {
      if (actor.isAlive && !isTidying) this.device.hooks.onFailed();
      throw error;
    }
  }

  #folderFor(actor: Actor): JournalFolder {
    const { device } = this;
    const files = this.#files;
    return {
      open: () =>
        device.read(actor, () => {
          if (this.#owner !== undefined) throw new RaftError("RAFT_LOCKED", "it is in use");
          this.#owner = actor;
          files.syncNames();
          this.#lookAtAll();
        }),
      list: () => device.read(actor, () => [...files.shown.keys()]),
      create: (name, size) =>
        this.#change(actor, { ...CHANGE, needsRoom: true }, () => files.create(name, size)),
      openFile: (name) => device.read(actor, () => this.#fileFor(actor, files.contentOf(name))),
      rename: (from, to) =>
        this.#change(
          actor,
          CHANGE,
          () => files.rename(from, to),
          (failure) => this.#onRenamed(failure, from, to),
        ),
      remove: (name) =>
        this.#change(
          actor,
          CHANGE,
          () => files.remove(name),
          (failure) => this.#onRenamed(failure, name, ""),
        ),
      close: async () => {
        if (this.#owner === actor) this.#owner = undefined;
      },
    };
  }

  #fileFor(actor: Actor, content: Content): JournalFile {
    const { cache, disk } = content;
    let isOpen = true;
    const mustBeOpen = (): void => {
      if (!isOpen) throw new Error(`EBADF: ${this.#files.nameOf(content)} is closed`);
    };
    return {
      size: cache.length,
      write: (bytes, position) =>
        this.#change(
          actor,
          CHANGE,
          () => {
            mustBeOpen();
            return this.#files.write(content, bytes, position);
          },
          (failure) => {
            if (failure === undefined) this.#onWritten(disk, position);
            else this.#lookAtAll();
          },
        ),
      read: (position, length) =>
        this.device.read(actor, () => {
          mustBeOpen();
          if (this.#damage.isIn(content, position, length)) this.device.hooks.onFault("damage");
          if (position + length > cache.length) throw new Error("the file ends before");
          return copyOf(cache, position, length);
        }),
      close: async () => {
        isOpen = false;
      },
    };
  }

  async #change(
    actor: Actor,
    kind: WriteKind,
    begin: () => Effect,
    onEnd: (failure: DiskFailure | undefined) => void = () => undefined,
  ): Promise<void> {
    if (!actor.isAlive) return await never();
    const effect = begin();
    await this.device.write(actor, kind, (failure) => {
      if (failure === undefined || failure.batch === "kept") effect.finish();
      else effect.breakOff(failure.batch === "dropped" ? "dropped" : "torn");
      onEnd(failure);
    });
  }

  #onRenamed(failure: DiskFailure | undefined, from: string, to: string): void {
    const { onReached, onDurable } = this.device.hooks;
    if (failure !== undefined) return this.#lookAtAll();
    if (isSegment(from)) onReached("segmentsGivenUp", 1);
    if (isSegment(to)) onReached("segmentsMade", 1);
    const change = this.#journal.onRenamed(this.#durable, from, to);
    if (change !== undefined) onDurable(change);
  }

  #onWritten(file: Buffer, position: number): void {
    const { change, changes } = this.#journal.onWritten(() => this.#durable, file, position);
    const moved = changes - (this.#underWay ?? changes);
    if (moved > 0) this.device.hooks.onReached("recordsMoved", moved);
    if (change !== undefined) this.device.hooks.onDurable(change);
  }

  #lookAtAll(): void {
    // What is damaged counts as written: nobody writes to it any more.
    if (this.#damage.done !== undefined) return;
    this.device.hooks.onDurable(this.#journal.readAll(this.#durable));
  }

  get #durable(): Files {
    return new Map([...this.#files.durable].map(([name, { disk }]) => [name, disk]));
  }
}

/** What a dead process waits for. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
