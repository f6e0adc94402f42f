/** What a process that makes load is told, and what it answers: each a line of JSON, to and from whatever language. */

import type { Counts } from "./histogram.ts";

export interface Job {
  readonly operation: "put" | "get";
  /** Writers of a closed loop, each of which sends its next operation when its last is answered. */
  readonly concurrency: number;
  /** An open loop in its place: so many operations a second, answered or not. */
  readonly perSecond?: number;
  /** Connections that the load shares; an embedded load has none. */
  readonly connections: number;
  readonly valueBytes: number;
  /** Load before anything is counted. */
  readonly warmUpMs: number;
  /** What is answered within this time counts. */
  readonly measureMs: number;
  /** A closed loop ends after so many operations, if that is sooner. */
  readonly operations?: number;
}

export interface LoadResult {
  /** Answered with success within `elapsedMs`, whenever it was sent. */
  readonly count: number;
  readonly elapsedMs: number;
  /**
   * In microseconds. Of a closed loop, of what was answered in the measured time; of an open loop, of all that was meant
   * to be sent in it, from when it was meant to be.
   */
  readonly latency: Counts;
  readonly failed: number;
  /** The first failure, in words. */
  readonly failure?: string | undefined;
}

/** What a process of the benchmark tells its parent. */
export type FromChild =
  | {
      readonly type: "ready";
      /** How long a member took to open its log, and to apply it. */
      readonly openMs?: number;
    }
  | { readonly type: "role"; readonly role: string }
  | { readonly type: "applied"; readonly index: number; readonly afterMs: number }
  /** The warm-up is over, the measured time begins. */
  | { readonly type: "begin" }
  /** The measured time is over. */
  | { readonly type: "end" }
  | { readonly type: "result"; readonly result: LoadResult }
  | { readonly type: "error"; readonly message: string };
