/**
 * What a leader knows of one follower: `nextIndex` and `matchIndex` of figure 2, and how fast it may send.
 *
 * ```
 *            refused, or lost                      compacted: the entries are gone
 *   probe <-------------------- replicate      probe / replicate ------------------> snapshot
 *     |                            ^                                                    |
 *     +----------------------------+             probe <-------------------------------+
 *          the logs agree                              arrived, failed, or connected anyway
 * ```
 */

import type { LogIndex, NodeId, SnapshotMeta } from "./types.ts";

type ProgressMode = "probe" | "replicate" | "snapshot";

interface InflightAppend {
  readonly lastIndex: LogIndex;
  readonly bytes: number;
}

export interface Progress {
  readonly id: NodeId;
  mode: ProgressMode;
  /** The follower's log is known to agree up to here; only grows while this leader leads (rule 29). */
  matchIndex: LogIndex;
  /** The next entry to send; always above `matchIndex`. */
  nextIndex: LogIndex;
  /** In `probe`: no entries are sent until an answer comes; a heartbeat's answer asks for one without them (rule 33). */
  paused: boolean;
  /**
   * In `replicate`: how many appends may be unanswered (pipelining, thesis 10.2.2), `maxInflightAppends` at the most. It
   * begins small and grows by one with each that is answered: where a network reorders, most of a large window would be
   * refused, again and again.
   */
  window: number;
  /** In `replicate`: appends that are not answered yet, oldest first. */
  inflight: InflightAppend[];
  inflightBytes: number;
  /** When the last append left, empty ones included. */
  sentAt: number;
  /** In `snapshot`: what is on its way. */
  snapshot: SnapshotMeta | undefined;
  /** A read of the storage is under way for this follower, from this index; there is no other until it is answered. */
  reading: LogIndex | undefined;
  /** It has answered since the last quorum check; true once for a new one (rule 23). */
  active: boolean;
  /** The latest heartbeat round that it has answered. */
  round: number;
}

/** Appends that may be unanswered before any is answered. */
const FIRST_WINDOW = 2;

export function newProgress(id: NodeId, lastIndex: LogIndex): Progress {
  return {
    id,
    mode: "probe",
    matchIndex: 0,
    nextIndex: lastIndex + 1,
    paused: false,
    window: FIRST_WINDOW,
    inflight: [],
    inflightBytes: 0,
    sentAt: -Infinity,
    snapshot: undefined,
    reading: undefined,
    active: true,
    round: 0,
  };
}

export function becomeProbe(progress: Progress, nextIndex: LogIndex): void {
  enter(progress, "probe");
  progress.nextIndex = Math.max(nextIndex, progress.matchIndex + 1);
}

export function becomeReplicate(progress: Progress): void {
  enter(progress, "replicate");
  progress.nextIndex = progress.matchIndex + 1;
}

export function becomeSnapshot(progress: Progress, snapshot: SnapshotMeta): void {
  enter(progress, "snapshot");
  progress.snapshot = snapshot;
}

/** Takes note of an append that leaves. */
export function sent(progress: Progress, lastIndex: LogIndex, bytes: number): void {
  if (progress.mode === "probe") {
    progress.paused = true;
    return;
  }
  progress.nextIndex = lastIndex + 1;
  progress.inflight.push({ lastIndex, bytes });
  progress.inflightBytes += bytes;
}

/** The logs agree up to `matchIndex`; whether that is news. */
export function advanceMatch(progress: Progress, matchIndex: LogIndex): boolean {
  while ((progress.inflight[0]?.lastIndex ?? Infinity) <= matchIndex) {
    progress.inflightBytes -= progress.inflight.shift()?.bytes ?? 0;
    progress.window += 1;
  }
  if (matchIndex <= progress.matchIndex) return false;
  progress.matchIndex = matchIndex;
  progress.nextIndex = Math.max(progress.nextIndex, matchIndex + 1);
  return true;
}

function enter(progress: Progress, mode: ProgressMode): void {
  progress.mode = mode;
  progress.paused = false;
  progress.inflight = [];
  progress.inflightBytes = 0;
  progress.window = FIRST_WINDOW;
  progress.snapshot = undefined;
}
