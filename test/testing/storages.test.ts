/** The storage suite passes a right storage and refuses wrong ones: each mistake by the case that is about it. */

import { describe, expect, test } from "vitest";
import type {
  Entry,
  EntryId,
  HardState,
  LoggedConfiguration,
  SnapshotMeta,
  Write,
} from "../../src/core/types.ts";
import type {
  EntryRange,
  OpenedStorage,
  Storage,
  StorageIdentity,
} from "../../src/storage/storage.ts";
import { storageConformance } from "../../src/testing/index.ts";
import { fixtureOf, NaiveStorage } from "./naive-storage.ts";
import type { Disk } from "./naive-storage.ts";
import { failedCases } from "./support.ts";

function failuresOf(Implementation: new (disk: Disk) => Storage): Promise<readonly string[]> {
  return failedCases(storageConformance(() => fixtureOf(Implementation)));
}

test("a right storage passes", async () => {
  expect(await failuresOf(NaiveStorage)).toEqual([]);
});

const asText = (bytes: Uint8Array): Uint8Array => Buffer.from(Buffer.from(bytes).toString());
const in32Bits = (value: number): number => value >>> 0;

const MISTAKES: readonly (readonly [
  mistake: string,
  Implementation: new (disk: Disk) => Storage,
])[] = [
  [
    "forgets to truncate",
    class extends NaiveStorage {
      protected override truncate(): void {}
    },
  ],
  [
    "puts new entries over old ones, and keeps what was truncated behind them",
    class extends NaiveStorage {
      protected override truncate(): void {}
      protected override append(entries: readonly Entry[]): void {
        const kept = this.disk.entries.filter(
          ({ index }) => !entries.some((entry) => entry.index === index),
        );
        this.disk.entries = [...kept, ...entries].toSorted((a, b) => a.index - b.index);
      }
    },
  ],
  [
    "truncates behind the entry instead of before it",
    class extends NaiveStorage {
      protected override truncate(from: number): void {
        super.truncate(from + 1);
      }
    },
  ],
  [
    "loses term and vote at a reopen",
    class extends NaiveStorage {
      override async open(identity: StorageIdentity): Promise<OpenedStorage> {
        this.disk.hardState = { currentTerm: 0, votedFor: undefined, commitIndex: 0 };
        return super.open(identity);
      }
    },
  ],
  [
    "keeps the vote of an older term",
    class extends NaiveStorage {
      protected override keep(hardState: HardState): void {
        this.disk.hardState = {
          ...hardState,
          votedFor: hardState.votedFor ?? this.disk.hardState.votedFor,
        };
      }
    },
  ],
  [
    "does not keep the commit index",
    class extends NaiveStorage {
      protected override keep(hardState: HardState): void {
        super.keep({ ...hardState, commitIndex: 0 });
      }
    },
  ],
  [
    "reads entries backwards",
    class extends NaiveStorage {
      override async readEntries(range: EntryRange): Promise<readonly Entry[]> {
        return (await super.readEntries(range)).toReversed();
      }
    },
  ],
  [
    "keeps entries under their index as text, so that 10 comes before 9",
    class extends NaiveStorage {
      override async readEntries(range: EntryRange): Promise<readonly Entry[]> {
        const found = await super.readEntries(range);
        return found.toSorted((a, b) => (String(a.index) < String(b.index) ? -1 : 1));
      }
    },
  ],
  [
    "ignores maxBytes",
    class extends NaiveStorage {
      override readEntries(range: EntryRange): Promise<readonly Entry[]> {
        return super.readEntries({ ...range, maxBytes: Infinity });
      }
    },
  ],
  [
    "reads nothing where one entry is more than maxBytes",
    class extends NaiveStorage {
      override async readEntries(range: EntryRange): Promise<readonly Entry[]> {
        return range.maxBytes < 64 ? [] : super.readEntries(range);
      }
    },
  ],
  [
    "reads on behind the range",
    class extends NaiveStorage {
      override readEntries(range: EntryRange): Promise<readonly Entry[]> {
        return super.readEntries({ ...range, to: Infinity });
      }
    },
  ],
  [
    "uses one buffer for all the entries that it reads",
    class extends NaiveStorage {
      readonly #buffer = Buffer.alloc(1_000_000);
      override async readEntries(range: EntryRange): Promise<readonly Entry[]> {
        let used = 0;
        return (await super.readEntries(range)).map((entry) => {
          if (entry.kind !== "command") return entry;
          const begin = used;
          this.#buffer.set(entry.payload, begin);
          used += entry.payload.length;
          return { ...entry, payload: this.#buffer.subarray(begin, used) };
        });
      }
    },
  ],
  [
    "never compacts",
    class extends NaiveStorage {
      protected override compact(): void {}
    },
  ],
  [
    "answers with what it has where an entry is compacted",
    class extends NaiveStorage {
      override readEntries(range: EntryRange): Promise<readonly Entry[]> {
        const from = Math.max(range.from, this.disk.compacted.index + 1);
        return super.readEntries({ ...range, from });
      }
    },
  ],
  [
    "compacts up to the snapshot, whatever is to stay",
    class extends NaiveStorage {
      protected override compact(): void {
        super.compact(this.disk.snapshot.lastIncluded);
      }
    },
  ],
  [
    "takes payloads for text",
    class extends NaiveStorage {
      protected override append(entries: readonly Entry[]): void {
        super.append(
          entries.map((entry) =>
            entry.kind === "command" ? { ...entry, payload: asText(entry.payload) } : entry,
          ),
        );
      }
    },
  ],
  [
    "takes numbers for 32 bits",
    class extends NaiveStorage {
      protected override append(entries: readonly Entry[]): void {
        super.append(
          entries.map((entry) => ({
            ...entry,
            term: in32Bits(entry.term),
            time: in32Bits(entry.time),
          })),
        );
      }
    },
  ],
  [
    "keeps the term in 32 bits",
    class extends NaiveStorage {
      protected override keep(hardState: HardState): void {
        super.keep({ ...hardState, currentTerm: in32Bits(hardState.currentTerm) });
      }
    },
  ],
  [
    "appends before it switches to the snapshot of the same write",
    class extends NaiveStorage {
      override write(write: Write): Promise<void> {
        if (write.snapshot !== undefined) this.append(write.entries);
        return super.write(write.snapshot === undefined ? write : { ...write, entries: [] });
      }
    },
  ],
  [
    "keeps the log where a snapshot has gone beyond it",
    class extends NaiveStorage {
      protected override switchTo(snapshot: SnapshotMeta): void {
        this.disk.snapshot = snapshot;
      }
    },
  ],
  [
    "empties the log at every snapshot",
    class extends NaiveStorage {
      protected override switchTo(snapshot: SnapshotMeta): void {
        super.switchTo(snapshot);
        this.compact(snapshot.lastIncluded);
      }
    },
  ],
  [
    "keeps a log whose entry at the snapshot is another one",
    class extends NaiveStorage {
      protected override switchTo(snapshot: SnapshotMeta): void {
        const { index } = snapshot.lastIncluded;
        const isThere = this.disk.entries.some((entry) => entry.index === index);
        if (isThere) this.disk.snapshot = snapshot;
        else super.switchTo(snapshot);
      }
      protected override compact(_to: EntryId): void {}
    },
  ],
  [
    "forgets configurations behind the snapshot",
    class extends NaiveStorage {
      protected override configurations(): readonly LoggedConfiguration[] {
        const { snapshot } = this.disk;
        return snapshot.id === "" ? super.configurations() : [snapshot.configuration];
      }
    },
  ],
  [
    "tells of configurations older than the snapshot's",
    class extends NaiveStorage {
      protected override configurations(): readonly LoggedConfiguration[] {
        const { snapshot, entries } = this.disk;
        const logged = entries.flatMap((entry) =>
          entry.kind === "configuration"
            ? [{ index: entry.index, configuration: entry.configuration }]
            : [],
        );
        return [snapshot.configuration, ...logged];
      }
    },
  ],
  [
    "keeps the first chunk of a snapshot only",
    class extends NaiveStorage {
      override async stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
        if (chunk === 0) await super.stageChunk(id, chunk, bytes);
      }
    },
  ],
  [
    "keeps the last chunk of a snapshot only",
    class extends NaiveStorage {
      override stageChunk(id: string, _chunk: number, bytes: Uint8Array): Promise<void> {
        return super.stageChunk(id, 0, bytes);
      }
    },
  ],
  [
    "skips empty chunks",
    class extends NaiveStorage {
      override async stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
        if (bytes.length > 0) await super.stageChunk(id, chunk, bytes);
      }
    },
  ],
  [
    "takes chunks for text",
    class extends NaiveStorage {
      override stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
        return super.stageChunk(id, chunk, asText(bytes));
      }
    },
  ],
  [
    "keeps no more than ten chunks",
    class extends NaiveStorage {
      override async stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
        if (chunk < 10) await super.stageChunk(id, chunk, bytes);
      }
    },
  ],
  [
    "uses one buffer for all the chunks that it reads, one after the other",
    class extends NaiveStorage {
      readonly #buffer = Buffer.alloc(1_000_000);
      #last: Promise<unknown> = Promise.resolve();
      override readChunk(id: string, chunk: number): Promise<Uint8Array | undefined> {
        const read = this.#last.then(async () => {
          const bytes = await super.readChunk(id, chunk);
          if (bytes === undefined) return undefined;
          this.#buffer.set(bytes);
          return this.#buffer.subarray(0, bytes.length);
        });
        this.#last = read.then(() => new Promise((resolve) => setImmediate(resolve)));
        return read;
      }
    },
  ],
  [
    "goes on with what was staged before where chunk 0 comes again",
    class extends NaiveStorage {
      override async stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
        const chunks = [...(this.disk.chunks.get(id) ?? [])];
        chunks[chunk] = bytes;
        this.disk.chunks.set(id, chunks);
      }
    },
  ],
  [
    "stages one snapshot at a time",
    class extends NaiveStorage {
      override stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
        for (const other of this.disk.chunks.keys()) {
          if (other !== id && other !== this.disk.snapshot.id) this.disk.chunks.delete(other);
        }
        return super.stageChunk(id, chunk, bytes);
      }
    },
  ],
  [
    "keeps what was staged at a reopen",
    class extends NaiveStorage {
      protected override discardStaged(): void {}
    },
  ],
  [
    "loses the chunks of the current snapshot at a reopen",
    class extends NaiveStorage {
      protected override discardStaged(): void {
        this.disk.chunks.clear();
      }
    },
  ],
  [
    "drops a snapshot that is still being sent, as soon as it is replaced",
    class extends NaiveStorage {
      protected override switchTo(snapshot: SnapshotMeta): void {
        this.disk.chunks.delete(this.disk.snapshot.id);
        super.switchTo(snapshot);
      }
    },
  ],
  [
    "drops all snapshots but the current one",
    class extends NaiveStorage {
      override async dropSnapshot(): Promise<void> {
        this.discardStaged();
      }
    },
  ],
  [
    "drops no snapshot",
    class extends NaiveStorage {
      override async dropSnapshot(): Promise<void> {}
    },
  ],
  [
    "drops no snapshot that was never switched to",
    class extends NaiveStorage {
      readonly #seen = new Set<string>();
      protected override switchTo(snapshot: SnapshotMeta): void {
        this.#seen.add(snapshot.id);
        super.switchTo(snapshot);
      }
      override async dropSnapshot(id: string): Promise<void> {
        if (this.#seen.has(id)) await super.dropSnapshot(id);
      }
    },
  ],
  [
    "takes the last store id of a peer",
    class extends NaiveStorage {
      override async recordPeer(peer: string, storeId: string): Promise<void> {
        this.disk.peers.set(peer, storeId);
      }
    },
  ],
  [
    "asks nobody whose data it is",
    class extends NaiveStorage {
      override open(identity: StorageIdentity): Promise<OpenedStorage> {
        const { clusterId, nodeId } = this.disk.identity ?? identity;
        return super.open({ ...identity, clusterId, nodeId });
      }
    },
  ],
  [
    "lets two handles in",
    class extends NaiveStorage {
      override open(identity: StorageIdentity): Promise<OpenedStorage> {
        this.disk.owner = undefined;
        return super.open(identity);
      }
    },
  ],
  [
    "can be opened again once it was closed",
    class extends NaiveStorage {
      override open(identity: StorageIdentity): Promise<OpenedStorage> {
        this.isUsed = false;
        return super.open(identity);
      }
    },
  ],
  [
    "starts from the configuration that it is opened with",
    class extends NaiveStorage {
      override open(identity: StorageIdentity): Promise<OpenedStorage> {
        if (this.disk.identity !== undefined) this.disk.identity = identity;
        return super.open(identity);
      }
    },
  ],
];

describe("a wrong storage is refused: one that", () => {
  test.each(MISTAKES)("%s", async (_, Implementation) => {
    expect(await failuresOf(Implementation)).not.toEqual([]);
  });
});
