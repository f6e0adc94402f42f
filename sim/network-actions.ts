/** What each fault of the network does, and how it ends: of one link, and of many in a pattern. */

import { all, others } from "./fault-world.ts";
import type { Effect, FaultWorld } from "./fault-world.ts";
import type { Rng } from "./random.ts";
import type { Action } from "./schedule.ts";

export function applyToLink(
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

export function isolate(
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

export function partition(
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

export function oneWay(world: FaultWorld, isOnSide: (slot: number) => boolean): Effect | undefined {
  const side = all(world).filter(isOnSide);
  const rest = all(world).filter((slot) => !isOnSide(slot));
  if (side.length === 0 || rest.length === 0) return undefined;
  const links = rest.flatMap((from) => side.map((to) => world.network.link(from, to)));
  for (const link of links) link.cut();
  return { nodes: side, end: () => links.forEach((link) => link.heal()) };
}

export function bridge(world: FaultWorld, slot: number): Effect {
  const rest = others(world, slot);
  const half = Math.ceil(rest.length / 2);
  return { ...cutBetween(world, rest.slice(0, half), rest.slice(half)), nodes: [slot] };
}

export function ring(world: FaultWorld): Effect | undefined {
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

export function swizzle(
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
