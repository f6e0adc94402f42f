/** What a simulated disk holds of the guard: the record, the one that is being saved, and the damage done to it. */

import { RaftError } from "../src/errors.ts";
import type { Guard, GuardRecord } from "../src/storage/guard.ts";
import type { Damage, DamageKind } from "./damage.ts";
import type { Device } from "./device.ts";
import type { MayDamage } from "./disk.ts";
import type { Platter } from "./platter.ts";
import type { Rng } from "./random.ts";
import type { Actor } from "./scheduler.ts";

/** Stands for the guard among what is damaged. */
const GUARD = "guard";

export class DiskGuard {
  readonly #platter: Platter;
  #record: GuardRecord | undefined;
  #underWay: GuardRecord | undefined;

  constructor(platter: Platter) {
    this.#platter = platter;
  }

  /** A handle for one incarnation. */
  openFor(actor: Actor, device: Device): Guard {
    return {
      load: () =>
        device.read(actor, () => {
          if (this.damage !== undefined) device.hooks.onFault("damage");
          return this.#load();
        }),
      save: (record) => {
        const weight = this.#begin(record);
        return device.writeGuard(actor, weight, () => this.#finish(record));
      },
      close: () => device.close(actor),
    };
  }

  /** As `FileGuard` does: none where the file is gone, and a refusal where both of its slots are damaged. */
  #load(): GuardRecord | undefined {
    if (this.damage === undefined) return this.#record;
    if (this.damage.how === "gone") return undefined;
    throw new RaftError("RAFT_CORRUPT", "both slots of the guard file are damaged");
  }

  get damage(): Damage | undefined {
    return this.#platter.damaged.get(GUARD);
  }

  /** Whether anything waits for it: for a watermark alone nothing does. */
  #begin(record: GuardRecord): "vital" | "aside" {
    this.#underWay = record;
    const isSame =
      record.currentTerm === this.#record?.currentTerm && record.votedFor === this.#record.votedFor;
    return isSame ? "aside" : "vital";
  }

  #finish(record: GuardRecord): void {
    this.#record = record;
    this.#underWay = undefined;
    // A slot is written anew; a file that was removed is gone, whoever still has it open.
    if (this.damage?.how === "rot") this.#platter.damaged.delete(GUARD);
  }

  /** What is being saved, or whose saving has failed, may be kept. */
  crash(rng: Rng): void {
    const isKept = this.#underWay !== undefined && rng.chance(500_000);
    if (isKept) this.#record = this.#underWay;
    this.#underWay = undefined;
  }

  /** Of a file there are no former versions: it is gone, or not to be read. */
  spoil(how: DamageKind, mayDamage: MayDamage): readonly Damage[] | undefined {
    // Beside an empty store nobody misses it.
    if (this.#record === undefined || this.#platter.lastIndex === 0) return undefined;
    if (this.damage !== undefined) return undefined;
    const damage: Damage = { key: GUARD, how: how === "gone" ? "gone" : "rot", entries: "all" };
    if (!mayDamage([damage])) return undefined;
    this.#platter.damaged.set(GUARD, damage);
    return [damage];
  }
}
