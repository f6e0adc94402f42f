/** L7: what a follower has refused is not sent to it again and again: a leader that hears a refusal sends something else. */

import type { AppendEntries, AppendEntriesResponse } from "../../src/core/message.ts";
import type { LogIndex, NodeId, Term } from "../../src/core/types.ts";
import type { Ghost, NodeView } from "./ghost.ts";

/** A refusal may be late, and a copy of it later still. */
const MAX_TIMES = 20;

interface Refused {
  readonly term: Term;
  readonly prevLogIndex: LogIndex;
  /** Since the same was last sent. */
  isHeard: boolean;
  /** How often the same was sent after the refusal was heard. */
  times: number;
}

export class Refusals {
  readonly #ghost: Ghost;
  /** By leader and follower: what was refused last. */
  readonly #refused = new Map<string, Refused>();

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
  }

  /** An answer has arrived. */
  onAnswer(answer: AppendEntriesResponse): void {
    const pair = pairOf(answer.to, answer.from);
    if (answer.success) return void this.#refused.delete(pair);
    const { term, prevLogIndex } = answer;
    const before = this.#refused.get(pair);
    if (before?.term === term && before.prevLogIndex === prevLogIndex) before.isHeard = true;
    else this.#refused.set(pair, { term, prevLogIndex, isHeard: true, times: 0 });
  }

  /** An append leaves. */
  onAppend({ id, slot }: NodeView, { to, term, prevLog }: AppendEntries): void {
    const refused = this.#refused.get(pairOf(id, to));
    // A refusal of another term only tells that the leader is, or was, one of the past.
    if (refused?.term !== term || refused.prevLogIndex !== prevLog.index || !refused.isHeard)
      return;
    refused.isHeard = false;
    refused.times += 1;
    if (refused.times <= MAX_TIMES) return;
    const text = `${id} has heard ${refused.times} times that ${to} refuses what follows entry ${prevLog.index}, and sends it again`;
    this.#ghost.report("L7", text, slot);
  }
}

function pairOf(leader: NodeId, follower: NodeId): string {
  return `${leader} ${follower}`;
}
