/**
 * What the machine should be: fresh machines that are given the golden log from its beginning, one command at a time, and
 * are never restored. A few, each at an index of its own, as nodes lag behind each other.
 */

import { isDeepStrictEqual } from "node:util";
import type { LogIndex } from "../../src/core/types.ts";
import type { StateMachine } from "../../src/node/state-machine.ts";
import type { GoldenLog } from "../safety/ghost.ts";
import { kept, valueText } from "./operation.ts";

/** Beyond them the one that was not used for the longest time goes; a member may then cost a replay from the start. */
const MAX_MACHINES = 8;

interface Replay {
  readonly machine: StateMachine;
  index: LogIndex;
}

/** One call at a time. */
export class Replays {
  readonly #golden: GoldenLog;
  readonly #create: () => StateMachine;
  /** The most recently used last. */
  readonly #replays: Replay[] = [];
  readonly #results = new Map<LogIndex, unknown>();
  #followed: LogIndex = 0;

  constructor(golden: GoldenLog, create: () => StateMachine) {
    this.#golden = golden;
    this.#create = create;
  }

  /** A machine that has applied all up to `index`, which is committed: to look at. Throws what the machine throws. */
  async at(index: LogIndex): Promise<StateMachine> {
    const replay = this.#nearest(index);
    while (replay.index < index) {
      replay.index += 1;
      await this.#apply(replay);
    }
    this.#followed = Math.max(this.#followed, index);
    return replay.machine;
  }

  /** The result of the command at `index`. */
  async resultAt(index: LogIndex): Promise<unknown> {
    if (index > this.#followed) await this.at(index);
    return this.#results.get(index);
  }

  #nearest(index: LogIndex): Replay {
    const best = this.#replays
      .filter((replay) => replay.index <= index)
      .reduce<Replay | undefined>(
        (found, replay) => (found === undefined || replay.index > found.index ? replay : found),
        undefined,
      );
    const replay = best ?? { machine: this.#create(), index: 0 };
    if (best !== undefined) this.#replays.splice(this.#replays.indexOf(best), 1);
    else if (this.#replays.length === MAX_MACHINES) this.#replays.shift();
    this.#replays.push(replay);
    return replay;
  }

  async #apply({ machine, index }: Replay): Promise<void> {
    const entry = this.#golden.at(index)?.entry;
    if (entry?.kind !== "command") return;
    const { term, time } = entry;
    const payload = new Uint8Array(entry.payload);
    const [given] = await machine.apply([{ index, term, time, payload }]);
    const result = kept(given);
    if (!this.#results.has(index)) this.#results.set(index, result);
    else if (!isDeepStrictEqual(this.#results.get(index), result)) {
      const texts = [this.#results.get(index), result].map(valueText).join(", the other ");
      throw new Error(
        `two machines that were given the same commands differ at command ${index}: one answers ${texts}`,
      );
    }
  }
}
