/** Breadth first, so that the first violation is one of the shortest. Every world is met once. */

import { Violation } from "./violation.ts";
import { Worlds } from "./world.ts";
import type { Budget } from "./members.ts";
import type { Setup, Step, World } from "./world.ts";

export interface Progress {
  readonly states: number;
  /** How many moves from the beginning. */
  readonly depth: number;
}

export interface Exploration extends Progress {
  /** Nothing is left to be explored within the bounds. */
  readonly isWhole: boolean;
  /** Different ones that were met. */
  readonly servers: number;
  readonly messages: number;
  readonly found: Found | undefined;
}

export interface Found {
  readonly violation: Violation;
  /** From the beginning to the violation. */
  readonly steps: readonly Step[];
}

/** How many worlds are looked at before somebody is asked whether to go on. */
const ASK_EVERY = 1024;

/** `goesOn` is asked now and then. */
export function explore(
  setup: Setup,
  goesOn: (progress: Progress) => boolean = () => true,
): Exploration {
  const worlds = new Worlds(setup);
  const visited = new Visited(worlds);
  let edge = [worlds.first()];
  visited.add(worlds.first(), 0, undefined);
  let depth = 0;
  const end = (isWhole: boolean, found?: Found): Exploration => {
    return { states: visited.count, depth, isWhole, ...worlds.counts, found };
  };
  for (let number = 0; edge.length > 0; depth += 1) {
    const next: World[] = [];
    for (const world of edge) {
      for (const { step, after } of worlds.after(world)) {
        if (after instanceof Violation) {
          depth += 1;
          return end(false, { violation: after, steps: [...visited.pathTo(number), step] });
        }
        if (visited.add(after, number, step)) next.push(after);
      }
      number += 1;
      if (number % ASK_EVERY === 0 && !goesOn({ states: visited.count, depth })) return end(false);
    }
    edge = next;
  }
  depth -= 1;
  return end(true);
}

/** The worlds that were met, in the order in which they were: how the first way to each began, and what it left. */
class Visited {
  readonly #worlds: Worlds;
  readonly #lefts = new Map<string, Budget[]>();
  readonly #parents: number[] = [];
  readonly #steps: (Step | undefined)[] = [];

  constructor(worlds: Worlds) {
    this.#worlds = worlds;
  }

  get count(): number {
    return this.#parents.length;
  }

  /** Whether it is new: where it was met before with at least as much left, nothing more can come of it. */
  add(world: World, parent: number, step: Step | undefined): boolean {
    const key = this.#worlds.keyOf(world);
    const lefts = this.#lefts.get(key);
    if (lefts === undefined) this.#lefts.set(key, [world.left]);
    else if (lefts.some((left) => covers(left, world.left))) return false;
    else lefts.push(world.left);
    this.#parents.push(parent);
    this.#steps.push(step);
    return true;
  }

  pathTo(number: number): Step[] {
    const path: Step[] = [];
    for (let at = number; at > 0; at = this.#parents[at] ?? 0) {
      const step = this.#steps[at];
      if (step !== undefined) path.push(step);
    }
    return path.toReversed();
  }
}

function covers(more: Budget, less: Budget): boolean {
  return (
    more.timeouts >= less.timeouts &&
    more.heartbeats >= less.heartbeats &&
    more.proposals >= less.proposals &&
    more.crashes >= less.crashes &&
    more.slowWrites >= less.slowWrites &&
    more.snapshots >= less.snapshots &&
    more.transfers >= less.transfers
  );
}
