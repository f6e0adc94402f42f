/** Counts what happens, and tells whoever listens. */

import type { RaftState } from "../src/core/state.ts";
import { messageOf } from "../src/errors.ts";
import type { Damage } from "./damage.ts";
import type { Packet } from "./network.ts";
import { codeOf } from "./process.ts";
import type { ActionType, Fault } from "./schedule.ts";
import type { Scheduler } from "./scheduler.ts";
import type { PeerMessage } from "../src/transport/transport.ts";
import type { ClientOperation, LossReason, TraceEvent, Violation } from "./trace.ts";

/** States that a batch of runs must have reached: one that never did has stopped testing. */
export const STATES = [
  "elections",
  "truncations",
  "snapshotsTaken",
  "snapshotsInstalled",
  "duplicatesSuppressed",
  "unsyncedBatchesLost",
  "restarts",
  "damagesNoticed",
  "unknownOutcomes",
  "operationsOk",
  "journalRuns",
  "segmentsMade",
  "segmentsGivenUp",
  "recordsMoved",
] as const;
export type State = (typeof STATES)[number];

export interface Counts {
  /** How often each fault was carried out. */
  readonly faults: Readonly<Partial<Record<ActionType, number>>>;
  readonly states: Readonly<Record<State, number>>;
  readonly messages: number;
  /** That clients have called. */
  readonly operations: number;
  readonly lost: Readonly<Partial<Record<LossReason, number>>>;
  readonly committed: number;
}

type Body<Event> = Event extends TraceEvent ? Omit<Event, "step" | "timeUs"> : never;

export class Recorder {
  readonly #scheduler: Scheduler;
  readonly #listener: ((event: TraceEvent) => void) | undefined;
  readonly #faults: Partial<Record<ActionType, number>> = {};
  readonly #lost: Partial<Record<LossReason, number>> = {};
  readonly #states: Record<State, number>;
  #messages = 0;
  #operations = 0;

  constructor(scheduler: Scheduler, listener: ((event: TraceEvent) => void) | undefined) {
    this.#scheduler = scheduler;
    this.#listener = listener;
    this.#states = {
      elections: 0,
      truncations: 0,
      snapshotsTaken: 0,
      snapshotsInstalled: 0,
      duplicatesSuppressed: 0,
      unsyncedBatchesLost: 0,
      restarts: 0,
      damagesNoticed: 0,
      unknownOutcomes: 0,
      operationsOk: 0,
      journalRuns: 0,
      segmentsMade: 0,
      segmentsGivenUp: 0,
      recordsMoved: 0,
    };
  }

  /** Whether somebody listens: what is costly to tell need not be made otherwise. */
  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  /** With what others know: how much is committed, and how many calls were recognised as copies. */
  counts(committed: number, duplicatesSuppressed: number): Counts {
    return {
      faults: this.#faults,
      states: { ...this.#states, duplicatesSuppressed },
      messages: this.#messages,
      operations: this.#operations,
      lost: this.#lost,
      committed,
    };
  }

  count(state: State, by: number = 1): void {
    this.#states[state] += by;
  }

  tell(event: Body<TraceEvent>): void {
    if (this.#listener === undefined) return;
    const { steps: step, nowUs: timeUs } = this.#scheduler;
    this.#listener({ ...event, step, timeUs });
  }

  onPhase(phase: "safety" | "liveness", core: readonly number[]): void {
    this.tell({ type: "phase", phase, core });
  }

  onStart(node: number, incarnation: number): void {
    if (incarnation > 1) this.count("restarts");
    this.tell({ type: "start", node, incarnation });
  }

  onCrash(node: number, lostBatches: number): void {
    this.count("unsyncedBatchesLost", lostBatches);
    this.tell({ type: "crash", node, lostBatches });
  }

  onStop(node: number, failure: unknown): void {
    this.tell({ type: "stop", node, code: codeOf(failure), text: messageOf(failure) });
  }

  onRole(node: number, state: Readonly<RaftState>): void {
    if (state.role === "leader") this.count("elections");
    const { role, currentTerm: term, votedFor } = state;
    this.tell({ type: "role", node, role, term, votedFor });
  }

  onInvoke(operation: ClientOperation): void {
    this.#operations += 1;
    if (this.isHeard) this.tell({ type: "invoke", operation: { ...operation } });
  }

  onReturn(operation: ClientOperation): void {
    if (operation.outcome === "ok") this.count("operationsOk");
    if (operation.outcome === "unknown") this.count("unknownOutcomes");
    if (this.isHeard) this.tell({ type: "return", operation: { ...operation } });
  }

  onFault(fault: Fault, nodes: readonly number[], untilUs: number | undefined): void {
    const { type } = fault.action;
    this.#faults[type] = (this.#faults[type] ?? 0) + 1;
    this.tell({ type: "fault", fault: fault.id, action: fault.action, nodes, untilUs });
  }

  onFaultEnd({ id, action }: Fault): void {
    this.tell({ type: "fault-end", fault: id, action: action.type });
  }

  onDamage(node: number, damages: readonly Damage[]): void {
    for (const { key, how, entries } of damages) {
      this.tell({ type: "damage", node, key, how, entries });
    }
  }

  onSend(packet: Packet): void {
    this.#messages += 1;
    if (this.#listener === undefined) return;
    const { from: node, to, id, message } = packet;
    const text = textOf(message);
    this.tell({
      type: "send",
      node,
      to,
      packet: id,
      message: message.type,
      term: message.term,
      text,
    });
  }

  onDeliver({ to: node, from, id: packet }: Packet): void {
    if (this.#listener !== undefined) this.tell({ type: "deliver", node, from, packet });
  }

  onLose({ from: node, to, id: packet }: Packet, reason: LossReason): void {
    this.#lost[reason] = (this.#lost[reason] ?? 0) + 1;
    this.tell({ type: "lose", node, to, packet, reason });
  }

  onViolation(violation: Violation): void {
    this.tell({ type: "violation", violation });
  }
}

/** A message in short. */
export function textOf(message: PeerMessage): string {
  switch (message.type) {
    case "PreVote":
    case "RequestVote":
      return `last ${message.lastLog.index}.${message.lastLog.term}`;
    case "PreVoteResponse":
    case "RequestVoteResponse":
      return message.voteGranted ? "granted" : "refused";
    case "AppendEntries": {
      const { prevLog, entries, leaderCommit } = message;
      return `after ${prevLog.index}.${prevLog.term}, ${entries.length} entries, commit ${leaderCommit}`;
    }
    case "AppendEntriesResponse":
      return message.success ? `match ${message.matchIndex}` : `no ${message.prevLogIndex}`;
    case "Heartbeat":
      return `commit ${message.leaderCommit}, round ${message.round}`;
    case "HeartbeatResponse":
      return `round ${message.round}`;
    case "InstallSnapshot":
      return `up to ${message.snapshot.lastIncluded.index}`;
    case "InstallSnapshotResponse":
      return `match ${message.matchIndex}`;
    case "SnapshotChunk":
      return `chunk ${message.chunk} of the snapshot at ${message.snapshot.lastIncluded.index}`;
    case "SnapshotChunkResponse":
      return `has ${message.next}`;
    case "TimeoutNow":
      return "";
  }
}
