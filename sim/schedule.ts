/**
 * What is to happen in a run, as plain data: a run is a function of its schedule. Made from a seed (`generate.ts`),
 * written to a file, shrunk by leaving things out.
 *
 * Decoding is tolerant: a decision that does not apply when its time comes - a node that is not there, a leader where
 * there is none - is skipped, so any part of a schedule is a schedule. Faults and operations carry ids of their own, from
 * which their randomness is derived: leaving one out shifts nothing elsewhere.
 *
 * Nodes are numbers from 0; their ids are `n1`, `n2` ... Times are in whole milliseconds of true time from the start,
 * unless the name says microseconds (`Us`); chances are in parts per million (`Ppm`).
 */

import type { InboxLimits, RaftTuning, SnapshotPolicy } from "../src/node/options.ts";
import type { PeerMessage } from "../src/transport/transport.ts";
import type { DamagedRecords, DamageKind } from "./damage.ts";

export interface Schedule {
  /** Seeds everything that is not said here: delays, time-outs, which of the unsynced batches a crash keeps. */
  readonly seed: number;
  readonly profile: Profile;
  /** 1 to 7. */
  readonly nodes: number;
  /** How long the safety phase takes. */
  readonly durationMs: number;
  /** Whether a liveness phase follows. */
  readonly liveness: boolean;
  readonly raft: RaftTuning;
  readonly snapshot: Partial<SnapshotPolicy>;
  readonly inbox?: Partial<InboxLimits>;
  readonly network: NetworkModel;
  readonly disk: DiskModel;
  /** With it the shipped journal is on the disks; left out, any ordered store. */
  readonly journal?: JournalModel | undefined;
  /** One for each node. */
  readonly clocks: readonly ClockModel[];
  readonly clients: readonly ClientPlan[];
  readonly operations: readonly PlannedOperation[];
  readonly faults: readonly Fault[];
}

export const PROFILES = [
  "default",
  "calm",
  "network",
  "disk",
  "clock",
  "crash",
  "snapshots",
  "tiny",
] as const;
/** Which faults there are: all of them, none, or those of one kind; `tiny` has them all under the smallest limits. */
export type Profile = (typeof PROFILES)[number];

/** How every link behaves when no fault is on it. */
export interface NetworkModel {
  /** Datagrams come in any order. A stream keeps order for each pair of processes, and a reset loses what is under way. */
  readonly mode: "datagram" | "stream";
  readonly minDelayUs: number;
  readonly maxDelayUs: number;
  /** Some take up to `tailDelayUs`. */
  readonly tailPpm: number;
  readonly tailDelayUs: number;
  readonly lossPpm: number;
  readonly duplicatePpm: number;
  /** Messages under way on one link; beyond it a random one is lost. */
  readonly capacity: number;
  /** Of one link; what is sent faster has to wait its turn. 0: any number. */
  readonly bytesPerMs: number;
}

export interface DiskModel {
  readonly readMinUs: number;
  readonly readMaxUs: number;
  readonly syncMinUs: number;
  readonly syncMaxUs: number;
}

export interface JournalModel {
  /** Of a file. */
  readonly segmentBytes: number;
}

export interface ClockModel {
  readonly offsetUs: number;
  readonly driftPpm: number;
  /** What each turn costs: 0 is infinitely fast. */
  readonly turnCostUs: number;
  /** How long the state machine takes for what it is given at once; left out, it is done when it is called. */
  readonly applyUs?: number | undefined;
}

export interface ClientPlan {
  /** The node that all its connections end at, wherever it is sent; `undefined`: it goes where it is sent. */
  readonly stuckTo?: number | undefined;
  readonly attemptTimeoutMs: number;
  readonly retryBaseMs: number;
}

export interface PlannedOperation {
  readonly id: number;
  readonly atMs: number;
  /** An index into `clients`. */
  readonly client: number;
  readonly type: OperationType;
  /** Small numbers: keys are shared. */
  readonly key: number;
  /** The call is given up after this. */
  readonly deadlineMs: number;
  /** How long the text is at least that it writes, if it writes any. */
  readonly bytes?: number;
}

export const OPERATION_TYPES = [
  "get",
  "put",
  "cas",
  "delete",
  "append",
  "increment",
  "local-get",
] as const;
export type OperationType = (typeof OPERATION_TYPES)[number];

export interface Fault {
  readonly id: number;
  readonly when: When;
  readonly action: Action;
}

export type When =
  | { readonly type: "at"; readonly atMs: number }
  /** `delayMs` after the event, whenever it happens from `fromMs` to below `untilMs`, at most `times` times. */
  | {
      readonly type: "on";
      readonly event: TriggerEvent;
      readonly fromMs: number;
      readonly untilMs: number;
      readonly times: number;
      readonly delayMs: number;
    };

/** Its subject is the node that it happens to. At `...-leaves` the message has not left yet, and a crash keeps it back. */
export const TRIGGER_EVENTS = [
  "becomes-leader",
  "steps-down",
  "vote-request-leaves",
  "vote-leaves",
  "append-leaves",
  "append-ack-leaves",
  "snapshot-chunk-leaves",
  "takes-snapshot",
  "truncates",
  "commits",
  "restarts",
] as const;
export type TriggerEvent = (typeof TRIGGER_EVENTS)[number];

/** A node, whoever it is by then: the trigger's subject, the leader of the highest term, or the nth other one after it. */
export type Target =
  number | "subject" | "leader" | `after-subject-${number}` | `after-leader-${number}`;

export type MessageType = PeerMessage["type"];

export type Action =
  /** Like kill -9 and a power cut. It stays down where `downMs` is beyond the end of the safety phase. */
  | { readonly type: "crash"; readonly target: Target; readonly downMs: number }
  /** All at once: of `count` nodes from the target on. */
  | {
      readonly type: "crash-many";
      readonly target: Target;
      readonly count: number;
      readonly downMs: number;
    }
  /** As it hands over its nth next batch, or next change of a file; what it does after that in the same turn never happens. */
  | {
      readonly type: "crash-on-write";
      readonly target: Target;
      readonly writes: number;
      readonly downMs: number;
    }
  /** As the nth of what it asks of its disk from now on is done, reads included, and before it hears of it. */
  | {
      readonly type: "crash-on-io";
      readonly target: Target;
      readonly operations: number;
      readonly downMs: number;
    }
  | { readonly type: "pause"; readonly target: Target; readonly forMs: number }
  | {
      readonly type: "slow";
      readonly target: Target;
      readonly turnCostUs: number;
      readonly forMs: number;
    }
  | { readonly type: "clock-jump"; readonly target: Target; readonly byMs: number }
  | {
      readonly type: "clock-drift";
      readonly target: Target;
      readonly ppm: number;
      readonly forMs: number;
    }
  /** `"in"`: it hears nobody; `"out"`: nobody hears it. */
  | {
      readonly type: "isolate";
      readonly target: Target;
      readonly direction: "both" | "in" | "out";
      /** Whether clients are cut off from it too. */
      readonly clients: boolean;
      readonly forMs: number;
    }
  /** Those whose bit is set against the others. */
  | {
      readonly type: "partition";
      readonly side: number;
      readonly clients: boolean;
      readonly forMs: number;
    }
  /** Those whose bit is set are heard by the others, but hear none of them. */
  | { readonly type: "one-way"; readonly side: number; readonly forMs: number }
  /** One directed link. */
  | { readonly type: "cut"; readonly from: Target; readonly to: Target; readonly forMs: number }
  /** Two halves that only the target is connected to both of. */
  | { readonly type: "bridge"; readonly target: Target; readonly forMs: number }
  /** Everybody hears only its two neighbours. */
  | { readonly type: "ring"; readonly forMs: number }
  | {
      readonly type: "flapping";
      readonly from: Target;
      readonly to: Target;
      readonly periodMs: number;
      readonly forMs: number;
    }
  /** Nothing arrives until it ends; then everything does. */
  | { readonly type: "clog"; readonly from: Target; readonly to: Target; readonly forMs: number }
  /** Clogs the nodes' links one by one and unclogs them in another order. */
  | {
      readonly type: "swizzle";
      readonly nodes: number;
      readonly stepMs: number;
      readonly forMs: number;
    }
  | {
      readonly type: "quality";
      readonly lossPpm: number;
      readonly duplicatePpm: number;
      readonly maxDelayUs: number;
      readonly forMs: number;
    }
  /** The same of one directed link. */
  | {
      readonly type: "bad-link";
      readonly from: Target;
      readonly to: Target;
      readonly lossPpm: number;
      readonly duplicatePpm: number;
      readonly maxDelayUs: number;
      readonly forMs: number;
    }
  /** Whatever the target sends arrives a second time, `afterMs` later: on a datagram network alone. */
  | {
      readonly type: "echo";
      readonly target: Target;
      readonly afterMs: number;
      readonly forMs: number;
    }
  /** A directed link takes fewer bytes: large messages take their time, and all behind them waits. */
  | {
      readonly type: "narrow";
      readonly from: Target;
      readonly to: Target;
      readonly bytesPerMs: number;
      readonly forMs: number;
    }
  | {
      readonly type: "filter";
      readonly from: Target;
      readonly messages: readonly MessageType[];
      readonly forMs: number;
    }
  /** Every connection of a stream network between the two is reset. */
  | { readonly type: "reset"; readonly from: Target; readonly to: Target }
  | { readonly type: "disk-stall"; readonly target: Target; readonly forMs: number }
  | {
      readonly type: "disk-slow";
      readonly target: Target;
      readonly factor: number;
      readonly forMs: number;
    }
  /** The node stops and is started again after `downMs`. */
  | {
      readonly type: "disk-fail";
      readonly target: Target;
      readonly code: "EIO" | "ENOSPC";
      readonly isApplied: boolean;
      readonly downMs: number;
    }
  /** The next sync fails, and what it should have written is never written, whatever later syncs say. */
  | { readonly type: "sync-fail"; readonly target: Target; readonly downMs: number }
  | { readonly type: "read-fail"; readonly target: Target; readonly downMs: number }
  /** The second copy of term and vote cannot be written. */
  | { readonly type: "guard-fail"; readonly target: Target; readonly downMs: number }
  /** The node stops, and cannot be started again before there is room: of a journal, for another file. */
  | { readonly type: "disk-full"; readonly target: Target; readonly forMs: number }
  /** Wrong once: what is stored is right. */
  | { readonly type: "bit-rot"; readonly target: Target; readonly downMs: number }
  /** For good; of a journal a bit of any batch, when it is next opened. The node may stop when it notices, and stays down then. `isBudgeted`: only what the others can spare. */
  | {
      readonly type: "damage";
      readonly target: Target;
      readonly how: DamageKind;
      readonly records: DamagedRecords;
      readonly isBudgeted: boolean;
    }
  /** Of the last few batches one is found never to have been, when the disk is next opened. For good, too. */
  | { readonly type: "lose-batch"; readonly target: Target; readonly isBudgeted: boolean }
  /** Nothing gets to the target's clients or from them until it ends; then everything does, late. */
  | { readonly type: "clog-clients"; readonly target: Target; readonly forMs: number }
  /** It goes on where it was, and finds that its time is up. */
  | { readonly type: "pause-client"; readonly client: number; readonly forMs: number }
  | { readonly type: "transfer"; readonly to: Target }
  /** A client that knows where the target is writes `count` times at once. */
  | { readonly type: "propose"; readonly target: Target; readonly count: number };

export type ActionType = Action["type"];
