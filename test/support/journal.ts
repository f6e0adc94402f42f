/** A state machine that remembers every command and where it stood: what any two members have, must agree. */

import type { Clock } from "../../src/node/clock.ts";
import type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";

export interface JournalOptions {
  /** Makes `apply` asynchronous: it takes `applyMs` of this clock. */
  readonly clock?: Clock;
  readonly applyMs?: number;
  /** Bytes that every snapshot holds beside the commands, so that it takes several chunks. */
  readonly ballastBytes?: number;
  /** Sees each command as it is applied. */
  readonly onApplied?: (index: number, command: string) => void;
}

export class Journal implements StateMachine<number, undefined, readonly string[]> {
  readonly commands: string[] = [];
  /** How often each was called. */
  restored = 0;
  captured = 0;
  /** Whether an asynchronous `apply` is under way. */
  isApplying = false;
  readonly #options: JournalOptions;

  constructor(options: JournalOptions = {}) {
    this.#options = options;
  }

  apply(commands: readonly AppliedCommand[]): readonly number[] | Promise<readonly number[]> {
    const { clock, applyMs = 0 } = this.#options;
    if (clock === undefined || applyMs === 0) return this.#take(commands);
    this.isApplying = true;
    return new Promise((resolve) => {
      clock.setTimer(applyMs, () => {
        this.isApplying = false;
        resolve(this.#take(commands));
      });
    });
  }

  query(): readonly string[] {
    if (this.isApplying) throw new Error("asked in the middle of an apply");
    return [...this.commands];
  }

  snapshot(): AsyncGenerator<Uint8Array> {
    this.captured += 1;
    return Journal.#stream([...this.commands], this.#options.ballastBytes ?? 0);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const text = Buffer.concat(parts).toString();
    const end = text.indexOf("\0");
    if (end === -1) throw new Error("the snapshot is not whole");
    if (text.length !== end + 1 + (this.#options.ballastBytes ?? 0)) {
      throw new Error("the snapshot has lost its ballast");
    }
    const commands = end === 0 ? [] : text.slice(0, end).split("\n");
    this.commands.splice(0, this.commands.length, ...commands);
    this.restored += 1;
  }

  #take(commands: readonly AppliedCommand[]): readonly number[] {
    return commands.map(({ payload, index }) => {
      const command = Buffer.from(payload).toString();
      this.#options.onApplied?.(index, command);
      return this.commands.push(`${index}:${command}`);
    });
  }

  static async *#stream(commands: string[], ballast: number): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${commands.join("\n")}\0`);
    if (ballast > 0) yield Buffer.alloc(ballast, ".");
  }
}
