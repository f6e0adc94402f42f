/**
 * One node of the cluster: a machine with a disk and an oscillator that last, and the process that runs on it now. A
 * crash is like kill -9 and a power cut in one: what the dead incarnation waits for never comes, and whatever it still
 * does reaches nobody.
 */

import { isRaftError } from "../src/errors.ts";
import { RaftNode } from "../src/node/node.ts";
import type { NodeOptions } from "../src/node/options.ts";
import { LogStore } from "../src/storage/log-store.ts";
import type { SnapshotMeta } from "../src/core/types.ts";
import type { Storage } from "../src/storage/storage.ts";
import type { Application, ApplicationMember } from "./application.ts";
import { Oscillator, SimClock } from "./clock.ts";
import type { SimDisk } from "./disk.ts";
import { SimTransport } from "./network.ts";
import type { SimNetwork } from "./network.ts";
import { observed } from "./observed-machine.ts";
import { observedStorage } from "./observed-storage.ts";
import { Rng } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { NodeObserver } from "./safety/observer.ts";
import { KIND } from "./scheduler.ts";
import type { Actor, Scheduler } from "./scheduler.ts";
import { slowed } from "./slow-machine.ts";

export interface Incarnation {
  readonly number: number;
  readonly actor: Actor;
  readonly clock: SimClock;
  node: RaftNode | undefined;
  observer: NodeObserver | undefined;
  /** An injected fault has shown itself to it: it may stop. */
  isHurt: boolean;
  /** What it has read, or not found, is damaged for good: it may only stop. */
  isDamaged: boolean;
}

interface ProcessHooks {
  /** Its storage is recovered; it has not taken a turn yet. */
  readonly onStarted: (process: SimProcess, incarnation: Incarnation) => void;
  readonly onStartFailed: (process: SimProcess, incarnation: Incarnation, error: unknown) => void;
  /** Its state machine is asked for a snapshot. */
  readonly onCapture: (process: SimProcess) => void;
  /** A snapshot of this index is switched in, or restored. */
  readonly onSnapshot: (
    process: SimProcess,
    what: "taken" | "installed" | "restored",
    index: number,
    chunks: readonly Uint8Array[],
  ) => void;
}

export interface ProcessParts {
  readonly application: Application;
  readonly slot: number;
  readonly schedule: Schedule;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly disk: SimDisk;
  readonly slots: ReadonlyMap<string, number>;
  readonly hooks: ProcessHooks;
}

export class SimProcess {
  readonly slot: number;
  readonly id: string;
  readonly disk: SimDisk;
  readonly oscillator: Oscillator;
  readonly usualDriftPpm: number;
  incarnation: Incarnation | undefined;
  /** Raised by a fault: what each turn costs more, in microseconds. */
  extraCostUs = 0;
  /** What the state machine takes, in microseconds. */
  applyUs: number;
  /** It has stopped over damage of its disk, and stays down. */
  isLost = false;
  readonly #parts: ProcessParts;
  #incarnations = 0;

  constructor(parts: ProcessParts) {
    const { slot, schedule, scheduler, disk } = parts;
    this.#parts = parts;
    this.slot = slot;
    this.id = idOf(slot);
    this.disk = disk;
    const { offsetUs, driftPpm } = schedule.clocks[slot] ?? { offsetUs: 0, driftPpm: 0 };
    this.usualDriftPpm = driftPpm;
    this.applyUs = schedule.clocks[slot]?.applyUs ?? 0;
    this.oscillator = new Oscillator(scheduler, offsetUs, driftPpm);
  }

  get isUp(): boolean {
    return this.incarnation !== undefined;
  }

  /** Whether anything on its disk is damaged for good. */
  get isDamaged(): boolean {
    return this.isLost || this.disk.platter.damaged.size > 0;
  }

  get node(): RaftNode | undefined {
    return this.incarnation?.node;
  }

  start(): void {
    const { schedule, scheduler, slot } = this.#parts;
    this.#incarnations += 1;
    const actor: Actor = { slot, isAlive: true, gateUs: 0 };
    const rng = new Rng(schedule.seed, `process ${slot} ${this.#incarnations}`);
    const clock = new SimClock(scheduler, this.oscillator, actor, rng);
    const incarnation: Incarnation = {
      number: this.#incarnations,
      actor,
      clock,
      node: undefined,
      observer: undefined,
      isHurt: false,
      isDamaged: false,
    };
    this.incarnation = incarnation;
    this.setTurnCost();
    scheduler.wantDrain();
    void this.#boot(incarnation, rng);
  }

  /** It is gone from one moment to the next; how many unsynced batches are lost with it. */
  crash(): number {
    const { incarnation } = this;
    if (incarnation === undefined) return 0;
    incarnation.actor.isAlive = false;
    this.incarnation = undefined;
    return this.disk.crash();
  }

  /** Nothing of it is run before `untilUs`, while everything else goes on. */
  pauseUntil(untilUs: number): void {
    const actor = this.incarnation?.actor;
    if (actor !== undefined) actor.gateUs = Math.max(actor.gateUs, untilUs);
  }

  setTurnCost(usual: number = this.#parts.schedule.clocks[this.slot]?.turnCostUs ?? 0): void {
    if (this.incarnation !== undefined)
      this.incarnation.clock.turnCostUs = usual + this.extraCostUs;
  }

  async #boot(incarnation: Incarnation, rng: Rng): Promise<void> {
    const { application, network, slots, schedule, hooks } = this.#parts;
    const { actor } = incarnation;
    const { store, guard } = this.disk.openFor(actor);
    const storage = observedStorage(
      new LogStore(store, guard),
      {
        onSwitch: (meta, chunks) => this.#onSwitch(incarnation, meta, chunks),
        onRead: (from, isThere) => incarnation.observer?.onRead(from, isThere),
      },
      this.#parts.scheduler,
    );
    try {
      const { machine, clients, observe } = application.member({
        slot: this.slot,
        clock: incarnation.clock,
      });
      const observer = this.#machineObserver(incarnation, observe);
      incarnation.node = await startNode({
        machine: observed(
          slowed(machine, () => this.#applying(actor)),
          observer,
          this.#parts.scheduler,
        ),
        clients,
        schedule,
        id: this.id,
        storage,
        transport: new SimTransport(network, actor, slots),
        clock: incarnation.clock,
        rng,
      });
      if (actor.isAlive) hooks.onStarted(this, incarnation);
    } catch (error) {
      if (actor.isAlive) hooks.onStartFailed(this, incarnation, error);
    }
  }

  /** When the state machine is done with what it is given now. */
  #applying(actor: Actor): ((run: () => void) => void) | undefined {
    const { scheduler } = this.#parts;
    const { applyUs } = this;
    if (applyUs === 0) return undefined;
    return (run) =>
      scheduler.after(applyUs, KIND.apply, actor, () => {
        scheduler.wantDrain();
        run();
      });
  }

  #machineObserver(
    incarnation: Incarnation,
    observe: ApplicationMember["observe"],
  ): Parameters<typeof observed>[1] {
    const { hooks } = this.#parts;
    return {
      onApplied: (commands, results) => {
        if (!incarnation.actor.isAlive) return;
        const seen = observe?.(commands.at(-1)?.index ?? 0);
        incarnation.observer?.onApplied({ commands, results, observed: seen });
      },
      onCapture: () => {
        if (incarnation.actor.isAlive) hooks.onCapture(this);
      },
      onRestore: () => {
        const index = incarnation.node?.state.applying ?? 0;
        return (chunks) => {
          if (incarnation.actor.isAlive) hooks.onSnapshot(this, "restored", index, chunks);
        };
      },
    };
  }

  #onSwitch(incarnation: Incarnation, meta: SnapshotMeta, chunks: readonly Uint8Array[]): void {
    const { index } = meta.lastIncluded;
    const isOwn = index <= (incarnation.node?.state.lastApplied ?? 0);
    if (!incarnation.actor.isAlive) return;
    this.#parts.hooks.onSnapshot(this, isOwn ? "taken" : "installed", index, chunks);
  }
}

export function idOf(slot: number): string {
  return `n${slot + 1}`;
}

export function addressOf(slot: number): string {
  return `n${slot + 1}:1`;
}

interface NodeParts extends Pick<NodeOptions, "machine" | "clients"> {
  readonly schedule: Schedule;
  readonly id: string;
  readonly storage: Storage;
  readonly transport: SimTransport;
  readonly clock: SimClock;
  readonly rng: Rng;
}

/** The shipped node, all of it. */
function startNode({
  machine,
  clients,
  schedule,
  id,
  storage,
  transport,
  clock,
  rng,
}: NodeParts): Promise<RaftNode> {
  const members = Array.from({ length: schedule.nodes }, (_, slot) => ({
    id: idOf(slot),
    address: addressOf(slot),
  }));
  return RaftNode.start({
    ...schedule.raft,
    id,
    members,
    machine,
    clients,
    storage,
    transport,
    clock,
    snapshot: schedule.snapshot,
    ...(schedule.inbox === undefined ? {} : { inbox: schedule.inbox }),
    random: () => rng.fraction(),
  });
}

/** The code of an error, for people. */
export function codeOf(error: unknown): string {
  return isRaftError(error) ? error.code : "RAFT_INTERNAL";
}
