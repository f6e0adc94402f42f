/**
 * One run: a cluster of real nodes, its clients and its faults, made from a schedule, watched at every step, and what
 * came of it. The same schedule gives the same run, event by event.
 */

import type { Application, Workload } from "./application.ts";
import { ClientNetwork } from "./client-link.ts";
import { canSpare } from "./damage-budget.ts";
import type { Damage } from "./damage.ts";
import { Device } from "./device.ts";
import type { SimDisk } from "./disk.ts";
import { JournalDisk } from "./journal-disk.ts";
import { kvApplication } from "./kv/application.ts";
import type { KvOperation } from "./kv/operation.ts";
import { runLiveness } from "./liveness.ts";
import { Nemesis } from "./nemesis.ts";
import { SimNetwork } from "./network.ts";
import type { Packet } from "./network.ts";
import { OrderedDisk } from "./ordered-disk.ts";
import { codeOf, idOf, SimProcess } from "./process.ts";
import type { Incarnation } from "./process.ts";
import { Rng } from "./random.ts";
import { Recorder } from "./recorder.ts";
import type { Counts } from "./recorder.ts";
import { Safety } from "./safety/safety.ts";
import type { Schedule } from "./schedule.ts";
import { KIND, Scheduler } from "./scheduler.ts";
import type { Actor } from "./scheduler.ts";
import type { ClientOperation, TraceEvent, Violation } from "./trace.ts";

export interface SimulationHooks {
  /** Everything that happens; left out, nothing of it is made. */
  readonly onEvent?: ((event: TraceEvent) => void) | undefined;
  /** For tests of determinism: may change the bytes of a message on its way. */
  readonly tamper?: ((packet: Packet) => void) | undefined;
  /** For tests of determinism: how the scheduler gets out of promises before it begins. */
  readonly enter?: ((begin: () => void) => void) | undefined;
}

export interface Outcome<Operation extends ClientOperation = ClientOperation> {
  readonly schedule: Schedule;
  /** Of everything that happened, 16 hexadecimal digits. */
  readonly hash: string;
  /** The first thing that must not be; `undefined`: all went well. */
  readonly violation: Violation | undefined;
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: Counts;
  readonly history: readonly Operation[];
}

/** With the key-value store. */
export async function runSchedule(
  schedule: Schedule,
  hooks: SimulationHooks = {},
): Promise<Outcome<KvOperation>> {
  return runApplication(kvApplication, schedule, hooks);
}

export async function runApplication<Operation extends ClientOperation>(
  application: Application<Operation>,
  schedule: Schedule,
  hooks: SimulationHooks = {},
): Promise<Outcome<Operation>> {
  return new Simulation(application, schedule, hooks).run();
}

/** What a node may stop with over damage that it finds on its disk. */
const DISK_CODES: ReadonlySet<string> = new Set(["RAFT_CORRUPT", "RAFT_STORAGE_FAILED"]);

/** The parts of a run, joined. */
export class Simulation<Operation extends ClientOperation = ClientOperation> {
  readonly schedule: Schedule;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly clients: ClientNetwork;
  readonly processes: readonly SimProcess[];
  readonly workload: Workload<Operation>;
  readonly nemesis: Nemesis;
  readonly safety: Safety;
  readonly recorder: Recorder;
  /** Batches until a crash, and for how long. */
  readonly #crashOnWrite = new Map<number, { left: number; readonly downMs: number }>();
  /** The same, of anything asked of the disk. */
  readonly #crashOnIo = new Map<number, { left: number; readonly downMs: number }>();
  readonly #downMs = new Map<number, number>();
  /** Whose process has heard of its disk in this step, which is the disk's and nobody's. */
  #heardOfDisk: number | undefined;
  #isFrozen = false;

  constructor(application: Application<Operation>, schedule: Schedule, hooks: SimulationHooks) {
    const { seed, nodes } = schedule;
    const slots = new Map(Array.from({ length: nodes }, (_, slot) => [idOf(slot), slot]));
    this.schedule = schedule;
    this.scheduler = new Scheduler(
      {
        onStep: (actor) => this.#onStep(actor),
        onThrow: (error, actor) => this.#onThrow(error, actor),
      },
      hooks.enter,
    );
    this.recorder = new Recorder(this.scheduler, hooks.onEvent);
    this.network = this.#makeNetwork(hooks.tamper);
    this.clients = new ClientNetwork(this.network, nodes);
    this.processes = [...slots.values()].map((slot) => this.#makeProcess(application, slot, slots));
    this.safety = new Safety(
      application,
      this.processes.map(({ slot, id, disk }) => ({ slot, id, platter: disk.platter })),
      this.scheduler,
      this.recorder,
      {
        onTrigger: (event, slot) => this.nemesis.on(event, slot),
        isCommittedAt: (slot, index) =>
          (this.processes[slot]?.node?.state.commitIndex ?? 0) >= index,
      },
    );
    this.safety.ghost.isCrowded = schedule.inbox !== undefined;
    this.workload = application.workload({
      schedule,
      scheduler: this.scheduler,
      network: this.clients,
      onInvoke: (operation) => this.safety.onInvoke(operation),
      onReturn: (operation) => this.safety.onReturn(operation),
    });
    this.nemesis = new Nemesis(
      schedule,
      {
        seed,
        scheduler: this.scheduler,
        network: this.network,
        clients: this.clients,
        processes: this.processes,
        crash: (slot) => this.crash(slot),
        start: (slot) => this.start(slot),
        crashOnWrite: (slot, left, downMs) => this.#crashOnWrite.set(slot, { left, downMs }),
        crashOnIo: (slot, left, downMs) => this.#crashOnIo.set(slot, { left, downMs }),
        mayDamage: (slot, damages, isBudgeted) => !isBudgeted || this.#canSpare(slot, damages),
        onDamage: (slot, damages) => this.recorder.onDamage(slot, damages),
        expectStop: (slot, downMs) => this.#downMs.set(slot, downMs),
        leader: () => this.leader(),
        later: (delayUs, run) => this.#later(delayUs, KIND.fault, run),
        transfer: (from, to) => this.transfer(from, to),
        burst: (slot, count) => this.workload.burst(slot, count),
      },
      {
        onFault: (fault, faulty, untilUs) => this.recorder.onFault(fault, faulty, untilUs),
        onFaultEnd: (fault) => this.recorder.onFaultEnd(fault),
      },
    );
  }

  async run(): Promise<Outcome<Operation>> {
    const onRejection = (error: unknown): void => this.#onThrow(error, undefined);
    process.on("unhandledRejection", onRejection);
    try {
      return await this.#run();
    } finally {
      process.off("unhandledRejection", onRejection);
    }
  }

  async #run(): Promise<Outcome<Operation>> {
    const { schedule, scheduler, recorder } = this;
    recorder.onPhase("safety", []);
    if (schedule.journal !== undefined) recorder.count("journalRuns");
    for (const process of this.processes) this.start(process.slot);
    this.workload.start();
    const isWhole = await scheduler
      .run(schedule.durationMs * 1000)
      .then(() => this.safety.violation === undefined);
    const settled = isWhole && schedule.liveness ? await runLiveness(this) : [];
    await this.safety.checkEnd(this.workload.history, settled);
    return {
      schedule,
      hash: scheduler.hash.text,
      violation: this.safety.violation,
      events: scheduler.steps,
      simulatedMs: Math.floor(scheduler.nowUs / 1000),
      counts: recorder.counts(
        this.safety.ghost.golden.lastIndex,
        this.safety.application.duplicates,
      ),
      history: this.workload.history,
    };
  }

  /** Nobody crashes and nothing fails any more; whoever is still down stays so. */
  freeze(): void {
    this.#isFrozen = true;
    this.#crashOnWrite.clear();
    this.#crashOnIo.clear();
  }

  start(slot: number): void {
    const process = this.processes[slot];
    if (process === undefined || process.isUp || process.isLost) return;
    this.safety.messages.onStart(slot);
    process.start();
    this.recorder.onStart(slot, process.incarnation?.number ?? 0);
  }

  crash(slot: number): void {
    const process = this.processes[slot];
    if (process?.isUp !== true) return;
    this.#crashOnWrite.delete(slot);
    this.#crashOnIo.delete(slot);
    // What it has committed, it has, though nobody heard of it.
    this.#look(process);
    const lost = process.crash();
    this.clients.crash(slot);
    this.recorder.onCrash(slot, lost);
  }

  /** Who leads the highest term. */
  leader(): number | undefined {
    let best: { readonly slot: number; readonly term: number } | undefined;
    for (const { slot, node } of this.processes) {
      if (node?.state.role !== "leader") continue;
      if (best === undefined || node.state.currentTerm > best.term) {
        best = { slot, term: node.state.currentTerm };
      }
    }
    return best?.slot;
  }

  #makeNetwork(tamper: SimulationHooks["tamper"]): SimNetwork {
    const { seed, nodes, network } = this.schedule;
    return new SimNetwork(this.scheduler, seed, nodes, network, {
      onLeave: (slot, message) => this.#onLeave(slot, message),
      onSend: (packet) => {
        this.safety.messages.onSend(packet.from, packet.message);
        this.recorder.onSend(packet);
      },
      onDeliver: (packet, decoded) => {
        this.safety.messages.onDeliver(packet.message, decoded);
        this.processes[packet.to]?.incarnation?.observer?.onDelivered(decoded);
        this.recorder.onDeliver(packet);
      },
      onLose: (packet, reason) => this.recorder.onLose(packet, reason),
      tamper,
    });
  }

  /** Asks a leader to hand over; what comes of it shows. */
  transfer(from: number, to: number): void {
    const node = this.processes[from]?.node;
    if (node === undefined) return;
    this.scheduler.wantDrain();
    node.transferLeadership(idOf(to)).catch(() => undefined);
  }

  #makeProcess(
    application: Application,
    slot: number,
    slots: ReadonlyMap<string, number>,
  ): SimProcess {
    const { schedule, scheduler, network } = this;
    const disk = this.#makeDisk(slot);
    return new SimProcess({
      application,
      slot,
      schedule,
      scheduler,
      network,
      disk,
      slots,
      hooks: {
        onStarted: ({ id }, incarnation) => {
          const { node } = incarnation;
          if (node === undefined) return;
          incarnation.observer = this.safety.observe(
            { slot, id, platter: disk.platter },
            node.state,
          );
          if (disk.foundAtOpen !== undefined)
            this.safety.report(
              "S26",
              `${id} starts, though ${disk.foundAtOpen} is damaged or gone`,
              slot,
            );
          node.on("stopped", (failure) => {
            if (incarnation.actor.isAlive) this.#onStopped(slot, incarnation, failure);
          });
          this.nemesis.on("restarts", slot);
        },
        onStartFailed: (_, incarnation, error) => this.#onStopped(slot, incarnation, error),
        onCapture: () => this.nemesis.on("takes-snapshot", slot),
        onSnapshot: (_, what, index, chunks) => this.safety.onSnapshot(slot, what, index, chunks),
      },
    });
  }

  #makeDisk(slot: number): SimDisk {
    const { schedule, scheduler } = this;
    const rng = new Rng(schedule.seed, `disk ${slot}`);
    const device = new Device(scheduler, rng, schedule.disk, {
      onBatch: (sync) => this.#onBatch(slot, sync),
      onDurable: (change) => this.safety.onDurable(slot, change),
      onDone: () => {
        this.#heardOfDisk = slot;
        this.#countDown(this.#crashOnIo, slot);
      },
      onFault: (fault) => {
        if (fault === "failure") this.safety.messages.onWriteFailed(slot);
        const incarnation = this.processes[slot]?.incarnation;
        if (incarnation === undefined) return;
        incarnation.isHurt = true;
        if (fault === "damage") incarnation.isDamaged = true;
      },
      onFailed: () => this.safety.messages.onWriteRejected(slot),
      onReached: (state, times) => this.recorder.count(state, times),
    });
    const { journal } = schedule;
    return journal === undefined ? new OrderedDisk(device) : new JournalDisk(device, journal);
  }

  #onStep(actor: Actor | undefined): void {
    const process = this.processes[actor?.slot ?? this.#heardOfDisk ?? -1];
    this.#heardOfDisk = undefined;
    const runs = process?.incarnation?.actor;
    if (process !== undefined && (actor === undefined || actor === runs)) this.#look(process);
    this.safety.afterStep();
  }

  #look({ incarnation }: SimProcess): void {
    if (incarnation?.node !== undefined) incarnation.observer?.look(incarnation.node.state);
  }

  #onThrow(error: unknown, actor: Actor | undefined): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.safety.report("S27", `an exception that nobody caught: ${text}`, actor?.slot);
  }

  #onLeave(slot: number, message: Packet["message"]): void {
    switch (message.type) {
      case "RequestVote":
        return this.nemesis.on("vote-request-leaves", slot);
      case "RequestVoteResponse":
        return message.voteGranted ? this.nemesis.on("vote-leaves", slot) : undefined;
      case "AppendEntries":
        return message.entries.length > 0 ? this.nemesis.on("append-leaves", slot) : undefined;
      case "AppendEntriesResponse":
        return message.success ? this.nemesis.on("append-ack-leaves", slot) : undefined;
      case "SnapshotChunk":
        return this.nemesis.on("snapshot-chunk-leaves", slot);
      default:
        return undefined;
    }
  }

  #onBatch(slot: number, sync: boolean): void {
    if (sync) this.#countDown(this.#crashOnWrite, slot);
  }

  #countDown(plans: Map<number, { left: number; readonly downMs: number }>, slot: number): void {
    const planned = plans.get(slot);
    if (planned === undefined) return;
    planned.left -= 1;
    if (planned.left > 0) return;
    this.crash(slot);
    this.#startLater(slot, planned.downMs);
  }

  /**
   * A process has ended by itself: only after an injected fault, and then it comes back; over damage that stays, only
   * with the codes for that, and then it does not.
   */
  #onStopped(slot: number, { isHurt, isDamaged }: Incarnation, failure: unknown): void {
    this.recorder.onStop(slot, failure);
    if (!isHurt || (isDamaged && !DISK_CODES.has(codeOf(failure)))) {
      this.safety.report("S0", `${idOf(slot)} has stopped itself: ${causesOf(failure)}`, slot);
    }
    this.crash(slot);
    if (isDamaged) return this.#giveUp(slot);
    this.#startLater(slot, this.#downMs.get(slot) ?? 100);
  }

  #giveUp(slot: number): void {
    const process = this.processes[slot];
    if (process === undefined) return;
    process.isLost = true;
    this.recorder.count("damagesNoticed");
  }

  #canSpare(slot: number, damages: readonly Damage[]): boolean {
    const isDamaged = (node: number): boolean => this.processes[node]?.isDamaged === true;
    return canSpare(this.safety.ghost, isDamaged, slot, damages);
  }

  #startLater(slot: number, downMs: number): void {
    this.#later(downMs * 1000, KIND.process, () => this.start(slot));
  }

  /** Unless faults are frozen by then. */
  #later(delayUs: number, kind: number, run: () => void): void {
    this.scheduler.after(delayUs, kind, undefined, () => {
      if (!this.#isFrozen) run();
    });
  }
}

/** An error with all that it was caused by: a failed assertion and a slip of the program are told apart by their names. */
function causesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text} (${causesOf(error.cause)})`;
}
