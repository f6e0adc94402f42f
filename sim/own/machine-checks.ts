/**
 * S13 for any machine: a member answers to each command, and has the state, that a fresh machine has which was given the
 * golden log. S14: so has a machine that is restored from a snapshot. And reads: an answer is that of the state at its
 * index. What is seen in a step is checked as soon as promises are run, in order.
 */

import { isDeepStrictEqual } from "node:util";
import type { LogIndex } from "../../src/core/types.ts";
import { messageOf } from "../../src/errors.ts";
import type { StateMachine } from "../../src/node/state-machine.ts";
import type { AppliedBatch } from "../application.ts";
import { idOf } from "../process.ts";
import type { Ghost, NodeView } from "../safety/ghost.ts";
import { checkCommitted } from "../safety/applied.ts";
import { differenceText } from "./difference.ts";
import { digestOf } from "./digest.ts";
import { kept, valueText } from "./operation.ts";
import type { OwnOperation } from "./operation.ts";
import type { OwnOptions } from "./options.ts";
import { Replays } from "./replays.ts";
import { NEVER, settles } from "./settles.ts";

const BYTES_HINT = "where equal states may have unequal snapshots, give a digest";

export class MachineChecks {
  readonly #ghost: Ghost;
  readonly #options: OwnOptions;
  readonly #replays: Replays;
  /** Snapshots that were found right, by index. */
  readonly #verified = new Map<LogIndex, Buffer>();
  #queue: Promise<void> = Promise.resolve();
  /** Says of the check under way that it cannot be made. */
  #giveUp: () => void = () => undefined;

  constructor(ghost: Ghost, options: OwnOptions) {
    this.#ghost = ghost;
    this.#options = options;
    this.#replays = new Replays(ghost.golden, options.machine);
  }

  onApplied(view: NodeView, { commands, results, observed }: AppliedBatch): void {
    if (!checkCommitted(this.#ghost, view, commands)) return;
    const copies = results.map(kept);
    this.#later("S13", view, async () => {
      for (const [at, { index }] of commands.entries()) {
        const expected = await this.#replays.resultAt(index);
        if (isDeepStrictEqual(copies[at], expected)) continue;
        return `answers ${valueText(copies[at])} to command ${index}; a fresh machine that was given the same commands answers ${valueText(expected)}`;
      }
      const { index } = commands.at(-1) ?? { index: 0 };
      const { digest } = this.#options;
      if (digest === undefined) return undefined;
      const expected = digestOf(digest, await this.#replays.at(index));
      return isDeepStrictEqual(observed, expected)
        ? undefined
        : `has the state ${valueText(observed)} after command ${index}; a fresh machine that was given the same commands has ${valueText(expected)}`;
    });
  }

  onSnapshot(view: NodeView, index: LogIndex, chunks: readonly Uint8Array[]): void {
    if (index > this.#ghost.golden.lastIndex) {
      const text = `${view.id} has a snapshot at ${index}, which is not committed`;
      return this.#ghost.report("S14", text, view.slot);
    }
    const bytes = Buffer.concat(chunks);
    this.#later("S14", view, async () => {
      if (this.#verified.get(index)?.equals(bytes) === true) return undefined;
      const problem = await this.#problemOf(bytes, await this.#replays.at(index));
      if (problem === undefined) this.#verified.set(index, bytes);
      return problem === undefined ? undefined : `has a snapshot at ${index}${problem}`;
    });
  }

  /** S17 and S19: what a client was told is what the state at that index says. */
  onAnswer({ request, index = 0, value, call, client }: OwnOperation): void {
    const isRead = request.type === "read";
    this.#later(isRead ? "S19" : "S17", { id: `c${client + 1}`, slot: undefined }, async () => {
      const expected = isRead
        ? (await this.#replays.at(index)).query(request.query)
        : await this.#replays.resultAt(index);
      // What a query reads after an await of its own may be newer.
      if (isRead && expected instanceof Promise) return void (await expected);
      if (isDeepStrictEqual(value, kept(expected))) return undefined;
      return `is told ${valueText(value)} at ${index} for its ${call}; a fresh machine that was given the same commands answers ${valueText(expected)}`;
    });
  }

  /** At the end, at rest: the whole state of the member, against that of a fresh machine. */
  onEnd(slot: number, machine: StateMachine): void {
    const { digest } = this.#options;
    const index = this.#ghost.golden.lastIndex;
    this.#later("S13", { id: idOf(slot), slot }, async () => {
      const fresh = await this.#replays.at(index);
      if (digest === undefined) {
        const [found, expected] = [await bytesOf(machine), await bytesOf(fresh)];
        if (found.equals(expected)) return undefined;
        return `has another snapshot at the end than a fresh machine that was given the same commands: ${differenceText(found, expected)} (${BYTES_HINT})`;
      }
      const [found, expected] = [digestOf(digest, machine), digestOf(digest, fresh)];
      return isDeepStrictEqual(found, expected)
        ? undefined
        : `has the state ${valueText(found)} at the end; a fresh machine that was given the same commands has ${valueText(expected)}`;
    });
  }

  /** Resolves when all that was seen is checked. */
  settled(): Promise<void> {
    return this.#queue;
  }

  /** Resolves with whether all that was seen could be checked. To be called between two events. */
  async finished(): Promise<boolean> {
    const isFinished = await settles(this.#queue);
    if (!isFinished) this.#giveUp();
    return isFinished;
  }

  async #problemOf(bytes: Buffer, expected: StateMachine): Promise<string | undefined> {
    const { machine, digest } = this.#options;
    const restored = machine();
    await restored.restore(streamOf(bytes));
    if (digest !== undefined) {
      const [found, wanted] = [digestOf(digest, restored), digestOf(digest, expected)];
      return isDeepStrictEqual(found, wanted)
        ? undefined
        : ` from which the state ${valueText(found)} is restored; a machine that was given the same commands has ${valueText(wanted)}`;
    }
    const ofFresh = await bytesOf(expected);
    if (!ofFresh.equals(bytes)) {
      return ` that is not the one of a fresh machine that was given the same commands: ${differenceText(bytes, ofFresh)} (${BYTES_HINT})`;
    }
    const again = await bytesOf(restored);
    if (again.equals(bytes)) return undefined;
    return `; a machine that is restored from it gives another one: ${differenceText(again, bytes)} (${BYTES_HINT})`;
  }

  /** `check` resolves with what is wrong, if anything is, said of `who`. */
  #later(
    property: string,
    who: { readonly id: string; readonly slot: number | undefined },
    check: () => Promise<string | undefined>,
  ): void {
    const report = (text: string): void =>
      this.#ghost.report(property, `${who.id} ${text}`, who.slot);
    const run = (): Promise<string | undefined> => {
      this.#giveUp = () => report(`cannot be checked: its machine waits for ${NEVER}`);
      return check();
    };
    this.#queue = this.#queue.then(run).then(
      (problem) => {
        if (problem !== undefined) report(problem);
      },
      (error: unknown) => report(`cannot be checked: ${messageOf(error)}`),
    );
  }
}

async function bytesOf(machine: StateMachine): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of machine.snapshot()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** In two pieces, for whoever takes a chunk for a message. */
async function* streamOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  const half = bytes.length >>> 1;
  if (half > 0) yield bytes.subarray(0, half);
  yield bytes.subarray(half);
}
