/** What each fault of a disk does, and how it ends. */

import type { MayDamage, SimDisk } from "./disk.ts";
import type { Effect, FaultWorld } from "./fault-world.ts";
import type { SimProcess } from "./process.ts";
import type { Rng } from "./random.ts";
import type { Action } from "./schedule.ts";

const DISK_ACTIONS = [
  "disk-stall",
  "disk-slow",
  "disk-fail",
  "sync-fail",
  "read-fail",
  "guard-fail",
  "disk-full",
  "bit-rot",
  "damage",
  "lose-batch",
] as const;
export type DiskAction = Extract<Action, { readonly type: (typeof DISK_ACTIONS)[number] }>;

export function isOfDisk(action: Action): action is DiskAction {
  return (DISK_ACTIONS as readonly string[]).includes(action.type);
}

export function applyToDisk(
  world: FaultWorld,
  action: DiskAction,
  { slot, disk, isUp }: SimProcess,
  rng: Rng,
): Effect | undefined {
  const { device } = disk;
  const nodes = [slot];
  if ("downMs" in action) {
    if (!isUp) return undefined;
    world.expectStop(slot, action.downMs);
  }
  switch (action.type) {
    case "disk-stall":
      device.stalledUntilUs = Math.max(
        device.stalledUntilUs,
        world.scheduler.nowUs + action.forMs * 1000,
      );
      return { nodes };
    case "disk-slow":
      device.slowness *= action.factor;
      return { nodes, end: () => (device.slowness /= action.factor) };
    case "disk-full":
      device.fillUntil(world.scheduler.nowUs + action.forMs * 1000);
      return { nodes };
    case "disk-fail":
      device.failNext({ code: action.code, batch: action.isApplied ? "kept" : "lost" });
      return { nodes };
    case "sync-fail":
      device.failNext({ code: "EIO", batch: "dropped" });
      return { nodes };
    case "read-fail":
      device.failNextRead();
      return { nodes };
    case "guard-fail":
      device.failNextGuard();
      return { nodes };
    case "bit-rot":
      disk.rotNext();
      return { nodes };
    case "damage":
    case "lose-batch":
      return damage(world, action, slot, disk, rng);
  }
}

function damage(
  world: FaultWorld,
  action: Extract<DiskAction, { readonly type: "damage" | "lose-batch" }>,
  slot: number,
  disk: SimDisk,
  rng: Rng,
): Effect | undefined {
  const mayDamage: MayDamage = (damages) => {
    if (!world.mayDamage(slot, damages, action.isBudgeted)) return false;
    world.onDamage(slot, damages);
    return true;
  };
  if (action.type === "lose-batch") disk.loseBatch(rng, mayDamage);
  else if (disk.damage(action.how, action.records, rng, mayDamage) === undefined) return undefined;
  return { nodes: [slot] };
}
