/** A state machine of the library's user with his workload and his invariants, as one run of the simulator sees it. */

import type { LogIndex } from "../../src/core/types.ts";
import { messageOf } from "../../src/errors.ts";
import type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";
import type {
  Application,
  ApplicationChecks,
  ApplicationMember,
  Workload,
  WorkloadWorld,
} from "../application.ts";
import { idOf } from "../process.ts";
import type { Ghost } from "../safety/ghost.ts";
import { ClientChecks } from "./client-checks.ts";
import { digestOf } from "./digest.ts";
import { MachineChecks } from "./machine-checks.ts";
import type { OwnOperation } from "./operation.ts";
import type { OwnOptions } from "./options.ts";
import { Exchange, Service } from "./service.ts";
import { NEVER, settles } from "./settles.ts";
import { OwnWorkload } from "./workload.ts";

/** The options whose functions may find a violation: it goes by their name. */
type Finder = "workload" | "invariant" | "digest" | "atEnd";

/** Of one run. */
export class OwnApplication implements Application<OwnOperation> {
  /** What was thrown by the function of the user that found the violation. */
  cause: unknown;
  readonly #options: OwnOptions;
  readonly #model: unknown;
  readonly #exchange = new Exchange();
  /** The machine of each member's last incarnation. */
  readonly #machines = new Map<number, StateMachine>();
  #ghost: Ghost | undefined;

  constructor(options: OwnOptions) {
    this.#options = options;
    this.#model = options.model?.();
  }

  member({ slot }: { readonly slot: number }): ApplicationMember {
    const machine = this.#options.machine();
    this.#machines.set(slot, machine);
    return {
      machine,
      clients: (node, connection) => new Service(node, connection, this.#exchange),
      observe: (index) => this.#observe(slot, machine, index),
    };
  }

  workload(world: WorkloadWorld<OwnOperation>): Workload<OwnOperation> {
    return new OwnWorkload({
      world,
      workload: this.#options.workload,
      model: this.#model,
      exchange: this.#exchange,
      onThrow: (error, client) =>
        this.#found("workload", error, `call of c${client + 1}`, undefined),
      onEndless: (text) => this.#ghost?.report("endless", text, undefined),
    });
  }

  checks(ghost: Ghost): ApplicationChecks<OwnOperation> {
    this.#ghost = ghost;
    const machines = new MachineChecks(ghost, this.#options);
    const clients = new ClientChecks(ghost, machines);
    return {
      duplicates: 0,
      onCommit: () => clients.onCommit(),
      onApplied: (view, batch) => machines.onApplied(view, batch),
      checkSnapshot: (view, index, chunks) => {
        machines.onSnapshot(view, index, chunks);
        return machines.settled();
      },
      onInvoke: (operation) => clients.onInvoke(operation),
      onReturn: (operation) => clients.onReturn(operation),
      checkEnd: async (_, settled) => {
        for (const slot of settled) {
          const machine = this.#machines.get(slot);
          if (machine !== undefined) machines.onEnd(slot, machine);
        }
        if ((await machines.finished()) && settled.length > 0) await this.#atEnd(ghost, settled);
      },
    };
  }

  #observe(slot: number, machine: StateMachine, index: LogIndex): unknown {
    const { invariant, digest } = this.#options;
    const member = idOf(slot);
    let finder: Finder = "invariant";
    try {
      invariant?.({ machine, member, index, model: this.#model });
      finder = "digest";
      return digest && digestOf(digest, machine);
    } catch (error) {
      this.#found(finder, error, `${member} at ${index}`, slot);
      return undefined;
    }
  }

  async #atEnd(ghost: Ghost, settled: readonly number[]): Promise<void> {
    const machines = new Map<string, StateMachine>();
    for (const slot of settled) {
      const machine = this.#machines.get(slot);
      if (machine !== undefined) machines.set(idOf(slot), machine);
    }
    const end = { machines, commands: commandsOf(ghost), model: this.#model };
    try {
      if (await settles(Promise.resolve(this.#options.atEnd?.(end)))) return;
      ghost.report("atEnd", `atEnd waits for ${NEVER}`, undefined);
    } catch (error) {
      this.#found("atEnd", error, "the end of the run", undefined);
    }
  }

  #found(finder: Finder, error: unknown, where: string, slot: number | undefined): void {
    this.cause ??= error;
    const what = finder === "digest" ? "tells no state" : "has thrown";
    this.#ghost?.report(finder, `${finder} ${what} at ${where}: ${messageOf(error)}`, slot);
  }
}

function commandsOf({ golden }: Ghost): readonly AppliedCommand[] {
  const commands: AppliedCommand[] = [];
  for (let at = 1; at <= golden.lastIndex; at += 1) {
    const entry = golden.at(at)?.entry;
    if (entry?.kind !== "command") continue;
    const { index, term, time, payload } = entry;
    commands.push({ index, term, time, payload });
  }
  return commands;
}
