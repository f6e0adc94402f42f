/**
 * S13: what a node has applied is what the model makes of the golden log, seen in the result of every command. S14: a
 * snapshot is the model's state at its index, sessions included.
 */

import type { LogIndex } from "../../src/core/types.ts";
import { KvMachine } from "../../src/kv/machine.ts";
import { resultFrom, resultToArray } from "../../src/kv/results.ts";
import { SessionTable } from "../../src/kv/session-table.ts";
import { BlockReader } from "../../src/kv/snapshot-stream.ts";
import type { AppliedCommand } from "../../src/node/state-machine.ts";
import type { GoldenCommand } from "../golden-log.ts";
import { goldenCommand } from "../history-of.ts";
import { samePlain } from "../same-plain.ts";
import { checkCommitted } from "../safety/applied.ts";
import type { Ghost, NodeView } from "../safety/ghost.ts";
import { Model } from "./model.ts";
import { indexIn, OnceChecks } from "./once.ts";
import { Readings } from "./readings.ts";

/** A model as of every so many indexes, to begin from. */
const CHECKPOINT_EVERY = 64;

export class MachineChecks {
  /** The store, as far as it is committed. */
  readonly model: Model = new Model();
  readonly once: OnceChecks;
  readonly readings: Readings;
  readonly #ghost: Ghost;
  /** What the model answers to the command at each index. */
  readonly #results: unknown[] = [];
  readonly #checkpoints: Model[] = [new Model()];
  /** Snapshots that are right, by index: most are taken by several nodes, byte for byte. */
  readonly #right = new Map<LogIndex, readonly Uint8Array[]>();
  /** As of the last snapshot that was looked at: the next is often of the same index, or one soon after. */
  #latest: Model = new Model();

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
    this.readings = new Readings(ghost.golden);
    this.once = new OnceChecks(ghost);
  }

  /** Brings the model to the end of the golden log. */
  follow(): void {
    const { model } = this;
    const { golden } = this.#ghost;
    while (model.lastIndex < golden.lastIndex) {
      const next = golden.at(model.lastIndex + 1);
      if (next === undefined) return;
      this.#results[next.entry.index] = model.apply(next.entry, this.readings.at(next.entry.index));
      if (next.entry.index % CHECKPOINT_EVERY === 0) this.#checkpoints.push(model.clone());
    }
  }

  /** The model's answer to the command at an index, once that is committed. */
  resultAt(index: LogIndex): unknown {
    return this.#results[index];
  }

  /** All commands that were executed, by index: of copies, the first alone. */
  executed(): readonly GoldenCommand[] {
    this.follow();
    const commands: GoldenCommand[] = [];
    for (let index = 1; index <= this.#ghost.golden.lastIndex; index += 1) {
      if (indexIn(this.#results[index]) !== index) continue;
      const command = goldenCommand(index, this.readings.at(index)?.command);
      if (command !== undefined) commands.push(command);
    }
    return commands;
  }

  onApplied(
    view: NodeView,
    commands: readonly AppliedCommand[],
    results: readonly unknown[],
  ): void {
    this.follow();
    if (!checkCommitted(this.#ghost, view, commands)) return;
    for (const [at, command] of commands.entries()) {
      this.once.onApplied(view, command, results[at]);
      const expected = this.#results[command.index];
      if (!samePlain(expected, results[at])) {
        const text = `answers ${JSON.stringify(results[at])} to command ${command.index}; it should be ${JSON.stringify(expected)}`;
        return this.#report("S13", view, text);
      }
    }
  }

  /** The bytes of a snapshot at `index`, taken or restored by this node. */
  async checkSnapshot(
    view: NodeView,
    index: LogIndex,
    chunks: readonly Uint8Array[],
  ): Promise<void> {
    this.follow();
    if (index > this.#ghost.golden.lastIndex) {
      return this.#report("S14", view, `has a snapshot at ${index}, which is not committed`);
    }
    if (sameBytes(this.#right.get(index), chunks)) return;
    const model = this.#modelAt(index);
    let problem: string | undefined;
    try {
      problem = await compare(model, chunks);
    } catch (error) {
      problem = `cannot be read: ${String(error)}`;
    }
    if (problem === undefined) this.#right.set(index, chunks);
    else this.#report("S14", view, `has a snapshot at ${index} which ${problem}`);
  }

  #modelAt(index: LogIndex): Model {
    const checkpoint = this.#checkpoints[Math.floor(index / CHECKPOINT_EVERY)] ?? new Model();
    const isNearer =
      this.#latest.lastIndex <= index && this.#latest.lastIndex > checkpoint.lastIndex;
    const start = isNearer ? this.#latest : checkpoint;
    if (start.lastIndex === index) return start;
    const model = start.clone();
    while (model.lastIndex < index) {
      const next = this.#ghost.golden.at(model.lastIndex + 1);
      if (next === undefined) break;
      model.apply(next.entry, this.readings.at(next.entry.index));
    }
    this.#latest = model;
    return model;
  }

  #report(property: string, view: NodeView, text: string): void {
    this.#ghost.report(property, `${view.id} ${text}`, view.slot);
  }
}

function sameBytes(
  known: readonly Uint8Array[] | undefined,
  chunks: readonly Uint8Array[],
): boolean {
  return (
    known?.length === chunks.length &&
    chunks.every((chunk, at) => Buffer.compare(chunk, known[at] ?? new Uint8Array(0)) === 0)
  );
}

function bySequence<Value>(results: ReadonlyMap<number, Value>): readonly [number, Value][] {
  return [...results].toSorted(([left], [right]) => left - right);
}

/** What is wrong with a snapshot, if anything is. */
async function compare(model: Model, chunks: readonly Uint8Array[]): Promise<string | undefined> {
  const reader = new BlockReader(streamOf(chunks));
  await reader.read();
  const table = await SessionTable.read(reader, {
    toPlain: resultToArray,
    fromPlain: resultFrom,
  });
  const machine = new KvMachine();
  await machine.restore(reader.rest());

  if (table.size !== model.sessions.size)
    return `has ${table.size} sessions, not ${model.sessions.size}`;
  for (const [id, session] of model.sessions) {
    const found = table.get(id);
    const isSame =
      found !== undefined &&
      found.results.lowest === session.lowestOutstanding &&
      found.lastActive === session.lastActive &&
      samePlain([...found.results.entries()], bySequence(session.results));
    if (!isSame) return `knows session ${id} otherwise than the log`;
  }
  let keys = 0;
  for (const key of model.keys) {
    const expected = model.at(key, model.lastIndex);
    if (expected !== undefined) keys += 1;
    const answer = machine.query({ type: "get", key });
    if (answer.type !== "get" || !samePlain(answer.found, expected))
      return `has key ${key} otherwise than the log`;
  }
  return keys === machine.size ? undefined : `has ${machine.size} keys, not ${keys}`;
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
