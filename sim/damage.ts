/**
 * Damage that stays on a disk: a record with a wrong bit, or gone, or back at what it was before it was last written, or
 * under the key of another. It stays until the record is overwritten or removed; whoever reads it meanwhile has to notice,
 * and may do nothing but stop.
 *
 * Most of it is within a budget: enough nodes stay undamaged to be a quorum, and what was committed has a good copy on a
 * quorum of the other disks. Then nothing is lost and the rest goes on. Beyond it the rest may be too few to go on.
 */

import type { EntryId } from "../src/core/types.ts";
import { numberIn, rangeOf } from "../src/storage/layout.ts";
import type { Kind } from "../src/storage/layout.ts";
import type { StoreRecord } from "../src/storage/ordered-store.ts";
import { entriesOf } from "../src/storage/records.ts";
import type { Platter } from "./platter.ts";
import type { Rng } from "./random.ts";

export const DAMAGE_KINDS = ["rot", "gone", "stale", "misdirected"] as const;
export type DamageKind = (typeof DAMAGE_KINDS)[number];

/** Which records are damaged: of the log, of snapshots, what says how both are to be read, or the guard beside them. */
export const DAMAGED_RECORDS = ["log", "snapshot", "state", "guard"] as const;
export type DamagedRecords = (typeof DAMAGED_RECORDS)[number];

const KINDS: Readonly<Record<DamagedRecords, readonly Kind[]>> = {
  log: ["log"],
  snapshot: ["snapshot", "chunk"],
  // Peers' store ids are left out: that one of them is gone cannot be noticed.
  state: ["meta", "state", "run", "configuration"],
  guard: [],
};

export interface Damage {
  readonly key: string;
  readonly how: DamageKind | "lost-batch";
  /** What the record held and the disk does not hold any more; `"all"`: it cannot be opened without this record. */
  readonly entries: readonly EntryId[] | "all";
}

export function damages({ entries }: Damage, { term, index }: EntryId): boolean {
  return entries === "all" || entries.some((id) => id.index === index && id.term === term);
}

export function isOfRecords(key: string, records: DamagedRecords): boolean {
  return KINDS[records].some((kind) => isOf(key, kind));
}

function isOf(key: string, kind: Kind): boolean {
  // The one record of a kind has no number.
  if (kind === "meta") return key.endsWith("/meta");
  const { gte, lt } = rangeOf(kind);
  return key >= gte && key < lt;
}

/** Whether both are of one kind, so that the content of one looks like one of the other. */
export function areAlike(one: string, other: string): boolean {
  return one.split("/")[1] === other.split("/")[1];
}

/** What is lost with a record; `undefined` where nobody will ever read it. */
export function lostWith(record: StoreRecord, platter: Platter): Damage["entries"] | undefined {
  const { key } = record;
  if (isOf(key, "log")) {
    const entries = entriesOf(record).filter(({ index }) => index > platter.compacted.index);
    return entries.length === 0 ? undefined : entries.map(({ term, index }) => ({ term, index }));
  }
  if (isOf(key, "chunk")) return numberIn(key) === platter.snapshotNumber ? "all" : undefined;
  return "all";
}

/**
 * Whether whoever opens the disk is bound to find this out at once; elsewhere it may only show when the record is read.
 * `isGone`: nothing stands under its key.
 */
export function isFoundAtOpen({ key, entries, how }: Damage, platter: Platter): boolean {
  if (how === "lost-batch") return true;
  const { compacted, lastIndex } = platter;
  // An inner chunk shows when the snapshot is restored.
  if (isOf(key, "chunk")) return false;
  if (entries === "all") return true;
  const isAtAnEnd = entries.some(
    ({ index }) => index === compacted.index + 1 || index === lastIndex,
  );
  return isAtAnEnd && how !== "stale";
}

export function withOneBitWrong(value: Uint8Array, rng: Rng): Buffer {
  const rotten = Buffer.from(value);
  const at = rng.below(rotten.length);
  rotten[at] = (rotten[at] ?? 0) ^ (1 << rng.below(8));
  return rotten;
}
