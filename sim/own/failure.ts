/** The error that `simulate` rejects with, and what it says. */

import type { Violation } from "../trace.ts";
import { NEVER } from "./settles.ts";

export interface FoundViolation {
  readonly seed: number;
  readonly violation: Violation;
  /** The shortest run that was found to end in the same, in words; empty where none was told. */
  readonly story: string;
  readonly cause: unknown;
}

/**
 * A property does not hold. Compare `code`, not the class. The message has the property, the event, the seed, the line
 * that replays it, and the story of a shorter run that ends the same way.
 */
export class SimulationError extends Error {
  override readonly name = "SimulationError";
  readonly code = "SIMULATION_VIOLATION";
  /**
   * `"workload"`, `"invariant"`, `"digest"` or `"atEnd"` where one of these has thrown: then `cause` is what it threw.
   * `"endless"`: a call of the workload asks for more and more. S13, S14, S17 to S19: the machines and what clients are
   * told. L1 to L4: nothing happens although all is healed. S0 and S27: a member has stopped, or something has thrown
   * where nobody catches it. `"determinism"`: the same seed gave two runs. `"effect"`: no run has applied a command. All
   * others are of the library itself: please report them.
   */
  readonly property: string;
  /** The seed that finds it again. */
  readonly seed: number;
  /** The step of the run at which it was found. */
  readonly event: number;
  /** Simulated, from the start of the run. */
  readonly timeMs: number;
  readonly #story: string;

  constructor({ seed, violation, story, cause }: FoundViolation) {
    super(textOf(seed, violation, story), cause === undefined ? undefined : { cause });
    this.property = violation.property;
    this.seed = seed;
    this.event = violation.step;
    this.timeMs = violation.timeUs / 1000;
    this.#story = story;
  }

  /** The shortest run that was found to end in the same, in words: as it is in the message. */
  get story(): string {
    return this.#story;
  }
}

/** What else it may be: a mistake of the user that looks like one of the library. */
const OTHERWISE: Readonly<Partial<Record<string, string>>> = {
  L2: `the machine waits for ${NEVER}`,
  L3: `the machine waits for ${NEVER}`,
  S18: "the machine changes the bytes of a command, which are the log's",
  S27: "the workload does not await a call",
};

function textOf(seed: number, { property, text, step, timeUs }: Violation, story: string): string {
  const otherwise = text.includes(NEVER) ? undefined : OTHERWISE[property];
  return [
    `${property}: ${text}`,
    ...(otherwise === undefined ? [] : [`  or:     ${otherwise}`]),
    `  found:  seed ${seed}, event ${step}, ${(timeUs / 1000).toFixed(1)} ms`,
    `  again:  simulate({ ..., seed: ${seed} }), or QUORATE_SEED=${seed} in the environment`,
    ...(story === "" ? [] : ["", story]),
  ].join("\n");
}
