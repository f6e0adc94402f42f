/** All checks of the store, and at the end of its history. */

import type { LogIndex } from "../../src/core/types.ts";
import type { ApplicationChecks, AppliedBatch } from "../application.ts";
import { historyOf } from "../history-of.ts";
import type { Ghost, NodeView } from "../safety/ghost.ts";
import { checkWitness } from "../witness.ts";
import { ClientChecks } from "./client-checks.ts";
import { MachineChecks } from "./machine-checks.ts";
import type { KvOperation } from "./operation.ts";

export class KvChecks implements ApplicationChecks<KvOperation> {
  readonly #ghost: Ghost;
  readonly #machines: MachineChecks;
  readonly #clients: ClientChecks;

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
    this.#machines = new MachineChecks(ghost);
    this.#clients = new ClientChecks(ghost, this.#machines);
  }

  get duplicates(): number {
    return this.#machines.model.duplicates;
  }

  onCommit(): void {
    this.#clients.onCommit();
  }

  onApplied(view: NodeView, { commands, results }: AppliedBatch): void {
    this.#machines.onApplied(view, commands, results);
  }

  checkSnapshot(view: NodeView, index: LogIndex, chunks: readonly Uint8Array[]): Promise<void> {
    return this.#machines.checkSnapshot(view, index, chunks);
  }

  onInvoke(operation: KvOperation): void {
    this.#clients.onInvoke(operation);
  }

  onReturn(operation: KvOperation): void {
    this.#clients.onReturn(operation);
  }

  /** The whole history must be one that a single copy of the store could have given (linearizability). */
  checkEnd(history: readonly KvOperation[]): void {
    const verdict = checkWitness(historyOf(history), { golden: this.#machines.executed() });
    if (verdict.type === "linearizable") return;
    const text =
      verdict.type === "undecided"
        ? `keys ${verdict.keys.join(", ")} are undecided`
        : JSON.stringify(verdict.violation);
    this.#ghost.report("LIN", `the history is not linearizable: ${text}`, undefined);
  }
}
