/** The storage contract kept in plain fields: what the wrong ones of the tests are made from, one mistake each. */

import type {
  Entry,
  EntryId,
  HardState,
  LoggedConfiguration,
  SnapshotMeta,
  TermRun,
  Write,
} from "../../src/core/types.ts";
import { RaftError } from "../../src/errors.ts";
import { emptySnapshot } from "../../src/storage/storage.ts";
import type {
  EntryRange,
  OpenedStorage,
  Storage,
  StorageIdentity,
} from "../../src/storage/storage.ts";
import type { StorageFixture } from "../../src/testing/index.ts";

/** What outlives a handle. */
export interface Disk {
  owner: Storage | undefined;
  identity: StorageIdentity | undefined;
  hardState: HardState;
  snapshot: SnapshotMeta;
  compacted: EntryId;
  entries: readonly Entry[];
  readonly chunks: Map<string, readonly Uint8Array[]>;
  readonly peers: Map<string, string>;
}

function emptyDisk(): Disk {
  return {
    owner: undefined,
    identity: undefined,
    hardState: { currentTerm: 0, votedFor: undefined, commitIndex: 0 },
    snapshot: emptySnapshot({ voters: [], votersOutgoing: [], learners: [] }),
    compacted: { term: 0, index: 0 },
    entries: [],
    chunks: new Map(),
    peers: new Map(),
  };
}

/** Data on which handles of `Implementation` come and go. */
export async function fixtureOf(
  Implementation: new (disk: Disk) => Storage,
): Promise<StorageFixture> {
  const disk = emptyDisk();
  return {
    create: () => new Implementation(disk),
    crash: async () => {
      disk.owner = undefined;
    },
    dispose: async () => undefined,
  };
}

export class NaiveStorage implements Storage {
  protected readonly disk: Disk;
  protected isUsed = false;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  async open(identity: StorageIdentity): Promise<OpenedStorage> {
    const { disk } = this;
    if (this.isUsed) throw new RaftError("RAFT_INVALID_OPTION", "opened before");
    if (disk.owner !== undefined) throw new RaftError("RAFT_LOCKED", "in use");
    this.isUsed = true;
    if (disk.identity === undefined) {
      disk.identity = identity;
      disk.snapshot = emptySnapshot(identity.bootstrap);
    }
    const { clusterId, nodeId, newStoreId: storeId } = disk.identity;
    if (clusterId !== identity.clusterId) throw new RaftError("RAFT_WRONG_CLUSTER", clusterId);
    if (nodeId !== identity.nodeId) throw new RaftError("RAFT_WRONG_NODE", nodeId);
    disk.owner = this;
    this.discardStaged();
    const { hardState, snapshot, compacted, entries } = disk;
    const state = {
      hardState,
      snapshot,
      compacted,
      lastIndex: compacted.index + entries.length,
      lastTime: entries.at(-1)?.time ?? snapshot.time,
      runs: runsOf(entries),
      configurations: this.configurations(),
    };
    return { state, storeId, peers: new Map(disk.peers) };
  }

  async write(write: Write): Promise<void> {
    if (write.hardState !== undefined) this.keep(write.hardState);
    if (write.truncateFrom !== undefined) this.truncate(write.truncateFrom);
    if (write.snapshot !== undefined) this.switchTo(write.snapshot);
    this.append(write.entries);
    if (write.compactTo !== undefined) this.compact(write.compactTo);
  }

  async readEntries({ from, to, maxBytes }: EntryRange): Promise<readonly Entry[]> {
    const { compacted, entries } = this.disk;
    if (from <= compacted.index) throw new RaftError("RAFT_COMPACTED", `${from} is gone`);
    let bytes = 0;
    return entries.slice(from - compacted.index - 1, to - compacted.index).filter((entry, at) => {
      bytes += 64 + (entry.kind === "command" ? entry.payload.length : 0);
      return at === 0 || bytes <= maxBytes;
    });
  }

  async stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
    const before = chunk === 0 ? [] : (this.disk.chunks.get(id) ?? []);
    this.disk.chunks.set(id, [...before, bytes]);
  }

  async readChunk(id: string, chunk: number): Promise<Uint8Array | undefined> {
    return this.disk.chunks.get(id)?.[chunk];
  }

  async dropSnapshot(id: string): Promise<void> {
    if (id !== this.disk.snapshot.id) this.disk.chunks.delete(id);
  }

  async recordPeer(peer: string, storeId: string): Promise<void> {
    if (!this.disk.peers.has(peer)) this.disk.peers.set(peer, storeId);
  }

  async close(): Promise<void> {
    if (this.disk.owner === this) this.disk.owner = undefined;
  }

  protected keep(hardState: HardState): void {
    this.disk.hardState = hardState;
  }

  protected truncate(from: number): void {
    this.disk.entries = this.disk.entries.filter(({ index }) => index < from);
  }

  protected switchTo(snapshot: SnapshotMeta): void {
    const { term, index } = snapshot.lastIncluded;
    const last = this.disk.entries.find((entry) => entry.index === index);
    this.disk.snapshot = snapshot;
    if (last?.term === term) return;
    this.disk.entries = [];
    this.disk.compacted = snapshot.lastIncluded;
  }

  protected append(entries: readonly Entry[]): void {
    this.disk.entries = [...this.disk.entries, ...entries];
  }

  protected compact(to: EntryId): void {
    this.disk.entries = this.disk.entries.filter(({ index }) => index > to.index);
    this.disk.compacted = to;
  }

  protected discardStaged(): void {
    for (const id of this.disk.chunks.keys()) {
      if (id !== this.disk.snapshot.id) this.disk.chunks.delete(id);
    }
  }

  protected configurations(): readonly LoggedConfiguration[] {
    const { snapshot, entries } = this.disk;
    return [
      snapshot.configuration,
      ...entries.flatMap((entry) =>
        entry.kind === "configuration" && entry.index > snapshot.lastIncluded.index
          ? [{ index: entry.index, configuration: entry.configuration }]
          : [],
      ),
    ];
  }
}

function runsOf(entries: readonly Entry[]): readonly TermRun[] {
  return entries.flatMap(({ term, index }, at) =>
    term === entries[at - 1]?.term ? [] : [{ term, firstIndex: index }],
  );
}
