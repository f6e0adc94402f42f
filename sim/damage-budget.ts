/** What a cluster can spare: with damage within this budget nothing that is committed is lost, and a quorum remains. */

import { damages as isLostBy } from "./damage.ts";
import type { Damage } from "./damage.ts";
import type { Ghost } from "./safety/ghost.ts";

/**
 * Whether a node may have these records damaged: without it and all that are damaged already enough are left for a
 * quorum, and every committed entry that it loses is on a quorum of disks even so.
 */
export function canSpare(
  { nodes, golden }: Ghost,
  isDamaged: (slot: number) => boolean,
  slot: number,
  damages: readonly Damage[],
): boolean {
  const others = nodes.filter((view) => view.slot !== slot);
  const sound = others.filter((view) => !isDamaged(view.slot));
  if (2 * sound.length <= nodes.length) return false;
  for (let index = golden.lastIndex; index > 0; index -= 1) {
    const id = { term: golden.termAt(index) ?? 0, index };
    if (!damages.some((damage) => isLostBy(damage, id))) continue;
    const holders = others.filter(({ platter }) => platter.holds(id));
    if (2 * holders.length <= nodes.length) return false;
  }
  return true;
}
