/**
 * What a message shows must be so, on the disk, when it leaves: S2 one vote a term, S3 terms never fall, S10 what is
 * acknowledged is durable, S22 it is well formed, S25 nobody speaks of a write that has failed, or at all once he knows.
 * And S23: what arrives is what was sent.
 */

import type { AppendEntries } from "../../src/core/message.ts";
import type { EntryId } from "../../src/core/types.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import { samePlain } from "../same-plain.ts";
import { idText, sameEntry } from "./ghost.ts";
import type { Ghost, NodeView } from "./ghost.ts";
import { Refusals } from "./refusals.ts";
import { Repetition } from "./repetition.ts";

export class MessageChecks {
  /** Those that have nothing to say to each other but heartbeats. */
  silent: readonly number[] = [];
  readonly #ghost: Ghost;
  readonly #repetition: Repetition;
  readonly #refusals: Refusals;
  readonly #shownTerms: number[];
  /** Those whose process has a failed write behind it, and whether it knows. */
  readonly #failed = new Map<number, { readonly isKnown: boolean }>();
  /** Left in this step, and said to follow entries that may have been seen by nobody yet. */
  readonly #appends: { readonly view: NodeView; readonly prevLog: EntryId }[] = [];

  constructor(ghost: Ghost) {
    this.#ghost = ghost;
    this.#repetition = new Repetition(ghost);
    this.#refusals = new Refusals(ghost);
    this.#shownTerms = ghost.nodes.map(() => 0);
  }

  onSend(slot: number, message: PeerMessage): void {
    const view = this.#ghost.view(slot);
    this.#checkTerm(view, message);
    if (this.silent.includes(slot)) this.#checkRest(view, message);
    if (this.#failed.get(slot)?.isKnown === true) this.#checkSilence(view, message);
    switch (message.type) {
      case "RequestVote":
        return this.#checkVote(view, message.term, view.id);
      case "RequestVoteResponse":
        if (message.voteGranted) this.#checkVote(view, message.term, message.to);
        return;
      case "AppendEntries":
        this.#repetition.onAppend(view, message);
        this.#refusals.onAppend(view, message);
        return this.#checkAppend(view, message);
      case "Heartbeat":
        this.#repetition.onHeartbeat(view, message);
        return this.#checkCommit(view, message.leaderCommit);
      case "AppendEntriesResponse":
        if (message.success) this.#checkAcknowledged(view, message.matchIndex);
        return;
      case "InstallSnapshotResponse":
        return this.#checkAcknowledged(view, message.matchIndex);
      default:
        return undefined;
    }
  }

  /** A write of a node's process fails: its disk does not hold what was to be on it. */
  onWriteFailed(slot: number): void {
    this.#failed.set(slot, { isKnown: false });
  }

  /** The process is told so: nothing is known of its disk any more. */
  onWriteRejected(slot: number): void {
    this.#failed.set(slot, { isKnown: true });
  }

  /** Another process runs, from what the disk really has. */
  onStart(slot: number): void {
    this.#failed.delete(slot);
  }

  /** At the end of a step, when everything that was appended in it has been seen. */
  afterStep(): void {
    if (this.#appends.length === 0) return;
    for (const { view, prevLog } of this.#appends.splice(0)) {
      const isThere = prevLog.index === 0 ? prevLog.term === 0 : this.#ghost.entry(prevLog);
      if (isThere !== undefined && isThere !== false) continue;
      const text = `${view.id} sends what follows entry ${idText(prevLog)}, which nobody ever had`;
      this.#ghost.report("S22", text, view.slot);
    }
  }

  /** What is broken by showing what the disk does not hold. */
  #durability({ slot }: NodeView): "S10" | "S25" {
    return this.#failed.has(slot) ? "S25" : "S10";
  }

  /**
   * L5: when all is done, heartbeats alone are sent. To those who are gone a snapshot may be on its way; and a call that was
   * held up may come yet: then there is something to do again.
   */
  #checkRest(view: NodeView, message: PeerMessage): void {
    const { type, to } = message;
    if (type === "Heartbeat" || type === "HeartbeatResponse") return;
    if (type === "AppendEntriesResponse" && message.success) return;
    if (!this.silent.includes(this.#ghost.slotOf(to))) return;
    if (type === "AppendEntries" && message.entries.length > 0) {
      this.silent = [];
      return;
    }
    const text = `${view.id} sends a ${type} to ${to}, and everything is done`;
    this.#ghost.report("L5", text, view.slot);
  }

  /** S25. Chunks of a snapshot say nothing of what was being written. */
  #checkSilence(view: NodeView, { type }: PeerMessage): void {
    if (type === "SnapshotChunk" || type === "SnapshotChunkResponse") return;
    const text = `${view.id} sends a ${type} after a write of its own has failed`;
    this.#ghost.report("S25", text, view.slot);
  }

  onDeliver(sent: PeerMessage, decoded: PeerMessage): void {
    this.#checkSame(sent, decoded);
    if (sent.type === "AppendEntriesResponse") this.#refusals.onAnswer(sent);
  }

  /** S23. */
  #checkSame(sent: PeerMessage, decoded: PeerMessage): void {
    if (sameMessage(sent, decoded)) return;
    const text = `a ${sent.type} arrives as another message than was sent`;
    this.#ghost.report("S23", text, this.#ghost.slotOf(sent.from));
  }

  /** S3: of a pre-vote and its grant the term is a proposal; a chunk's answer repeats the leader's. */
  #checkTerm(view: NodeView, message: PeerMessage): void {
    const { type, term } = message;
    if (type === "PreVote" || type === "SnapshotChunkResponse") return;
    if (type === "PreVoteResponse" && message.voteGranted) return;
    const shown = this.#shownTerms[view.slot] ?? 0;
    if (term < shown) {
      this.#ghost.report(
        "S3",
        `${view.id} has shown term ${shown} and now sends a ${type} of term ${term}`,
        view.slot,
      );
    }
    this.#shownTerms[view.slot] = Math.max(shown, term);
    const durable = view.platter.hardState.currentTerm;
    if (durable < term) {
      this.#ghost.report(
        this.#durability(view),
        `${view.id} sends a ${type} of term ${term}; its disk knows only term ${durable}`,
        view.slot,
      );
    }
  }

  /** S2, and that the vote is on the disk. */
  #checkVote(view: NodeView, term: number, candidate: string): void {
    const given = this.#ghost.voteOf(view.slot, term);
    if (given !== undefined && given !== candidate) {
      this.#ghost.report(
        "S2",
        `${view.id} has voted for ${given} and for ${candidate} in term ${term}`,
        view.slot,
      );
    }
    this.#ghost.recordVote(view.slot, term, candidate);
    const { currentTerm, votedFor } = view.platter.hardState;
    if (currentTerm !== term || votedFor !== candidate) {
      this.#ghost.report(
        this.#durability(view),
        `${view.id} shows its vote for ${candidate} in term ${term}; its disk has ${votedFor ?? "none"} in term ${currentTerm}`,
        view.slot,
      );
    }
  }

  #checkAcknowledged(view: NodeView, matchIndex: number): void {
    const { lastIndex, snapshotIndex } = view.platter;
    if (Math.max(lastIndex, snapshotIndex) >= matchIndex) return;
    this.#ghost.report(
      this.#durability(view),
      `${view.id} acknowledges entries up to ${matchIndex}; its disk ends at ${lastIndex}`,
      view.slot,
    );
  }

  #checkAppend(view: NodeView, { entries, prevLog, term, leaderCommit }: AppendEntries): void {
    this.#appends.push({ view, prevLog });
    let previous = prevLog;
    for (const entry of entries) {
      if (entry.index !== previous.index + 1 || entry.term < previous.term || entry.term > term) {
        const text = `${view.id} sends entry ${idText(entry)} behind ${idText(previous)} in term ${term}`;
        return this.#ghost.report("S22", text, view.slot);
      }
      previous = entry;
    }
    this.#checkCommit(view, leaderCommit);
  }

  #checkCommit(view: NodeView, leaderCommit: number): void {
    if (leaderCommit <= this.#ghost.golden.lastIndex || this.isOwnNews(view, leaderCommit)) return;
    this.#ghost.report(
      "S22",
      `${view.id} says that ${leaderCommit} is committed, which nobody has committed`,
      view.slot,
    );
  }

  /** A leader commits and says so in one turn, before anybody has looked; set by who knows its state. */
  isOwnNews: (view: NodeView, index: number) => boolean = () => false;
}

function sameMessage(a: PeerMessage, b: PeerMessage): boolean {
  if (a.type === "AppendEntries" && b.type === "AppendEntries") {
    return (
      a.term === b.term &&
      a.from === b.from &&
      a.to === b.to &&
      a.leaderCommit === b.leaderCommit &&
      samePlain(a.prevLog, b.prevLog) &&
      a.entries.length === b.entries.length &&
      a.entries.every((entry, at) => {
        const other = b.entries[at];
        return other !== undefined && sameEntry(entry, other);
      })
    );
  }
  if (a.type === "SnapshotChunk" && b.type === "SnapshotChunk") {
    return (
      samePlain({ ...a, data: undefined }, { ...b, data: undefined }) &&
      Buffer.compare(a.data, b.data) === 0
    );
  }
  return samePlain(a, b);
}
