/**
 * What can have led to a violation: what happened before on the nodes that it is about, and, by every message that
 * reached one of them in time, what its sender had done until then. Faults and clients are nobody's: they stay.
 */

import type { TraceEvent } from "./trace.ts";

/** `about`: the nodes that the violation is of. In the order of `events`. */
export function causalPast(
  events: readonly TraceEvent[],
  about: Iterable<number>,
): readonly TraceEvent[] {
  const nodes = new Set(about);
  const packets = new Set<number>();
  const past: TraceEvent[] = [];
  for (const event of events.toReversed()) {
    if (event.type === "send" && packets.has(event.packet)) nodes.add(event.node);
    if ("node" in event && !nodes.has(event.node)) continue;
    if (event.type === "deliver") packets.add(event.packet);
    past.push(event);
  }
  return past.toReversed();
}
