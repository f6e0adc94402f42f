/** All that faults can get at, and what they leave behind. */

import type { ClientNetwork } from "./client-link.ts";
import type { Damage } from "./damage.ts";
import type { SimNetwork } from "./network.ts";
import type { SimProcess } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

export interface FaultWorld {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly clients: ClientNetwork;
  readonly processes: readonly SimProcess[];
  readonly crash: (slot: number) => void;
  readonly start: (slot: number) => void;
  /** Crashes as it hands over its nth next batch, and starts it again `downMs` later. */
  readonly crashOnWrite: (slot: number, writes: number, downMs: number) => void;
  /** Crashes as the nth of what it asks of its disk from now on is done. */
  readonly crashOnIo: (slot: number, operations: number, downMs: number) => void;
  /** Whether these records of a node may be damaged; with a budget, whether the others can spare them. */
  readonly mayDamage: (slot: number, damages: readonly Damage[], isBudgeted: boolean) => boolean;
  readonly onDamage: (slot: number, damages: readonly Damage[]) => void;
  /** A process that stops itself is started again so many milliseconds later. */
  readonly expectStop: (slot: number, downMs: number) => void;
  /** Who leads the highest term, as far as anybody outside can see. */
  readonly leader: () => number | undefined;
  readonly transfer: (from: number, to: number) => void;
  /** Part of a fault that goes on for a while: nothing of it happens once faults are frozen. */
  readonly later: (delayUs: number, run: () => void) => void;
  readonly burst: (slot: number, count: number) => void;
}

export interface Effect {
  readonly nodes: readonly number[];
  readonly end?: (() => void) | undefined;
}

export function all({ processes }: FaultWorld): number[] {
  return processes.map(({ slot }) => slot);
}

export function others(world: FaultWorld, slot: number): number[] {
  return all(world).filter((other) => other !== slot);
}
