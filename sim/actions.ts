/** What each fault does, and how it ends. */

import { applyToDisk, isOfDisk } from "./disk-actions.ts";
import type { DiskAction } from "./disk-actions.ts";
import { all, others } from "./fault-world.ts";
import type { Effect, FaultWorld } from "./fault-world.ts";
import {
  applyToLink,
  bridge,
  isolate,
  oneWay,
  partition,
  ring,
  swizzle,
} from "./network-actions.ts";
import type { SimProcess } from "./process.ts";
import { Rng } from "./random.ts";
import type { Action, Fault, Target } from "./schedule.ts";

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
