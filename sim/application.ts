/**
 * What a simulated cluster replicates and who uses it: all of a run that depends on the state machine. The key-value
 * store is one application (`kv/application.ts`), a state machine of the library's user another (`own/application.ts`);
 * everything else of the simulator knows neither.
 */

import type { LogIndex } from "../src/core/types.ts";
import type { Clock } from "../src/node/clock.ts";
import type { NodeOptions } from "../src/node/options.ts";
import type { AppliedCommand } from "../src/node/state-machine.ts";
import type { ClientNetwork } from "./client-link.ts";
import type { Ghost, NodeView } from "./safety/ghost.ts";
import type { Schedule } from "./schedule.ts";
import type { Scheduler } from "./scheduler.ts";
import type { ClientOperation } from "./trace.ts";

export interface Application<Operation extends ClientOperation = ClientOperation> {
  /** For one incarnation of a node. */
  member(place: { readonly slot: number; readonly clock: Clock }): ApplicationMember;
  /** The clients of a run. */
  workload(world: WorkloadWorld<Operation>): Workload<Operation>;
  /** What must be true of the machines of a run, and of what its clients are told. */
  checks(ghost: Ghost): ApplicationChecks<Operation>;
}

/** A new, empty machine, and who serves the clients that connect to its node. */
export interface ApplicationMember extends Pick<NodeOptions, "machine" | "clients"> {
  /** Looks at the machine after each batch: what it returns is given to `onApplied` of the checks. */
  readonly observe?: (lastIndex: LogIndex) => unknown;
}

/** What clients find. */
export interface WorkloadWorld<Operation extends ClientOperation> {
  readonly schedule: Schedule;
  readonly scheduler: Scheduler;
  readonly network: ClientNetwork;
  readonly onInvoke: (operation: Operation) => void;
  readonly onReturn: (operation: Operation) => void;
}

export interface Workload<Operation extends ClientOperation> {
  /** All calls so far, in the order of their beginnings. */
  readonly history: readonly Operation[];
  /** Puts all that is planned on the timetable. */
  start(): void;
  /** A client that goes straight to one node calls it `count` times at once. */
  burst(slot: number, count: number): void;
  /** Every client that goes where it is sent does something that it must be able to do now. */
  callByAll(deadlineMs: number): readonly FinalCall[];
}

/** Of the liveness phase: filled in as it ends. */
export interface FinalCall extends Pick<ClientOperation, "client" | "outcome" | "error"> {
  /** Why it may be that it does not. */
  readonly doubt?: string;
}

/** Fed with what the nodes and the clients do; reports to the ghost. */
export interface ApplicationChecks<Operation extends ClientOperation> {
  /** Calls that would have taken effect twice, had they not been recognised. */
  readonly duplicates: number;
  /** The golden log may have grown. */
  onCommit(): void;
  /** At the end of the step in which a machine was given these commands. */
  onApplied(view: NodeView, batch: AppliedBatch): void;
  /** The bytes of a snapshot at `index`, taken, installed or restored by this node. */
  checkSnapshot(view: NodeView, index: LogIndex, chunks: readonly Uint8Array[]): Promise<void>;
  onInvoke(operation: Operation): void;
  onReturn(operation: Operation): void;
  /**
   * The run is over, and nothing has been found: what can be said of the whole of it. `settled`: the nodes that have
   * applied all that is committed and are at rest; none where no liveness phase came.
   */
  checkEnd(history: readonly Operation[], settled: readonly number[]): void | Promise<void>;
}

export interface AppliedBatch {
  readonly commands: readonly AppliedCommand[];
  readonly results: readonly unknown[];
  /** What `observe` has returned. */
  readonly observed: unknown;
}
