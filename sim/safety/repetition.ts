/** L9: a leader does not flood a follower. Entries are sent again where they were lost or refused, but not without end. */

import type { AppendEntries, Heartbeat } from "../../src/core/message.ts";
import type { Ghost, NodeView } from "./ghost.ts";

/**
 * How often a leader may have sent each entry of its term to one follower, on the average, and how many on top of that. One
 * append more for each heartbeat: where the follower's disk is slow, its answer brings the same probe again.
 */
const MAX_TIMES = 20;
const FREE = 1000;

/**
 * How often an append may begin with the same entry between two heartbeats: several may be refused or lost one after the
 * other, and clean runs send one up to six times. A storm sends it dozens of times.
 */
const MAX_BETWEEN_HEARTBEATS = 20;

interface Sent {
  readonly term: number;
  lowest: number;
  highest: number;
  entries: number;
  /** Entries of the longest append. */
  longest: number;
  heartbeats: number;
  /** How often, since the last heartbeat, by the first entry. */
  readonly since: Map<number, number>;
}

export class Repetition {
  readonly #ghost: Ghost;
  /** By sender and receiver. */
  readonly #sent = new Map<string, Sent>();

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
  }

  onHeartbeat(view: NodeView, { term, to }: Heartbeat): void {
    const sent = this.#sentOf(view.id, to, term);
    sent.heartbeats += 1;
    sent.since.clear();
  }

  onAppend(view: NodeView, { term, to, entries }: AppendEntries): void {
    const first = entries[0]?.index;
    if (first === undefined) return;
    const sent = this.#sentOf(view.id, to, term);
    const times = (sent.since.get(first) ?? 0) + 1;
    sent.since.set(first, times);
    if (times > MAX_BETWEEN_HEARTBEATS) {
      const text = `${view.id} has sent entry ${first} to ${to} ${times} times since the last heartbeat`;
      this.#ghost.report("L9", text, view.slot);
    }
    sent.entries += entries.length;
    sent.longest = Math.max(sent.longest, entries.length);
    sent.lowest = Math.min(sent.lowest, first);
    sent.highest = Math.max(sent.highest, first + entries.length - 1);
    const different = sent.highest - sent.lowest + 1;
    const probes = sent.heartbeats * sent.longest;
    if (sent.entries <= FREE + MAX_TIMES * different + probes) return;
    const text = `${view.id} has sent ${sent.entries} entries to ${to} in term ${term}, but only ${different} different ones`;
    this.#ghost.report("L9", text, view.slot);
  }

  #sentOf(from: string, to: string, term: number): Sent {
    const pair = `${from} ${to}`;
    const known = this.#sent.get(pair);
    if (known?.term === term) return known;
    const sent: Sent = {
      term,
      lowest: Infinity,
      highest: 0,
      entries: 0,
      longest: 0,
      heartbeats: 0,
      since: new Map(),
    };
    this.#sent.set(pair, sent);
    return sent;
  }
}
