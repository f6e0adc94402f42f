/**
 * What clients are told: S17 replies are true, S19 a read reflects whatever was acknowledged before it began, and is the
 * model's at its index.
 */

import type { LogIndex } from "../../src/core/types.ts";
import type { Ghost } from "../safety/ghost.ts";
import { samePlain } from "../same-plain.ts";
import type { MachineChecks } from "./machine-checks.ts";
import type { KvOperation } from "./operation.ts";
import { textWrittenBy } from "./readings.ts";

export class ClientChecks {
  readonly #ghost: Ghost;
  readonly #machines: MachineChecks;
  /** The highest index that any client was told, or shown. */
  #acknowledged: LogIndex = 0;
  /** What it was when an operation began. */
  readonly #atStart = new Map<number, LogIndex>();
  /** Values that are only ever written once and were rejected: they must never show. */
  readonly #rejected = new Set<string>();
  readonly #committed = new Set<string>();
  #scanned: LogIndex = 0;

  constructor(ghost: Ghost, machines: MachineChecks) {
    this.#ghost = ghost;
    this.#machines = machines;
  }

  onInvoke(operation: KvOperation): void {
    this.#atStart.set(operation.id, this.#acknowledged);
  }

  onReturn(operation: KvOperation): void {
    const { index, outcome, type } = operation;
    const floor = this.#atStart.get(operation.id) ?? 0;
    this.#atStart.delete(operation.id);
    if (outcome === "rejected") return this.#onRejected(operation);
    if (outcome !== "ok" || index === undefined) return;

    this.#machines.follow();
    if (index > this.#ghost.golden.lastIndex) {
      return this.#report(
        "S17",
        operation,
        `is answered from index ${index}, which is not committed`,
      );
    }
    if (type === "get" || type === "local-get") {
      if (type === "get" && index < floor) {
        return this.#report(
          "S19",
          operation,
          `reflects index ${index}; ${floor} was acknowledged before it began`,
        );
      }
      this.#checkRead(operation, index);
    } else {
      this.#checkWrite(operation, index);
    }
    // What a local read has shown is committed as well: nobody may be shown less afterwards, unless he asks for it.
    this.#acknowledged = Math.max(this.#acknowledged, index);
  }

  /** New entries of the golden log: none of them may hold what was rejected. */
  onCommit(): void {
    const { golden } = this.#ghost;
    while (this.#scanned < golden.lastIndex) {
      this.#scanned += 1;
      const value = textWrittenBy(this.#machines.readings.at(this.#scanned)?.command);
      if (value === undefined) continue;
      this.#committed.add(value);
      if (this.#rejected.has(value)) {
        this.#ghost.report(
          "S17",
          `${value} was rejected, and is committed at ${this.#scanned}`,
          undefined,
        );
      }
    }
  }

  #onRejected(operation: KvOperation): void {
    const { value, type } = operation;
    if (typeof value !== "string" || type === "get" || type === "local-get") return;
    this.onCommit();
    if (this.#committed.has(value))
      this.#report("S17", operation, "was rejected, and is committed");
    this.#rejected.add(value);
  }

  #checkRead(operation: KvOperation, index: LogIndex): void {
    const { key, found, foundIndex } = operation;
    const expected = this.#machines.model.at(key, index);
    if (expected?.value === found && expected?.index === foundIndex) return;
    this.#report(
      "S19",
      operation,
      `reads ${String(found)} of ${String(foundIndex)} at index ${index}; it should be ${String(expected?.value)} of ${String(expected?.index)}`,
    );
  }

  #checkWrite(operation: KvOperation, index: LogIndex): void {
    this.#machines.once.onReply(operation, index);
    const value = textWrittenBy(this.#machines.readings.at(index)?.command);
    if (typeof operation.value === "string" && value !== operation.value) {
      return this.#report(
        "S17",
        operation,
        `is "ok at ${index}", where ${value ?? "no such command"} stands`,
      );
    }
    const previous =
      operation.foundIndex === undefined
        ? undefined
        : { value: operation.found, index: operation.foundIndex };
    const told = { type: "applied", index, result: { status: operation.status, previous } };
    const expected = this.#machines.resultAt(index);
    if (!samePlain(told, expected)) {
      this.#report(
        "S17",
        operation,
        `is told ${JSON.stringify(told)}; it should be ${JSON.stringify(expected)}`,
      );
    }
  }

  #report(property: string, { client, type, key, id }: KvOperation, text: string): void {
    const who = `operation ${id} (${type} ${key} of client ${client + 1})`;
    this.#ghost.report(property, `${who} ${text}`, undefined);
  }
}
