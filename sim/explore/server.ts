/**
 * One server of the explored world: a real core, its disk and the writes on their way there. Never changed once it is
 * made: a move makes another. Its state machine, and a read of its log, are done at once.
 *
 * Time stands still. With a time-out that is too short to change the time when it is added to it, every timer is due at
 * any moment, no leader was heard of lately and no disk is late: whichever timers may run out, in whichever order, is
 * among what is explored.
 */

import { defaultRaftOptions } from "../../src/core/options.ts";
import type { RaftOptions } from "../../src/core/options.ts";
import type { Message } from "../../src/core/message.ts";
import { Raft } from "../../src/core/raft.ts";
import type { Input, Ready } from "../../src/core/ready.ts";
import type { RaftState } from "../../src/core/state.ts";
import type { Configuration, Entry, LogIndex, NodeId, Write } from "../../src/core/types.ts";
import { Disk } from "./disk.ts";
import { checkSaid, checkWrite } from "./server-properties.ts";

const NOW = 1;
const COMMAND = new Uint8Array();
const TOO_SHORT_TO_PASS = Number.MIN_VALUE;

/** What may happen to one server. */
export type Move =
  /** A follower's or a candidate's election timer runs out; a leader's heartbeat and quorum check are due. */
  | { readonly type: "timer" }
  | { readonly type: "propose" }
  | { readonly type: "transfer"; readonly target: NodeId }
  /** The oldest write is done. */
  | { readonly type: "write" }
  /** A power cut and a start: of the writes under way the first `survivors` had reached the disk. */
  | { readonly type: "crash"; readonly survivors: number }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "snapshot" }
  | { readonly type: "snapshot-sent"; readonly peer: NodeId; readonly delivered: boolean };

export type ServerOptions = Pick<RaftOptions, "preVote" | "checkQuorum">;

export class Server {
  readonly id: NodeId;
  readonly raft: Raft;
  readonly disk: Disk;
  readonly writes: readonly Write[];

  constructor(raft: Raft, disk: Disk, writes: readonly Write[]) {
    this.id = raft.state.options.id;
    this.raft = raft;
    this.disk = disk;
    this.writes = writes;
  }

  get state(): Readonly<RaftState> {
    return this.raft.state;
  }

  get isLeader(): boolean {
    return this.state.role === "leader";
  }

  /** The entry at `index` as this server sees it: in memory, or on disk where it is there no longer. */
  entryAt(index: LogIndex): Entry | undefined {
    const { tail, tailFirst, lastIndex } = this.state.log;
    if (index > lastIndex) return undefined;
    return index >= tailFirst ? tail[index - tailFirst] : this.disk.entryAt(index);
  }
}

/** As it is at the very beginning. */
export function newServer(
  id: NodeId,
  configuration: Configuration,
  options: ServerOptions,
): Server {
  const snapshot = {
    id: "",
    lastIncluded: { term: 0, index: 0 },
    time: 0,
    configuration: { index: 0, configuration },
  };
  const hardState = { currentTerm: 0, votedFor: undefined, commitIndex: 0 };
  const disk = new Disk(hardState, snapshot, snapshot.lastIncluded, []);
  const all: RaftOptions = {
    ...defaultRaftOptions,
    ...options,
    id,
    seed: 0,
    electionTimeoutMs: TOO_SHORT_TO_PASS,
    heartbeatIntervalMs: 0,
    maxInflightAppends: 2,
    invariants: "all",
  };
  return new Server(Raft.open(all, disk.reopen(), NOW), disk, []);
}

/**
 * What comes of a move: the server as it is then, and what it says. What is written is durable at once, unless `isLate`.
 * Throws where it breaks a property.
 */
export function afterMove(
  server: Server,
  move: Move,
  isLate: boolean,
): { readonly server: Server; readonly said: readonly Message[] } {
  const turn = new Turn(server);
  turn.take(move);
  if (!isLate) turn.finishWrites();
  return { server: new Server(turn.raft, turn.disk, turn.writes), said: turn.said };
}

class Turn {
  raft: Raft;
  readonly disk: Disk;
  writes: Write[];
  readonly said: Message[] = [];
  /** Under way since before. */
  #late: number;

  constructor({ raft, disk, writes }: Server) {
    this.#late = writes.length;
    this.raft = raft.clone();
    this.disk = disk.copy();
    this.writes = [...writes];
  }

  take(move: Move): void {
    switch (move.type) {
      case "timer":
        return this.#step({ type: "tick" });
      case "propose":
        return this.#step({ type: "propose", batch: 0, commands: [COMMAND] });
      case "transfer":
      case "message":
        return this.#step(move);
      case "write":
        return this.#step({ type: "persisted", sequence: this.#write() });
      case "crash":
        return this.#crash(move.survivors);
      case "snapshot":
        return this.#snapshot();
      case "snapshot-sent": {
        const { peer, delivered } = move;
        const id = this.raft.state.leadership?.progress.get(peer)?.snapshot?.id ?? "";
        return this.#step({ type: "snapshotSent", peer, id, delivered });
      }
    }
  }

  /** Those of this turn. What comes behind one that is late is late as well: writes are done in order. */
  finishWrites(): void {
    while (this.#late === 0 && this.writes.length > 0) this.take({ type: "write" });
  }

  /** Takes an input and then turns until nothing is left that is done at once. */
  #step(input: Input): void {
    this.raft.step(NOW, input);
    this.#turn();
  }

  #turn(): void {
    const ready = this.raft.takeReady();
    if (ready.write !== undefined) this.writes.push(ready.write);
    for (const message of ready.messages) this.#say(message);
    for (const { peer, term, snapshot } of ready.sendSnapshots) {
      const from = this.raft.state.options.id;
      this.#say({ type: "InstallSnapshot", from, to: peer, term, snapshot });
    }
    for (const input of this.#answers(ready)) this.#step(input);
  }

  #answers({ apply, readEntries }: Ready): readonly Input[] {
    const reads = readEntries.map((request): Input => {
      const to = Math.min(request.to, this.disk.lastIndex);
      const entries = this.disk.read(request.from, to, request.maxBytes);
      return { type: "entriesRead", request, entries };
    });
    if (apply === undefined) return reads;
    const index = apply.type === "entries" ? apply.to : apply.snapshot.lastIncluded.index;
    return [{ type: "applied", index }, ...reads];
  }

  #say(message: Message): void {
    checkSaid(this.raft.state, this.disk, message);
    this.said.push(message);
  }

  #write(): number {
    const write = this.writes.shift();
    if (write === undefined) throw new RangeError("nothing is being written");
    checkWrite(this.raft.state.options.id, this.disk, write);
    this.disk.apply(write);
    this.#late = Math.max(0, this.#late - 1);
    return write.sequence;
  }

  #crash(survivors: number): void {
    for (let count = 0; count < survivors; count += 1) this.#write();
    this.writes = [];
    this.#late = 0;
    this.raft = Raft.open(this.raft.state.options, this.disk.reopen(), NOW);
    this.#turn();
  }

  #snapshot(): void {
    const { lastApplied: index, currentTerm, clusterTime: time, options } = this.raft.state;
    const id = `${options.id}-${currentTerm}-${index}`;
    this.#step({ type: "snapshotTaken", id, index, time, compactTo: index });
  }
}
