/**
 * What a disk is to those who wait for it, whatever is stored on it: how long it takes, when it stands still, and which
 * of what it is asked for next is to fail.
 *
 * What is asked for takes effect, and a read sees the disk, when its event comes: never within the call.
 */

import { messageOf } from "../src/errors.ts";
import type { PlatterChange } from "./platter.ts";
import type { Rng } from "./random.ts";
import type { State } from "./recorder.ts";
import type { DiskModel } from "./schedule.ts";
import { KIND } from "./scheduler.ts";
import type { Actor, Scheduler, SimEvent } from "./scheduler.ts";

/** Asked of the device and not complete. */
interface Operation {
  event: SimEvent;
  readonly after: (delayUs: number) => SimEvent;
}

export interface DiskFailure {
  readonly code: "EIO" | "ENOSPC";
  /**
   * Whether what was written is there nevertheless. `"dropped"`: it is shown, but it and all that is not synced yet counts
   * as written, though it is not, so that no later sync makes it durable.
   */
  readonly batch: "lost" | "kept" | "dropped";
}

const FULL: DiskFailure = { code: "ENOSPC", batch: "lost" };

/** What a healed disk takes at most. */
const CALM_SYNC_US = 3000;

export interface DiskHooks {
  /** Something to be written is handed over; what the hook makes of it happens before anything else of the process. */
  readonly onBatch: (sync: boolean) => void;
  /** Something that was asked of the device is done, and the process about to hear of it, unless the hook ends it. */
  readonly onDone: () => void;
  /** Batches have become durable. */
  readonly onDurable: (change: PlatterChange) => void;
  /** An injected fault has shown itself to the process. */
  readonly onFault: (fault: "failure" | "rot" | "damage") => void;
  /** A process is about to hear that a write has failed that something may depend on. */
  readonly onFailed: () => void;
  readonly onReached: (state: State, times: number) => void;
}

/** What is to be written. */
export interface WriteKind {
  /** Only what is to be durable may fail. */
  readonly sync: boolean;
  /** Whether it fails where the disk is full. */
  readonly needsRoom: boolean;
  /** Whether something may depend on it, and `onFailed` is to be told. */
  readonly isVital: () => boolean;
}

export class Device {
  /** Times longer than usual. */
  slowness = 1;
  /** Nothing completes before this microsecond. */
  stalledUntilUs = 0;
  readonly rng: Rng;
  readonly hooks: DiskHooks;
  readonly #scheduler: Scheduler;
  #model: DiskModel;
  readonly #operations = new Set<Operation>();
  #failure: DiskFailure | undefined;
  /** How often it was healed. */
  #heals = 0;
  #failsToRead = false;
  #failsToGuard = false;
  #fullUntilUs = 0;

  constructor(scheduler: Scheduler, rng: Rng, model: DiskModel, hooks: DiskHooks) {
    this.#scheduler = scheduler;
    this.rng = rng;
    this.#model = model;
    this.hooks = hooks;
  }

  /** The next synced write fails. */
  failNext(failure: DiskFailure): void {
    this.#failure = failure;
  }

  failNextRead(): void {
    this.#failsToRead = true;
  }

  failNextGuard(): void {
    this.#failsToGuard = true;
  }

  /** Everything that needs room fails until then, and leaves nothing. */
  fillUntil(untilUs: number): void {
    this.#fullUntilUs = Math.max(this.#fullUntilUs, untilUs);
  }

  /** No fault is waiting any more, and nothing takes long. */
  heal(): void {
    const { syncMinUs, syncMaxUs } = this.#model;
    this.#model = {
      ...this.#model,
      syncMaxUs: Math.max(syncMinUs, Math.min(syncMaxUs, CALM_SYNC_US)),
    };
    this.#heals += 1;
    this.#failure = undefined;
    this.#failsToRead = false;
    this.#failsToGuard = false;
    this.#fullUntilUs = 0;
    this.slowness = 1;
    this.stalledUntilUs = 0;
    this.#hurry();
  }

  /** Resolves with what `look` finds. */
  read<Value>(actor: Actor, look: () => Value): Promise<Value> {
    return this.#later("aside", actor, this.#readUs(), (resolve, reject) => {
      if (this.#failsToRead) {
        this.#failsToRead = false;
        return reject(this.#failed("EIO"));
      }
      try {
        resolve(look());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
  }

  /** Takes as long as a read, and never fails. */
  close(actor: Actor): Promise<void> {
    return this.#later("aside", actor, this.#readUs(), (resolve) => resolve(undefined));
  }

  /** `end` makes it take effect, or leaves what the failure leaves of it. */
  write(
    actor: Actor,
    { sync, needsRoom, isVital }: WriteKind,
    end: (failure: DiskFailure | undefined) => void,
  ): Promise<void> {
    if (!actor.isAlive) return new Promise(() => undefined);
    const planned = sync ? this.#nextFailure(needsRoom) : undefined;
    const delayUs = sync ? this.#syncUs() : this.#readUs();
    const heals = this.#heals;
    const weight = planned === undefined || !isVital() ? "aside" : "vital";
    const done = this.#later<void>(weight, actor, delayUs, (resolve, reject) => {
      // It may have been healed meanwhile.
      const failure = heals === this.#heals ? planned : undefined;
      end(failure);
      if (failure === undefined) return resolve();
      if (failure === this.#failure) this.#failure = undefined;
      reject(this.#failed(failure.code));
    });
    this.hooks.onBatch(sync);
    return done;
  }

  /** After a failure nobody knows whether `finish` would have been. */
  writeGuard(actor: Actor, weight: "vital" | "aside", finish: () => void): Promise<void> {
    return this.#later(weight, actor, this.#syncUs(), (resolve, reject) => {
      const fails = this.#failsToGuard;
      this.#failsToGuard = false;
      if (fails) return reject(this.#failed("EIO"));
      finish();
      resolve(undefined);
    });
  }

  #nextFailure(needsRoom: boolean): DiskFailure | undefined {
    if (needsRoom && this.#fullUntilUs > this.#scheduler.nowUs) return FULL;
    return this.#failure;
  }

  #failed(code: DiskFailure["code"]): Error {
    this.hooks.onFault("failure");
    return Object.assign(new Error(`${code}: injected`), { code });
  }

  /** `"vital"`: a write that something may depend on. The device acts on time, also while its process is paused; the process hears of it when it can. */
  #later<Value>(
    what: "vital" | "aside",
    actor: Actor,
    delayUs: number,
    act: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (!actor.isAlive) return;
      const tell = (outcome: () => void): void => {
        if (actor.gateUs <= this.#scheduler.nowUs) return outcome();
        this.#scheduler.after(0, KIND.disk, actor, () => {
          this.#scheduler.wantDrain();
          outcome();
        });
      };
      const complete = (): void => {
        if (actor.isAlive) this.hooks.onDone();
        if (!actor.isAlive) return;
        this.#scheduler.wantDrain();
        act(
          (value) => tell(() => resolve(value)),
          (error) =>
            tell(() => {
              if (what === "vital") this.hooks.onFailed();
              reject(error);
            }),
        );
      };
      this.#schedule(Math.floor(delayUs * this.slowness), actor.slot, complete);
    });
  }

  #schedule(delayUs: number, digest: number, complete: () => void): void {
    const after = (us: number): SimEvent =>
      this.#scheduler.after(us, KIND.disk, undefined, run, digest);
    const run = (): void => {
      const remainingUs = this.stalledUntilUs - this.#scheduler.nowUs;
      if (remainingUs > 0) {
        operation.event = after(remainingUs);
        return;
      }
      this.#operations.delete(operation);
      complete();
    };
    const stallUs = Math.max(0, this.stalledUntilUs - this.#scheduler.nowUs);
    const operation: Operation = { event: after(delayUs + stallUs), after };
    this.#operations.add(operation);
  }

  /** What a slow or stalled disk was asked for does not take long any more. */
  #hurry(): void {
    for (const operation of this.#operations) {
      if (operation.event.timeUs <= this.#scheduler.nowUs + CALM_SYNC_US) continue;
      operation.event.run = undefined;
      operation.event = operation.after(CALM_SYNC_US);
    }
  }

  #readUs(): number {
    return this.rng.between(this.#model.readMinUs, this.#model.readMaxUs);
  }

  #syncUs(): number {
    return this.rng.between(this.#model.syncMinUs, this.#model.syncMaxUs);
  }
}
