/**
 * What happened in a run: events for stories, pages and checkers of histories. Plain data; nobody has to listen, and
 * nothing is made for nobody.
 *
 * `step` counts the scheduler's events: it orders what happens in one microsecond, and is the clock of histories.
 */

import type { EntryId, LogIndex, Role, Term } from "../src/core/types.ts";
import type { Damage } from "./damage.ts";
import type { Action, ActionType, MessageType } from "./schedule.ts";

interface Stamp {
  readonly step: number;
  readonly timeUs: number;
}

/** `node` is a number from 0. */
export type TraceEvent = Stamp &
  (
    | { readonly type: "start"; readonly node: number; readonly incarnation: number }
    | {
        readonly type: "crash";
        readonly node: number;
        /** Batches that were not synced and are gone. */
        readonly lostBatches: number;
      }
    /** It has stopped itself, or could not start. */
    | { readonly type: "stop"; readonly node: number; readonly code: string; readonly text: string }
    | {
        readonly type: "role";
        readonly node: number;
        readonly role: Role;
        readonly term: Term;
        readonly votedFor: string | undefined;
      }
    | {
        readonly type: "append";
        readonly node: number;
        readonly first: EntryId;
        readonly last: EntryId;
        readonly lastIndex: LogIndex;
      }
    | { readonly type: "truncate"; readonly node: number; readonly from: LogIndex }
    | {
        readonly type: "durable";
        readonly node: number;
        readonly term: Term;
        readonly lastIndex: LogIndex;
      }
    | {
        readonly type: "commit";
        readonly node: number;
        readonly index: LogIndex;
        readonly term: Term;
      }
    | { readonly type: "apply"; readonly node: number; readonly index: LogIndex }
    | { readonly type: "snapshot-taken"; readonly node: number; readonly index: LogIndex }
    | { readonly type: "snapshot-installed"; readonly node: number; readonly index: LogIndex }
    | { readonly type: "snapshot-restored"; readonly node: number; readonly index: LogIndex }
    | {
        readonly type: "send";
        readonly node: number;
        readonly to: number;
        /** Names the message from send to delivery, copies included. */
        readonly packet: number;
        readonly message: MessageType;
        readonly term: Term;
        /** The message in short, for people. */
        readonly text: string;
      }
    | {
        readonly type: "deliver";
        readonly node: number;
        readonly from: number;
        readonly packet: number;
      }
    | {
        readonly type: "lose";
        readonly node: number;
        readonly to: number;
        readonly packet: number;
        readonly reason: LossReason;
      }
    | {
        readonly type: "fault";
        readonly fault: number;
        readonly action: Action;
        /** The nodes that it resolved to. */
        readonly nodes: readonly number[];
        /** When it ends, unless it is over at once. */
        readonly untilUs: number | undefined;
      }
    /** A record is damaged for good. */
    | ({ readonly type: "damage"; readonly node: number } & Damage)
    | { readonly type: "fault-end"; readonly fault: number; readonly action: ActionType }
    | { readonly type: "invoke"; readonly operation: ClientOperation }
    | { readonly type: "return"; readonly operation: ClientOperation }
    | {
        readonly type: "phase";
        readonly phase: "safety" | "liveness";
        readonly core: readonly number[];
      }
    | { readonly type: "violation"; readonly violation: Violation }
  );

export type LossReason = "loss" | "cut" | "filter" | "capacity" | "reset" | "gone" | "refused";

export interface Violation {
  /** S1 to S27 and L1 to L8 of the list of properties. */
  readonly property: string;
  /** A sentence with the values. */
  readonly text: string;
  readonly node: number | undefined;
  readonly step: number;
  readonly timeUs: number;
}

/** One call of a client, over all its attempts. Filled in as it ends. Applications add what is theirs. */
export interface ClientOperation {
  readonly id: number;
  readonly client: number;
  /** What it asks for, in words. */
  readonly call: string;
  readonly startStep: number;
  readonly startUs: number;
  endStep: number | undefined;
  /** `undefined` while it is under way. `"rejected"`: it has certainly no effect, now or later. */
  outcome: "ok" | "rejected" | "unknown" | undefined;
  /** The code of the error. */
  error: string | undefined;
  /** With `"ok"`: the log index of a write, or one that the read reflects. */
  index: LogIndex | undefined;
  /** With `"ok"`: how it ended, in words. */
  answer: string | undefined;
}
