/**
 * Damage to a journal that stays: when it is opened next, one of its batches has a wrong bit, or was never written, though
 * later ones are there. Nobody can open it from then on. Of the last batch a journal could not tell either from one that a
 * crash has torn: it is left alone.
 */

import type { Damage } from "./damage.ts";
import type { MayDamage } from "./disk.ts";
import type { JournalPlatter } from "./journal-platter.ts";
import type { Rng } from "./random.ts";
import type { Content } from "./torn-files.ts";

type JournalDamageKind = "rot" | "lost-batch";

interface Plan {
  readonly how: JournalDamageKind;
  readonly rng: Rng;
  readonly mayDamage: MayDamage;
}

export class JournalDamage {
  #plan: Plan | undefined;
  #done: { readonly damage: Damage; readonly disk: Buffer; readonly position: number } | undefined;

  plan(plan: Plan): void {
    this.#plan = plan;
  }

  heal(): void {
    this.#plan = undefined;
  }

  /** What whoever has opened the journal must have noticed. */
  get done(): Damage | undefined {
    return this.#done?.damage;
  }

  /** The journal is about to be opened. */
  strike(journal: JournalPlatter, contents: Iterable<Content>): void {
    const planned = this.#plan;
    this.#plan = undefined;
    if (planned === undefined || this.#done !== undefined) return;
    const { how, rng, mayDamage } = planned;
    const batches = journal.batches().slice(0, -1);
    if (batches.length === 0) return;
    const { number, segment, position, end } = rng.pick(batches);
    const content = [...contents].find(({ disk }) => disk === segment.file);
    const damage: Damage = { key: `batch ${number} of the journal`, how, entries: "all" };
    if (content === undefined || !mayDamage([damage])) return;
    const { disk, cache } = content;
    const bit = rng.below((end - position) * 8);
    const at = position + Math.floor(bit / 8);
    for (const bytes of [disk, cache]) {
      if (how === "rot") bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
      else bytes.fill(0, position, end);
    }
    journal.platter.damaged.set(damage.key, damage);
    this.#done = { damage, disk, position };
  }

  /** Whether one comes upon it who reads this part of a file. */
  isIn({ disk }: Content, position: number, length: number): boolean {
    const done = this.#done;
    if (done?.disk !== disk) return false;
    return position <= done.position && done.position < position + length;
  }
}
