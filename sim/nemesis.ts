/**
 * Carries out the faults of a schedule: at a time, or when a node does something. A fault that does not apply when its
 * moment comes is skipped. What it does to the network, the disks, the clocks and the processes is in `actions.ts`.
 */

import { applyAction } from "./actions.ts";
import type { FaultWorld } from "./fault-world.ts";
import type { Action, Fault, Schedule, TriggerEvent, When } from "./schedule.ts";
import { KIND } from "./scheduler.ts";

interface Armed {
  readonly fault: Fault;
  readonly when: When & { type: "on" };
  left: number;
}

export interface NemesisHooks {
  readonly onFault: (fault: Fault, nodes: readonly number[], untilUs: number | undefined) => void;
  readonly onFaultEnd: (fault: Fault) => void;
}

export class Nemesis {
  readonly #world: FaultWorld;
  readonly #hooks: NemesisHooks;
  readonly #armed: Map<TriggerEvent, Armed[]> = new Map();
  #isFrozen = false;

  constructor(schedule: Schedule, world: FaultWorld, hooks: NemesisHooks) {
    this.#world = world;
    this.#hooks = hooks;
    for (const fault of schedule.faults) {
      const { when } = fault;
      if (when.type === "at") this.#after(when.atMs * 1000, () => this.#apply(fault, undefined));
      else this.#arm({ fault, when, left: when.times });
    }
  }

  /** No fault begins or ends any more. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** A node does something; what is to happen at once has happened when this returns. */
  on(event: TriggerEvent, slot: number): void {
    const armed = this.#armed.get(event);
    if (armed === undefined || this.#isFrozen) return;
    const { nowUs } = this.#world.scheduler;
    for (const each of armed) {
      const { fromMs, untilMs, delayMs } = each.when;
      if (each.left === 0 || nowUs < fromMs * 1000 || nowUs >= untilMs * 1000) continue;
      each.left -= 1;
      if (delayMs === 0) this.#apply(each.fault, slot);
      else this.#after(delayMs * 1000, () => this.#apply(each.fault, slot));
    }
  }

  #arm(armed: Armed): void {
    const { event } = armed.when;
    const others = this.#armed.get(event);
    if (others === undefined) this.#armed.set(event, [armed]);
    else others.push(armed);
  }

  #apply(fault: Fault, subject: number | undefined): void {
    const effect = applyAction(this.#world, fault, subject);
    if (effect === undefined) return;
    const { end } = effect;
    // What is to happen yet, and is followed by a time of being down, shows when it does.
    const isArmed = end === undefined && "downMs" in fault.action;
    const forMs = isArmed ? undefined : durationOf(fault.action);
    const { nowUs } = this.#world.scheduler;
    const untilUs = forMs === undefined ? undefined : nowUs + forMs * 1000;
    this.#hooks.onFault(fault, effect.nodes, untilUs);
    if (end === undefined || forMs === undefined) return;
    this.#after(forMs * 1000, () => {
      end();
      this.#hooks.onFaultEnd(fault);
    });
  }

  #after(delayUs: number, run: () => void): void {
    this.#world.scheduler.after(delayUs, KIND.fault, undefined, () => {
      if (!this.#isFrozen) run();
    });
  }
}

function durationOf(action: Action): number | undefined {
  if ("forMs" in action) return action.forMs;
  return "downMs" in action ? action.downMs : undefined;
}
