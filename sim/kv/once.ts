/**
 * S18: what a client asks for once takes effect once, however many copies of it are in the log, and each copy is answered
 * as the first was. Worked out from what the nodes answer, without the model: a copy was executed where its answer bears
 * its own index.
 */

import type { LogIndex } from "../../src/core/types.ts";
import type { AppliedCommand } from "../../src/node/state-machine.ts";
import { samePlain } from "../same-plain.ts";
import type { Ghost, NodeView } from "../safety/ghost.ts";
import type { KvOperation } from "./operation.ts";
import { readingOf, textWrittenBy } from "./readings.ts";

/** A command's entry, read once. */
interface Copy {
  /** Names what the client asked for: all copies of one command have the same. */
  readonly name: string | undefined;
  /** The text that it writes: each is asked for once ever. */
  readonly value: string | undefined;
}

interface Executed {
  readonly index: LogIndex;
  readonly answer: unknown;
}

export class OnceChecks {
  readonly #ghost: Ghost;
  /** By index. */
  readonly #copies: (Copy | undefined)[] = [];
  readonly #executed = new Map<string, Executed>();
  readonly #written = new Map<string, LogIndex>();

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
  }

  /** A node has applied a command that is committed there, and answers so. */
  onApplied(view: NodeView, command: AppliedCommand, answer: unknown): void {
    const { index } = command;
    const copy = (this.#copies[index] ??= copyIn(command.payload));
    const executedAt = indexIn(answer);
    if (copy.name === undefined || executedAt === undefined) return;
    const first = this.#executed.get(copy.name);
    if (first === undefined && executedAt === index) {
      this.#executed.set(copy.name, { index, answer });
      this.#onExecuted(view, copy, index);
    } else if (first === undefined || executedAt !== first.index) {
      const text = `executes ${copy.name} at ${executedAt}, and it was executed at ${first?.index ?? "no index"}`;
      this.#report(view, text);
    } else if (!samePlain(answer, first.answer)) {
      const text = `answers ${JSON.stringify(answer)} to a copy of ${copy.name}; the first was answered ${JSON.stringify(first.answer)}`;
      this.#report(view, text);
    }
  }

  /** A client is told that its write is in the log at `index`. */
  onReply({ id, client }: KvOperation, index: LogIndex): void {
    const name = this.#copies[index]?.name;
    const first = name === undefined ? undefined : this.#executed.get(name);
    if (first === undefined || first.index === index) return;
    this.#ghost.report(
      "S18",
      `operation ${id} of client ${client + 1} is told of a copy at ${index}; it was executed at ${first.index}`,
      undefined,
    );
  }

  /** Also under another session or number: a client that asks anew for what may be done already. */
  #onExecuted(view: NodeView, { value }: Copy, index: LogIndex): void {
    if (value === undefined) return;
    const before = this.#written.get(value);
    if (before === undefined) this.#written.set(value, index);
    else this.#report(view, `executes the write of ${value} at ${index}, as it was at ${before}`);
  }

  #report(view: NodeView, text: string): void {
    this.#ghost.report("S18", `${view.id} ${text}`, view.slot);
  }
}

function copyIn(payload: Uint8Array): Copy {
  const { envelope, command } = readingOf(payload);
  if (envelope?.type !== "command") return { name: undefined, value: undefined };
  return {
    name: `command ${envelope.sequence} of session ${envelope.sessionId}`,
    value: textWrittenBy(command),
  };
}

/** Where the command was executed that this is the answer to; `undefined` where it was not. */
export function indexIn(answer: unknown): LogIndex | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  if (!("type" in answer) || answer.type !== "applied" || !("index" in answer)) return undefined;
  return typeof answer.index === "number" ? answer.index : undefined;
}
