/**
 * What a client may expect of reads that need not be the newest (Terry et al. 1994): that it sees what it wrote, and
 * never less than it saw. By the log index of the answers, for the whole store at once, whatever the keys.
 *
 * Only operations that did not overlap are compared, and only those under one client name.
 */

import type { LogIndex } from "../src/core/types.ts";
import { isWrite } from "./history.ts";
import type { Operation } from "./history.ts";

/** The read reflects less of the log than the other operation of its client, which had ended before it began. */
export interface StaleRead {
  readonly read: Operation;
  readonly earlier: Operation;
}

/** A read reflects every write of its client that was answered before it began: the first one that does not. */
export function findUnseenWrite(history: readonly Operation[]): StaleRead | undefined {
  return findStaleRead(history, ({ call, result }) => isWrite(call) && result?.status === "ok");
}

/** A read reflects at least what the client's earlier reads did: the first one that does not. */
export function findNonMonotonicRead(history: readonly Operation[]): StaleRead | undefined {
  return findStaleRead(history, ({ call }) => !isWrite(call));
}

interface Event {
  readonly operation: Operation;
  readonly time: number;
  readonly isEnd: boolean;
  readonly index: LogIndex;
}

function findStaleRead(
  history: readonly Operation[],
  binds: (operation: Operation) => boolean,
): StaleRead | undefined {
  /** Of each client, the operation that has ended and reflects the most. */
  const furthest = new Map<string, Event>();
  for (const event of eventsOf(history, binds)) {
    const { operation, isEnd, index } = event;
    const earlier = furthest.get(operation.client);
    if (isEnd) {
      if (earlier === undefined || earlier.index < index) furthest.set(operation.client, event);
    } else if (earlier !== undefined && index < earlier.index) {
      return { read: operation, earlier: earlier.operation };
    }
  }
  return undefined;
}

/** Beginnings of reads and ends of what binds them, by time; at the same time beginnings first. */
function eventsOf(
  history: readonly Operation[],
  binds: (operation: Operation) => boolean,
): readonly Event[] {
  const events: Event[] = [];
  for (const operation of history) {
    const { call, start, end, result } = operation;
    if (end === undefined || result === undefined || result.status === "rejected") continue;
    if (result.index === undefined) throw new TypeError(`an answer to ${call.op} names no index`);
    const { index } = result;
    if (!isWrite(call)) events.push({ operation, time: start, isEnd: false, index });
    if (binds(operation)) events.push({ operation, time: end, isEnd: true, index });
  }
  return events.toSorted(
    (left, right) => left.time - right.time || Number(left.isEnd) - Number(right.isEnd),
  );
}
