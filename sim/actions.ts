/** What each fault does, and how it ends. */

import type { ClientNetwork } from "./client-link.ts";
import type { Damage } from "./damage.ts";
import type { SimNetwork } from "./network.ts";
import type { SimProcess } from "./process.ts";
import { Rng } from "./random.ts";
import type { Action, Fault, Target } from "./schedule.ts";
import type { Scheduler } from "./scheduler.ts";

/** All that faults can get at. */
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

/** `undefined` where it does not apply. */
export function applyAction(
  world: FaultWorld,
  { action, id }: Fault,
  subject: number | undefined,
): Effect | undefined {
  const resolve = (target: Target): number | undefined => resolveTarget(world, target, subject);
  if ("target" in action) {
    const slot = resolve(action.target);
    const process = slot === undefined ? undefined : world.processes[slot];
    if (process === undefined) return undefined;
    if (isOfDisk(action))
      return applyToDisk(world, action, process, new Rng(world.seed, `fault ${id}`));
    return applyToNode(world, action, process);
  }
  switch (action.type) {
    case "partition":
      return partition(world, (slot) => ((action.side >> slot) & 1) === 1, action.clients);
    case "one-way":
      return oneWay(world, (slot) => ((action.side >> slot) & 1) === 1);
    case "pause-client":
      return world.clients.pause(action.client, world.scheduler.nowUs + action.forMs * 1000)
        ? { nodes: [] }
        : undefined;
    case "ring":
      return ring(world);
    case "swizzle":
      return swizzle(world, action, new Rng(world.seed, `fault ${id}`));
    case "quality": {
      const { lossPpm, duplicatePpm, maxDelayUs } = action;
      const quality = { lossPpm, duplicatePpm, maxDelayUs };
      world.network.spoil(quality);
      return { nodes: all(world), end: () => world.network.unspoil(quality) };
    }
    case "filter": {
      const from = resolve(action.from);
      if (from === undefined) return undefined;
      const links = others(world, from).map((to) => world.network.link(from, to));
      for (const link of links) link.filter(action.messages);
      return { nodes: [from], end: () => links.forEach((link) => link.unfilter(action.messages)) };
    }
    case "transfer": {
      const to = resolve(action.to);
      const from = world.leader();
      if (from === undefined || to === undefined || from === to) return undefined;
      world.transfer(from, to);
      return { nodes: [from, to] };
    }
    case "cut":
    case "bad-link":
    case "narrow":
    case "flapping":
    case "clog":
    case "reset": {
      const from = resolve(action.from);
      const to = resolve(action.to);
      if (from === undefined || to === undefined || from === to) return undefined;
      return applyToLink(world, action, from, to);
    }
  }
}

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
type DiskAction = Extract<Action, { readonly type: (typeof DISK_ACTIONS)[number] }>;

function isOfDisk(action: Action): action is DiskAction {
  return (DISK_ACTIONS as readonly string[]).includes(action.type);
}

function applyToDisk(
  world: FaultWorld,
  action: DiskAction,
  { slot, disk, isUp }: SimProcess,
  rng: Rng,
): Effect | undefined {
  const nodes = [slot];
  if ("downMs" in action) {
    if (!isUp) return undefined;
    world.expectStop(slot, action.downMs);
  }
  switch (action.type) {
    case "disk-stall":
      disk.stalledUntilUs = Math.max(
        disk.stalledUntilUs,
        world.scheduler.nowUs + action.forMs * 1000,
      );
      return { nodes };
    case "disk-slow":
      disk.slowness *= action.factor;
      return { nodes, end: () => (disk.slowness /= action.factor) };
    case "disk-full":
      disk.fillUntil(world.scheduler.nowUs + action.forMs * 1000);
      return { nodes };
    case "disk-fail":
      disk.failNext({ code: action.code, batch: action.isApplied ? "kept" : "lost" });
      return { nodes };
    case "sync-fail":
      disk.failNext({ code: "EIO", batch: "dropped" });
      return { nodes };
    case "read-fail":
      disk.failNextRead();
      return { nodes };
    case "guard-fail":
      disk.failNextGuard();
      return { nodes };
    case "bit-rot":
      disk.rotNext();
      return { nodes };
    case "damage": {
      const { how, records, isBudgeted } = action;
      const damages = disk.damage(how, records, rng, (each) =>
        world.mayDamage(slot, each, isBudgeted),
      );
      if (damages === undefined) return undefined;
      world.onDamage(slot, damages);
      return { nodes };
    }
    case "lose-batch":
      disk.loseBatch(rng, (each) => {
        if (!world.mayDamage(slot, each, action.isBudgeted)) return false;
        world.onDamage(slot, each);
        return true;
      });
      return { nodes };
  }
}

function applyToNode(
  world: FaultWorld,
  action: Exclude<Extract<Action, { readonly target: Target }>, DiskAction>,
  process: SimProcess,
): Effect | undefined {
  const { scheduler, processes } = world;
  const { slot } = process;
  const nodes = [slot];
  switch (action.type) {
    case "crash":
      return crash(world, nodes);
    case "crash-many":
      return crash(
        world,
        all(world)
          .slice(0, action.count)
          .map((n) => (slot + n) % processes.length),
      );
    case "crash-on-write":
      if (!process.isUp) return undefined;
      world.crashOnWrite(slot, action.writes, action.downMs);
      return { nodes };
    case "crash-on-io":
      if (!process.isUp) return undefined;
      world.crashOnIo(slot, action.operations, action.downMs);
      return { nodes };
    case "pause":
      if (!process.isUp) return undefined;
      process.pauseUntil(scheduler.nowUs + action.forMs * 1000);
      return { nodes };
    case "slow":
      process.extraCostUs += action.turnCostUs;
      process.setTurnCost();
      return {
        nodes,
        end: () => {
          process.extraCostUs -= action.turnCostUs;
          process.setTurnCost();
        },
      };
    case "clock-jump":
      process.oscillator.jump(action.byMs * 1000);
      process.incarnation?.clock.rearm();
      return { nodes };
    case "clock-drift":
      return { nodes, end: drift(process, action.ppm) };
    case "isolate":
      return isolate(world, slot, action);
    case "clog-clients":
      world.clients.clog(slot, scheduler.nowUs + action.forMs * 1000);
      return { nodes };
    case "bridge":
      return bridge(world, slot);
    case "echo": {
      const links = others(world, slot).map((other) => world.network.link(slot, other));
      for (const link of links) link.echo(action.afterMs);
      return { nodes, end: () => links.forEach((link) => link.unecho(action.afterMs)) };
    }
    case "propose":
      world.burst(slot, action.count);
      return { nodes };
  }
}

function applyToLink(
  { network, scheduler, later }: FaultWorld,
  action: Extract<Action, { type: "cut" | "bad-link" | "narrow" | "flapping" | "clog" | "reset" }>,
  from: number,
  to: number,
): Effect {
  const link = network.link(from, to);
  const nodes = [from, to];
  switch (action.type) {
    case "cut":
      link.cut();
      return { nodes, end: () => link.heal() };
    case "bad-link": {
      const { lossPpm, duplicatePpm, maxDelayUs } = action;
      const quality = { lossPpm, duplicatePpm, maxDelayUs };
      link.spoil(quality);
      return { nodes, end: () => link.unspoil(quality) };
    }
    case "narrow":
      link.narrow(action.bytesPerMs);
      return { nodes, end: () => link.widen(action.bytesPerMs) };
    case "clog":
      link.cloggedUntilUs = Math.max(link.cloggedUntilUs, scheduler.nowUs + action.forMs * 1000);
      return { nodes };
    case "reset":
      link.reset();
      return { nodes };
    case "flapping": {
      let isCut = false;
      let isOver = false;
      const flap = (): void => {
        if (isOver) return;
        if (isCut) link.heal();
        else link.cut();
        isCut = !isCut;
        later(action.periodMs * 1000, flap);
      };
      flap();
      return {
        nodes,
        end: () => {
          isOver = true;
          if (isCut) link.heal();
        },
      };
    }
  }
}

function crash(world: FaultWorld, slots: readonly number[]): Effect | undefined {
  const up = slots.filter((slot) => world.processes[slot]?.isUp === true);
  if (up.length === 0) return undefined;
  for (const slot of up) world.crash(slot);
  return { nodes: up, end: () => up.forEach((slot) => world.start(slot)) };
}

function drift(process: SimProcess, ppm: number): () => void {
  process.oscillator.drift(ppm);
  process.incarnation?.clock.rearm();
  return () => {
    process.oscillator.drift(process.usualDriftPpm);
    process.incarnation?.clock.rearm();
  };
}

function isolate(
  world: FaultWorld,
  slot: number,
  { direction, clients }: Extract<Action, { type: "isolate" }>,
): Effect {
  const links = others(world, slot).flatMap((other) => [
    ...(direction === "in" ? [] : [world.network.link(slot, other)]),
    ...(direction === "out" ? [] : [world.network.link(other, slot)]),
  ]);
  for (const link of links) link.cut();
  if (clients) world.clients.cut(slot);
  return {
    nodes: [slot],
    end: () => {
      for (const link of links) link.heal();
      if (clients) world.clients.heal(slot);
    },
  };
}

function partition(
  world: FaultWorld,
  isOnSide: (slot: number) => boolean,
  clients: boolean,
): Effect | undefined {
  const side = all(world).filter(isOnSide);
  const rest = all(world).filter((slot) => !isOnSide(slot));
  if (side.length === 0 || rest.length === 0) return undefined;
  const effect = cutBetween(world, side, rest);
  if (!clients) return effect;
  for (const slot of side) world.clients.cut(slot);
  return {
    nodes: side,
    end: () => {
      effect.end?.();
      for (const slot of side) world.clients.heal(slot);
    },
  };
}

function oneWay(world: FaultWorld, isOnSide: (slot: number) => boolean): Effect | undefined {
  const side = all(world).filter(isOnSide);
  const rest = all(world).filter((slot) => !isOnSide(slot));
  if (side.length === 0 || rest.length === 0) return undefined;
  const links = rest.flatMap((from) => side.map((to) => world.network.link(from, to)));
  for (const link of links) link.cut();
  return { nodes: side, end: () => links.forEach((link) => link.heal()) };
}

function bridge(world: FaultWorld, slot: number): Effect {
  const rest = others(world, slot);
  const half = Math.ceil(rest.length / 2);
  return { ...cutBetween(world, rest.slice(0, half), rest.slice(half)), nodes: [slot] };
}

function ring(world: FaultWorld): Effect | undefined {
  const slots = all(world);
  const count = slots.length;
  if (count < 4) return undefined;
  const links = slots.flatMap((from) =>
    slots
      .filter(
        (to) =>
          to !== from && (to - from + count) % count !== 1 && (from - to + count) % count !== 1,
      )
      .map((to) => world.network.link(from, to)),
  );
  for (const link of links) link.cut();
  return { nodes: slots, end: () => links.forEach((link) => link.heal()) };
}

function swizzle(
  { network, processes, scheduler, later }: FaultWorld,
  { nodes, stepMs, forMs }: Extract<Action, { type: "swizzle" }>,
  rng: Rng,
): Effect {
  const slots = rng.shuffled(processes.map(({ slot }) => slot)).slice(0, nodes);
  const releases = rng.shuffled(slots);
  const endUs = scheduler.nowUs + forMs * 1000;
  for (const [at, slot] of slots.entries()) {
    const untilUs = endUs + releases.indexOf(slot) * stepMs * 1000;
    later(at * stepMs * 1000, () => {
      for (const { slot: other } of processes) {
        if (other === slot) continue;
        for (const link of [network.link(slot, other), network.link(other, slot)]) {
          link.cloggedUntilUs = Math.max(link.cloggedUntilUs, untilUs);
        }
      }
    });
  }
  return { nodes: slots };
}

function cutBetween(world: FaultWorld, side: readonly number[], rest: readonly number[]): Effect {
  const links = side.flatMap((one) =>
    rest.flatMap((other) => [world.network.link(one, other), world.network.link(other, one)]),
  );
  for (const link of links) link.cut();
  return { nodes: side, end: () => links.forEach((link) => link.heal()) };
}

function all({ processes }: FaultWorld): number[] {
  return processes.map(({ slot }) => slot);
}

function others(world: FaultWorld, slot: number): number[] {
  return all(world).filter((other) => other !== slot);
}

function resolveTarget(
  world: FaultWorld,
  target: Target,
  subject: number | undefined,
): number | undefined {
  const count = world.processes.length;
  if (typeof target === "number") return target < count ? target : undefined;
  const base = target.includes("subject") ? subject : world.leader();
  if (base === undefined) return undefined;
  const offset = /-(\d+)$/.exec(target)?.[1];
  if (offset === undefined) return base;
  return count === 1 ? undefined : (base + 1 + (Number(offset) % (count - 1))) % count;
}
