/** `quorate/sim`: a cluster of your own state machine in simulated time, under faults, checked at every step. */

export type { Answered, Applied } from "../../src/node/node.ts";
export type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";
export type { Digest } from "./digest.ts";
export { SimulationError } from "./failure.ts";
export type {
  MachineSeen,
  RunEnd,
  SeededRandom,
  SimulatedClient,
  SimulateOptions,
  SimulationSummary,
} from "./options.ts";
export { simulate } from "./simulate.ts";
export type { Profile } from "../schedule.ts";
