/**
 * Whether the machine was left alone: how long a sync takes, and what of the processors is used by processes that are
 * not of this run. On a busy machine ratios mean nothing.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ownPids } from "./child.ts";
import { syncTimeMs } from "./disk-probe.ts";
import { busyness } from "./process-usage.ts";
import type { Quietness } from "./results.ts";
import { median } from "./statistics.ts";

/** A sync that takes longer, or others that use more of one core, is no quiet machine. */
const QUIET_SYNC_MS = 1;
const QUIET_CORES = 0.2;

export class QuietWatch {
  readonly #syncBeforeMs: number;
  readonly #othersBefore: number;
  readonly #syncs: number[] = [];
  readonly #others: number[] = [];

  private constructor(syncBeforeMs: number, othersBefore: number) {
    this.#syncBeforeMs = syncBeforeMs;
    this.#othersBefore = othersBefore;
  }

  /** Looks at the machine for so long before anything is measured. */
  static async start(watchMs: number): Promise<QuietWatch> {
    const own = ownPids();
    const begin = busyness(own);
    await sleep(watchMs);
    const end = busyness(own);
    const others =
      begin === undefined || end === undefined
        ? 0
        : (end.allMicros - begin.allMicros - (end.ownMicros - begin.ownMicros)) / 1000 / watchMs;
    return new QuietWatch(syncTimeMs(100), Math.max(0, others));
  }

  /** Between two measurements. */
  probe(): void {
    this.#syncs.push(syncTimeMs(15));
  }

  measured(othersCores: number): void {
    this.#others.push(othersCores);
  }

  get result(): Quietness {
    const [syncs, others] = [this.#syncs, this.#others];
    return {
      syncBeforeMs: this.#syncBeforeMs,
      syncDuringMs: syncs.length > 0 ? median(syncs) : undefined,
      syncWorstMs: syncs.length > 0 ? Math.max(...syncs) : undefined,
      othersBefore: this.#othersBefore,
      othersDuring: others.length > 0 ? median(others) : undefined,
      othersWorst: others.length > 0 ? Math.max(...others) : undefined,
    };
  }
}

export function wasQuiet(seen: Quietness): boolean {
  return (
    Math.max(seen.syncBeforeMs, seen.syncDuringMs ?? 0) <= QUIET_SYNC_MS &&
    Math.max(seen.othersBefore, seen.othersDuring ?? 0) <= QUIET_CORES
  );
}
