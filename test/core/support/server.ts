/**
 * One core with a disk and a state machine that do what they are asked at once, or when they are told to: `hold` keeps
 * back writes, applies or reads until `finish...` is called. Synchronous throughout.
 */

import { defaultRaftOptions } from "../../../src/core/options.ts";
import type { Message } from "../../../src/core/message.ts";
import type { RaftOptions } from "../../../src/core/options.ts";
import { Raft } from "../../../src/core/raft.ts";
import type {
  ApplyTask,
  Input,
  Proposed,
  ReadEntries,
  ReadOutcome,
  SendSnapshot,
} from "../../../src/core/ready.ts";
import type { RaftState } from "../../../src/core/state.ts";
import type {
  Entry,
  EntryId,
  LoggedConfiguration,
  SnapshotMeta,
  Term,
  Write,
} from "../../../src/core/types.ts";
import { Disk, must } from "../../../sim/explore/disk.ts";
import { bytes, configuration, entries } from "./world.ts";

/** A server as a test describes it; everything has a default. */
export interface Setup {
  readonly id?: string;
  /** The members, a letter each. */
  readonly voters?: string;
  readonly outgoing?: string;
  readonly learners?: string;
  readonly term?: Term;
  readonly vote?: string;
  readonly commit?: number;
  /** The terms of the entries behind `compacted`, or the entries themselves. */
  readonly log?: readonly Term[] | readonly Entry[];
  readonly snapshot?: EntryId;
  /** Where it is not the snapshot's place. */
  readonly compacted?: EntryId;
  readonly options?: Partial<RaftOptions>;
  readonly now?: number;
  readonly snapshots?: SnapshotStore;
}

/** Staged snapshots by id: what was applied, up to the snapshot's index. One for a whole cluster: ids are unique. */
export type SnapshotStore = Map<string, readonly Applied[]>;

export interface Applied {
  readonly index: number;
  readonly command: string;
}

export const ELECTION_MS = 100;
export const HEARTBEAT_MS = 10;

/** What a server can be told not to do by itself; `turns`: it takes inputs, and gives out no effects yet. */
export type Holdable = "writes" | "applies" | "reads" | "turns";

export class Server {
  readonly id: string;
  readonly options: RaftOptions;
  readonly disk: Disk;
  readonly snapshots: SnapshotStore;
  readonly held = new Set<Holdable>();
  raft: Raft;
  now: number;

  // Effects since they were last taken.
  #messages: Message[] = [];
  proposed: Proposed[] = [];
  reads: ReadOutcome[] = [];
  sendSnapshots: SendSnapshot[] = [];

  // What is under way.
  writes: Write[] = [];
  readRequests: ReadEntries[] = [];
  applyTask: ApplyTask | undefined;

  /** What the state machine holds, a stand-in included for what came before a set-up snapshot. */
  applied: Applied[] = [];
  #taken = 0;

  constructor(setup: Setup = {}) {
    this.id = setup.id ?? "a";
    this.now = setup.now ?? 1000;
    this.snapshots = setup.snapshots ?? new Map<string, Applied[]>();
    this.options = {
      ...defaultRaftOptions,
      electionTimeoutMs: ELECTION_MS,
      heartbeatIntervalMs: HEARTBEAT_MS,
      invariants: "all",
      id: this.id,
      seed: this.id.charCodeAt(0),
      ...setup.options,
    };
    this.disk = diskOf(setup);
    this.raft = Raft.open(this.options, this.disk.reopen(), this.now);
    this.turn();
  }

  get state(): Readonly<RaftState> {
    return this.raft.state;
  }

  get role(): string {
    return this.state.role;
  }

  get lastIndex(): number {
    return this.state.log.lastIndex;
  }

  /** The messages that have left since this was last asked. */
  sent(): Message[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  /** Those of one type. */
  sentOf<T extends Message["type"]>(type: T): Extract<Message, { type: T }>[] {
    return this.sent().filter(
      (message): message is Extract<Message, { type: T }> => message.type === type,
    );
  }

  /** Takes an input, then turns until nothing is left that may be done at once. */
  step(input: Input): this {
    this.raft.step(this.now, input);
    return this.held.has("turns") ? this : this.turn();
  }

  receive(message: Message): this {
    return this.step({ type: "message", message });
  }

  propose(...texts: string[]): this {
    return this.step({ type: "propose", batch: 0, commands: texts.map(bytes) });
  }

  read(batch = 0): this {
    return this.step({ type: "read", batch });
  }

  /** Lets time pass, and ticks when the core wants it, and at the end. */
  advance(ms: number): this {
    const end = this.now + ms;
    while (this.raft.deadline <= end) {
      this.now = Math.max(this.now, this.raft.deadline);
      this.step({ type: "tick" });
    }
    this.now = end;
    return this.step({ type: "tick" });
  }

  /** Until the election timer has run out once. */
  timeOut(): this {
    this.now = Math.max(this.now, this.raft.deadline);
    return this.step({ type: "tick" });
  }

  hold(...what: Holdable[]): this {
    for (const each of what) this.held.add(each);
    return this;
  }

  release(...what: Holdable[]): this {
    for (const each of what) this.held.delete(each);
    return this.turn();
  }

  /** The oldest write that is under way is done. */
  finishWrite(): this {
    const write = this.writes.shift();
    must(write !== undefined, "there is a write under way");
    this.disk.apply(write);
    return this.step({ type: "persisted", sequence: write.sequence });
  }

  /** The task of the state machine is done. */
  finishApply(): this {
    const task = this.applyTask;
    must(task !== undefined, "there is something to apply");
    this.applyTask = undefined;
    return this.step({ type: "applied", index: this.#carryOut(task) });
  }

  /** The oldest read of the log is done. */
  finishRead(): this {
    const request = this.readRequests.shift();
    must(request !== undefined, "there is a read under way");
    // A leader of old may have lost some of them since.
    const to = Math.min(request.to, this.disk.lastIndex);
    const found = this.disk.read(request.from, to, request.maxBytes);
    const answer = found?.length === 0 ? undefined : found;
    return this.step({ type: "entriesRead", request, entries: answer });
  }

  /** The entry at `index` as this server sees it now: in memory, or on disk where it is there no longer. */
  entryAt(index: number): Entry | undefined {
    const { tail, tailFirst, compacted } = this.state.log;
    if (index >= tailFirst) return tail[index - tailFirst];
    return index > compacted.index ? this.disk.entryAt(index) : undefined;
  }

  /** Snapshots what is applied. */
  snapshot(compactTo: number = this.state.lastApplied): this {
    const { lastApplied, clusterTime } = this.state;
    this.#taken += 1;
    const id = `${this.id}-${this.state.currentTerm}-${lastApplied}-${this.#taken}`;
    this.snapshots.set(id, [...this.applied]);
    return this.step({
      type: "snapshotTaken",
      id,
      index: lastApplied,
      time: clusterTime,
      compactTo,
    });
  }

  /** A power cut: of the writes under way the first `survivors` had reached the disk. Then it comes up again. */
  restart(survivors = 0): this {
    for (const write of this.writes.slice(0, survivors)) this.disk.apply(write);
    this.writes = [];
    this.readRequests = [];
    this.applyTask = undefined;
    this.applied = [];
    this.sendSnapshots = [];
    this.reads = [];
    this.sent();
    this.raft = Raft.open(this.options, this.disk.reopen(), this.now);
    return this.turn();
  }

  turn(): this {
    const ready = this.raft.takeReady();
    this.#messages.push(...ready.messages);
    this.proposed.push(...ready.proposed);
    this.reads.push(...ready.reads);
    this.sendSnapshots.push(...ready.sendSnapshots);
    this.readRequests.push(...ready.readEntries);
    if (ready.write !== undefined) this.writes.push(ready.write);
    if (ready.apply !== undefined) this.applyTask = ready.apply;

    if (this.writes.length > 0 && !this.held.has("writes")) this.finishWrite();
    if (this.readRequests.length > 0 && !this.held.has("reads")) this.finishRead();
    if (this.applyTask !== undefined && !this.held.has("applies")) this.finishApply();
    return this;
  }

  #carryOut(task: ApplyTask): number {
    if (task.type === "restore") {
      this.applied = [...(this.snapshots.get(task.snapshot.id) ?? [])];
      return task.snapshot.lastIncluded.index;
    }
    const { from, to } = task;
    const found = task.entries ?? this.disk.read(from, to, this.options.maxApplyBytes);
    // A leader's snapshot has replaced the log meanwhile.
    if (found === undefined) return from - 1;
    for (const each of found) {
      const last = this.applied.at(-1)?.index ?? 0;
      must(each.index > last, "nothing is applied twice");
      this.applied.push({ index: each.index, command: textOf(each) });
    }
    return from + found.length - 1;
  }
}

export function textOf(entry: Entry): string {
  if (entry.kind === "command") return new TextDecoder().decode(entry.payload);
  return entry.kind === "blank" ? "" : JSON.stringify(entry.configuration);
}

function diskOf(setup: Setup): Disk {
  const lastIncluded = setup.snapshot ?? { term: 0, index: 0 };
  const compacted = setup.compacted ?? lastIncluded;
  const log = entriesOf(setup.log ?? [], compacted.index + 1);
  const initial: LoggedConfiguration = {
    index: 0,
    configuration: configuration(setup.voters ?? "abc", setup.outgoing, setup.learners),
  };
  const snapshot: SnapshotMeta = {
    id: lastIncluded.index === 0 ? "" : `set-up-${lastIncluded.term}-${lastIncluded.index}`,
    lastIncluded,
    time: lastIncluded.index,
    configuration: initial,
  };
  const currentTerm = setup.term ?? log.at(-1)?.term ?? lastIncluded.term;
  const hardState = { currentTerm, votedFor: setup.vote, commitIndex: setup.commit ?? 0 };
  return new Disk(hardState, snapshot, compacted, log);
}

function entriesOf(log: readonly Term[] | readonly Entry[], from: number): Entry[] {
  return log.map((each, at) =>
    typeof each === "number" ? (entries(from + at, [each])[0] ?? fail()) : each,
  );
}

function fail(): never {
  throw new Error("unreachable");
}
