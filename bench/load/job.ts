/** What a process that makes load is told, and what it answers. */

import type { Counts } from "./histogram.ts";

export interface Job {
  readonly operation: "put" | "get";
  /** Writers, each of which sends its next operation when the last is answered. */
  readonly concurrency: number;
  /** Connections that the writers share; an embedded load has none. */
  readonly connections: number;
  readonly valueBytes: number;
  /** Load before anything is counted. */
  readonly warmUpMs: number;
  /** What is answered within this time counts. */
  readonly measureMs: number;
}

export interface LoadResult {
  /** Answered with success within `elapsedMs`. */
  readonly count: number;
  readonly elapsedMs: number;
  /** In microseconds. */
  readonly latency: Counts;
  readonly failed: number;
  /** The first failure, in words. */
  readonly failure: string | undefined;
}

/** What a forked process tells its parent: at its start, when leadership comes, and at the moments of a job. */
export type FromChild =
  | { readonly type: "ready" }
  | { readonly type: "role"; readonly role: string }
  /** The warm-up is over, the measured time begins. */
  | { readonly type: "begin" }
  /** The measured time is over. */
  | { readonly type: "end" }
  | { readonly type: "result"; readonly result: LoadResult }
  | { readonly type: "error"; readonly message: string };
