/** Everything about a node's snapshots but what the core decides: taking, sending, receiving, and letting go of old ones. */

import type { InstallSnapshot } from "../core/message.ts";
import type { Input, SendSnapshot } from "../core/ready.ts";
import type { RaftState } from "../core/state.ts";
import type { Entry, LogIndex, NodeId, SnapshotMeta } from "../core/types.ts";
import type { Storage } from "../storage/storage.ts";
import type { PeerMessage, SnapshotChunk, SnapshotChunkResponse } from "../transport/transport.ts";
import type { Clock } from "./clock.ts";
import { storageError } from "./failures.ts";
import type { SnapshotPolicy } from "./options.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import { SnapshotTaker } from "./snapshot-taker.ts";
import type { StateMachine } from "./state-machine.ts";

export interface SnapshotContext {
  readonly self: NodeId;
  readonly storage: Storage;
  readonly machine: Pick<StateMachine, "snapshot">;
  readonly policy: SnapshotPolicy;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long a chunk's answer may take. */
  readonly retryMs: number;
  readonly send: (message: PeerMessage) => void;
  /** An input for the core, from outside of a turn. */
  readonly report: (input: Input) => void;
  /** A peer's message for the core: dropped where too much is waiting. */
  readonly deliver: (message: InstallSnapshot) => void;
  readonly onFailure: (error: unknown) => void;
  /** Keeps count of what is under way, so that `stop` can wait for it. */
  readonly track: (task: Promise<unknown>) => void;
}

/** How many snapshots' worth of entries a transfer may keep from being compacted (rule 59). */
const MAX_PINNED_SNAPSHOTS = 4;

export class Snapshots {
  readonly #context: SnapshotContext;
  readonly #taker: SnapshotTaker;
  readonly #receiver: SnapshotReceiver;
  readonly #senders = new Map<NodeId, SnapshotSender>();
  /** Staged or switched in, and not dropped yet. */
  readonly #kept = new Set<string>();
  #durableId: string;
  /** Switches on their way to the disk, oldest first. */
  readonly #switching: string[] = [];
  /** What the state machine is reading. */
  #restoring: string | undefined;

  constructor(context: SnapshotContext, current: SnapshotMeta) {
    const { storage, machine, policy, random } = context;
    this.#context = context;
    this.#durableId = current.id;
    this.#kept.add(current.id);
    const newId = (index: LogIndex): string =>
      `${index}-${Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0")}`;
    this.#taker = new SnapshotTaker(machine, storage, policy, newId);
    this.#receiver = new SnapshotReceiver({
      storage,
      send: context.send,
      onStaged: (message) => context.report({ type: "message", message }),
      drop: (id) => this.#drop(id),
      onFailure: context.onFailure,
      track: context.track,
    });
  }

  onChunk(message: SnapshotChunk, state: Readonly<RaftState>): void {
    // Of an old leader: a heartbeat's answer will tell it.
    if (message.term < state.currentTerm) return;
    if (message.snapshot.lastIncluded.index > state.commitIndex)
      return this.#receiver.onChunk(message);
    // We have all of that: the core says so to the leader, and no byte of it is needed.
    const { from, to, term, snapshot } = message;
    this.#context.deliver({ type: "InstallSnapshot", from, to, term, snapshot });
  }

  onChunkResponse(message: SnapshotChunkResponse): void {
    this.#senders.get(message.from)?.onResponse(message);
  }

  send(request: SendSnapshot): void {
    const former = this.#senders.get(request.peer);
    // Its end is no news to the core, which has just asked for another.
    this.#senders.delete(request.peer);
    former?.end(false);
    const { self, storage, clock, retryMs, send, onFailure, track } = this.#context;
    const sender = new SnapshotSender(request, {
      self,
      storage,
      clock,
      retryMs,
      send,
      onFailure,
      track,
      onEnd: (ended, delivered) => this.#onSent(sender, ended, delivered),
    });
    this.#senders.set(request.peer, sender);
  }

  /** The state machine begins to read this one. */
  onRestoring(id: string): void {
    this.#restoring = id;
    this.#taker.onRestoring();
  }

  onRestored(index: LogIndex): void {
    this.#restoring = undefined;
    this.#taker.onRestored(index);
  }

  /** Entries were applied: perhaps it is time for a snapshot, captured before anything else is applied. */
  onApplied(entries: readonly Entry[]): void {
    const taking = this.#taker.onApplied(entries, this.#pinnedIndex(entries.at(-1)?.index ?? 0));
    if (taking === undefined) return;
    const { track, report, onFailure } = this.#context;
    track(taking.then((input) => input !== undefined && report(input), onFailure));
  }

  /** The core has been told of a staged snapshot: it is kept until something newer is switched in. */
  onStaged(id: string): void {
    this.#kept.add(id);
  }

  /** A switch to this snapshot is handed to the storage. */
  onSwitching(id: string): void {
    this.#switching.push(id);
  }

  /** It is durable, and so are those before it. */
  onSwitched(id: string): void {
    const place = this.#switching.indexOf(id);
    if (place === -1) return;
    this.#switching.splice(0, place + 1);
    this.#durableId = id;
  }

  /** At the end of a turn: stops what nobody waits for any more, and drops what nobody needs. */
  settle(state: Readonly<RaftState>): void {
    for (const sender of this.#senders.values()) {
      const { peer, snapshot } = sender.request;
      const wanted = state.leadership?.progress.get(peer)?.snapshot;
      if (wanted?.id !== snapshot.id) sender.end(false);
    }
    this.#receiver.settle(state.commitIndex);
    for (const id of this.#kept) {
      if (id === state.snapshot.id || this.#isInUse(id)) continue;
      this.#kept.delete(id);
      this.#receiver.forget(id);
      if (id !== "") this.#drop(id);
    }
  }

  stop(): void {
    this.#taker.stop();
    for (const sender of this.#senders.values()) sender.end(false);
  }

  #onSent(sender: SnapshotSender, { peer, snapshot }: SendSnapshot, delivered: boolean): void {
    if (this.#senders.get(peer) !== sender) return;
    this.#senders.delete(peer);
    this.#context.report({ type: "snapshotSent", peer, id: snapshot.id, delivered });
  }

  /** Whether it is on disk as the current one, or about to be, or being read. */
  #isInUse(id: string): boolean {
    return (
      id === this.#durableId ||
      id === this.#restoring ||
      this.#switching.includes(id) ||
      [...this.#senders.values()].some(({ request }) => request.snapshot.id === id)
    );
  }

  #drop(id: string): void {
    const { storage, track, onFailure } = this.#context;
    track(storage.dropSnapshot(id).catch((error: unknown) => onFailure(storageError(error))));
  }

  /** What a follower will need after the snapshot that it is getting, within bounds. */
  #pinnedIndex(lastIndex: LogIndex): LogIndex {
    const sending = [...this.#senders.values()].map(
      ({ request }) => request.snapshot.lastIncluded.index,
    );
    const bound = lastIndex - MAX_PINNED_SNAPSHOTS * this.#context.policy.everyEntries;
    return Math.max(bound, Math.min(Infinity, ...sending));
  }
}
