/** A simulated disk on a scheduler of its own, and records to put on it. */

import { expect } from "vitest";
import { encodeEntries } from "../../../src/entry-codec.ts";
import { putMarker } from "../../../src/storage/layout.ts";
import type { StoreOperation } from "../../../src/storage/ordered-store.ts";
import { putEntries } from "../../../src/storage/records.ts";
import { Device } from "../../../sim/device.ts";
import type { SimDisk } from "../../../sim/disk.ts";
import { OrderedDisk } from "../../../sim/ordered-disk.ts";
import { Rng } from "../../../sim/random.ts";
import { Scheduler } from "../../../sim/scheduler.ts";
import type { Actor } from "../../../sim/scheduler.ts";
import { commands } from "../../storage/support.ts";

export const MODEL = { readMinUs: 10, readMaxUs: 20, syncMinUs: 100, syncMaxUs: 200 };

export interface Rig {
  readonly scheduler: Scheduler;
  readonly disk: SimDisk;
  readonly actor: Actor;
  readonly faults: string[];
  readonly reached: ReadonlyMap<string, number>;
}

/** `make`: the disk of which kind. */
export function rig(
  seed = 1,
  make: (device: Device) => SimDisk = (device) => new OrderedDisk(device),
): Rig {
  const scheduler = new Scheduler({
    onStep: () => undefined,
    onThrow: (error) => expect.fail(String(error)),
  });
  const faults: string[] = [];
  const reached = new Map<string, number>();
  const device = new Device(scheduler, new Rng(seed, "disk"), MODEL, {
    onBatch: () => undefined,
    onDone: () => undefined,
    onDurable: () => undefined,
    onFault: (fault) => faults.push(fault),
    onFailed: () => faults.push("told"),
    onReached: (state, times) => reached.set(state, (reached.get(state) ?? 0) + times),
  });
  return {
    scheduler,
    disk: make(device),
    reached,
    actor: { slot: 0, isAlive: true, gateUs: 0 },
    faults,
  };
}

export function put(key: string, text: string): StoreOperation {
  return { type: "put", key, value: Buffer.from(text) };
}

export function batch(
  { disk, actor }: Rig,
  operations: readonly StoreOperation[],
  sync: boolean,
): Promise<void> {
  return disk.openFor(actor).store.batch(operations, { sync });
}

export async function read(each: Rig, key: string): Promise<string | undefined> {
  const actor: Actor = { slot: 0, isAlive: true, gateUs: 0 };
  const reading = each.disk.openFor(actor).store.get(key);
  await each.scheduler.run(each.scheduler.nowUs + 1_000_000);
  const value = await reading;
  return value === undefined ? undefined : textOf(value);
}

export function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString("latin1");
}

/** A log of records with an entry each; `terms`: of which term, by index from 1. */
export function logOf(terms: readonly number[], number = 1): StoreOperation[] {
  const operations: StoreOperation[] = [];
  for (const [at, term] of terms.entries()) {
    const entries = commands(at + 1, at + 1, term);
    putEntries(operations, entries, encodeEntries(entries));
  }
  operations.push(
    putMarker({
      number,
      hardState: { currentTerm: 1, votedFor: undefined, commitIndex: 0 },
      compacted: { term: 0, index: 0 },
      lastIndex: terms.length,
      snapshot: 0,
      runs: 1,
      configurations: 0,
    }),
  );
  return operations;
}

export async function written(each: Rig, operations: readonly StoreOperation[]): Promise<void> {
  void batch(each, operations, true);
  await each.scheduler.run(each.scheduler.nowUs + 1000);
}
