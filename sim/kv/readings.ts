/** What the commands of the golden log say, each read once for all checks. */

import type { LogIndex } from "../../src/core/types.ts";
import { decodeCommand } from "../../src/kv/command-codec.ts";
import type { KvCommand } from "../../src/kv/commands.ts";
import { decodeEnvelope } from "../../src/kv/envelope.ts";
import type { Envelope } from "../../src/kv/envelope.ts";
import type { GoldenLog } from "../safety/ghost.ts";

export interface Reading {
  readonly envelope: Envelope | undefined;
  /** Of an envelope that holds one. */
  readonly command: KvCommand | undefined;
}

export function readingOf(payload: Uint8Array): Reading {
  const envelope = decodeEnvelope(payload);
  const holdsOne = envelope?.type === "command" || envelope?.type === "plain";
  return { envelope, command: holdsOne ? decodeCommand(envelope.payload) : undefined };
}

/** The text that a command writes: each is written by one operation only. */
export function textWrittenBy(command: KvCommand | undefined): string | undefined {
  if (command === undefined || !("value" in command)) return undefined;
  return typeof command.value === "string" ? command.value : undefined;
}

export class Readings {
  readonly #golden: GoldenLog;
  /** By index. */
  readonly #readings: (Reading | undefined)[] = [];

  constructor(golden: GoldenLog) {
    this.#golden = golden;
  }

  /** `undefined` where no command is committed. */
  at(index: LogIndex): Reading | undefined {
    const entry = this.#golden.at(index)?.entry;
    if (entry?.kind !== "command") return undefined;
    return (this.#readings[index] ??= readingOf(entry.payload));
  }
}
