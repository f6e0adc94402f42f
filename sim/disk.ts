/** A disk as the rest of the simulator sees it, whatever is stored on it. */

import type { Guard } from "../src/storage/guard.ts";
import type { OrderedStore } from "../src/storage/ordered-store.ts";
import type { Damage, DamagedRecords, DamageKind } from "./damage.ts";
import type { Device } from "./device.ts";
import type { Platter } from "./platter.ts";
import type { Rng } from "./random.ts";
import type { Actor } from "./scheduler.ts";

/** Whether these may be damaged, all of them. */
export type MayDamage = (damages: readonly Damage[]) => boolean;

export interface SimDisk {
  readonly device: Device;
  /** What is on it for good. */
  readonly platter: Platter;
  /** What is gone or damaged so that whoever has opened the disk must have noticed. */
  readonly foundAtOpen: string | undefined;
  /** Something that is read soon comes back wrong, once. Whoever reads it has to notice, and to stop. */
  rotNext(): void;
  /**
   * Damages records for good, if there are any of this kind that may be damaged. None: some are found damaged by the next
   * process that opens the disk, if that may be then.
   */
  damage(
    how: DamageKind,
    records: DamagedRecords,
    rng: Rng,
    mayDamage: MayDamage,
  ): readonly Damage[] | undefined;
  /** The next process that opens the disk finds that a batch of its predecessor never was, though later ones were. */
  loseBatch(rng: Rng, mayDamage: MayDamage): void;
  /** No fault is waiting any more, and nothing takes long. */
  heal(): void;
  /** How many batches that were not synced are lost. Whoever had the disk open hears no more of it. */
  crash(): number;
  /** Handles for one incarnation: cut off with it. */
  openFor(actor: Actor): { readonly store: OrderedStore; readonly guard: Guard };
}
