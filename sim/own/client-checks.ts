/**
 * What clients of any machine are told: S17 a reply is true, S18 a command is in the log once at most for each time that
 * it was proposed, S19 a read reflects whatever was acknowledged before it began. With the answers, which are compared
 * with the state at their index, this makes the history linearizable: the log is the order.
 */

import type { LogIndex } from "../../src/core/types.ts";
import type { Ghost } from "../safety/ghost.ts";
import type { MachineChecks } from "./machine-checks.ts";
import type { OwnOperation } from "./operation.ts";

/** Of commands with the same bytes. */
interface Copies {
  /** Proposed, and not rejected. */
  proposed: number;
  committed: number;
}

export class ClientChecks {
  readonly #ghost: Ghost;
  readonly #machines: MachineChecks;
  readonly #copies = new Map<string, Copies>();
  /** The highest index that any client was told. */
  #acknowledged: LogIndex = 0;
  /** What it was when an operation began. */
  readonly #atStart = new Map<number, LogIndex>();
  #scanned: LogIndex = 0;

  constructor(ghost: Ghost, machines: MachineChecks) {
    this.#ghost = ghost;
    this.#machines = machines;
  }

  onInvoke({ id, request }: OwnOperation): void {
    this.#atStart.set(id, this.#acknowledged);
    if (request.type === "propose") this.#copiesOf(request.command).proposed += 1;
  }

  onReturn(operation: OwnOperation): void {
    const { id, request, outcome, index } = operation;
    const floor = this.#atStart.get(id) ?? 0;
    this.#atStart.delete(id);
    if (outcome === "rejected" && request.type === "propose") {
      const copies = this.#copiesOf(request.command);
      copies.proposed -= 1;
      if (copies.committed > copies.proposed) {
        this.#report("S17", operation, "was rejected, and is committed");
      }
    }
    if (outcome !== "ok" || index === undefined) return;
    if (index > this.#ghost.golden.lastIndex) {
      return this.#report("S17", operation, `is answered from ${index}, which is not committed`);
    }
    if (request.type === "propose") this.#checkPlace(operation, request.command, index, floor);
    else if (request.consistency === "linearizable" && index < floor) {
      const text = `reflects index ${index}; ${floor} was acknowledged before it began`;
      this.#report("S19", operation, text);
    }
    this.#machines.onAnswer(operation);
    this.#acknowledged = Math.max(this.#acknowledged, index);
  }

  /** New entries of the golden log: each was asked for, and by nobody whom it was refused. */
  onCommit(): void {
    const { golden } = this.#ghost;
    while (this.#scanned < golden.lastIndex) {
      this.#scanned += 1;
      const entry = golden.at(this.#scanned)?.entry;
      if (entry?.kind !== "command") continue;
      const copies = this.#copiesOf(entry.payload);
      copies.committed += 1;
      if (copies.committed <= copies.proposed) continue;
      const text = `the command at ${this.#scanned} is committed ${copies.committed} times and was proposed ${copies.proposed} times, but for what was rejected`;
      this.#ghost.report("S18", text, undefined);
    }
  }

  #checkPlace(
    operation: OwnOperation,
    command: Uint8Array,
    index: LogIndex,
    floor: LogIndex,
  ): void {
    const entry = this.#ghost.golden.at(index)?.entry;
    if (entry?.kind !== "command" || Buffer.compare(entry.payload, command) !== 0) {
      this.#report("S17", operation, `is "ok at ${index}", where another entry stands`);
    } else if (index <= floor) {
      const text = `is applied at ${index}; ${floor} was acknowledged before it began`;
      this.#report("S17", operation, text);
    }
  }

  #copiesOf(command: Uint8Array): Copies {
    const key = Buffer.from(command).toString("latin1");
    const known = this.#copies.get(key);
    if (known !== undefined) return known;
    const copies = { proposed: 0, committed: 0 };
    this.#copies.set(key, copies);
    return copies;
  }

  #report(property: string, { client, call }: OwnOperation, text: string): void {
    this.#ghost.report(property, `c${client + 1}'s ${call} ${text}`, undefined);
  }
}
