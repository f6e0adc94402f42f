/**
 * What is on a disk for good, read from the batches as they become durable, without the node's help: its own reading of
 * the shipped layout, so that checkers need to believe nobody.
 */

import type { Entry, EntryId, HardState, LogIndex, SnapshotMeta, Term } from "../src/core/types.ts";
import { numberIn, rangeOf, readMarker, readSnapshot } from "../src/storage/layout.ts";
import type { StoreOperation } from "../src/storage/ordered-store.ts";
import { entriesOf } from "../src/storage/records.ts";
import { damages } from "./damage.ts";
import type { Damage } from "./damage.ts";

const STATE = rangeOf("state");
const LOG = rangeOf("log");
const SNAPSHOT = rangeOf("snapshot");

/** What a batch has changed. */
export interface PlatterChange {
  /** Entries that are on the platter now and were not, or were others: ascending. */
  readonly written: readonly Entry[];
  /** The first entry that is not on the platter any more, or is another; `undefined` where nothing was taken away. */
  readonly lostFrom: LogIndex | undefined;
}

export class Platter {
  hardState: HardState = { currentTerm: 0, votedFor: undefined, commitIndex: 0 };
  lastIndex: LogIndex = 0;
  compacted: EntryId = { term: 0, index: 0 };
  snapshot: SnapshotMeta | undefined;
  /** 0 where there is no snapshot. */
  snapshotNumber: number = 0;
  /** Records that an injected fault has damaged and that nobody has overwritten since, by key. */
  readonly damaged: Map<string, Damage> = new Map();
  /** Terms by index; of a hole, or below `compacted`, nothing is promised. */
  readonly #terms: Term[] = [];

  get snapshotIndex(): LogIndex {
    return this.snapshot?.lastIncluded.index ?? 0;
  }

  /** The term of an entry that is on the platter; `undefined` where there is none. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.compacted.index) return this.compacted.term;
    if (index < this.compacted.index || index > this.lastIndex) return undefined;
    return this.#terms[index];
  }

  /** Whether the entry is there, as itself or within the snapshot, and can be read. */
  holds(id: EntryId): boolean {
    return this.#wasWritten(id) && (this.damaged.size === 0 || this.damageTo(id) === undefined);
  }

  /** The injected damage that keeps an entry from being read that was written here. */
  damageTo(id: EntryId): Damage | undefined {
    if (this.damaged.size === 0 || !this.#wasWritten(id)) return undefined;
    return [...this.damaged.values()].find((damage) => damages(damage, id));
  }

  #wasWritten({ term, index }: EntryId): boolean {
    return index <= this.snapshotIndex || this.termAt(index) === term;
  }

  /** Whether a batch only removes what nobody reads any more: then nobody waits for it. */
  isTidying(operations: readonly StoreOperation[]): boolean {
    return operations.every((operation) => {
      if (operation.type === "del") return true;
      const { key } = operation;
      if (key < STATE.gte || key >= STATE.lt) return false;
      const { hardState, lastIndex, compacted } = readMarker(operation);
      return (
        hardState.currentTerm === this.hardState.currentTerm &&
        hardState.votedFor === this.hardState.votedFor &&
        hardState.commitIndex === this.hardState.commitIndex &&
        lastIndex === this.lastIndex &&
        compacted.index === this.compacted.index
      );
    });
  }

  /** Takes a batch that has become durable; throws where the shipped code cannot read what it has written. */
  apply(operations: readonly StoreOperation[]): PlatterChange {
    const before = this.lastIndex;
    const written: Entry[] = [];
    let lostFrom = Infinity;
    for (const operation of operations) {
      if (operation.type === "del") continue;
      const { key } = operation;
      if (key >= LOG.gte && key < LOG.lt) {
        for (const entry of entriesOf(operation)) {
          if (this.#terms[entry.index] === entry.term && entry.index <= before) continue;
          if (entry.index <= before) lostFrom = Math.min(lostFrom, entry.index);
          this.#terms[entry.index] = entry.term;
          written.push(entry);
        }
      } else if (key >= SNAPSHOT.gte && key < SNAPSHOT.lt) {
        const { meta, number } = readSnapshot(operation);
        this.snapshot = meta;
        this.snapshotNumber = number;
      } else if (key >= STATE.gte && key < STATE.lt && numberIn(key) > 0) {
        const { hardState, lastIndex, compacted } = readMarker(operation);
        this.hardState = hardState;
        this.lastIndex = lastIndex;
        this.compacted = compacted;
      }
    }
    if (this.lastIndex < before) lostFrom = Math.min(lostFrom, this.lastIndex + 1);
    // What is compacted beyond the snapshot is nowhere.
    if (this.compacted.index > this.snapshotIndex)
      lostFrom = Math.min(lostFrom, this.snapshotIndex + 1);
    this.#terms.length = Math.min(this.#terms.length, this.lastIndex + 1);
    return { written, lostFrom: lostFrom === Infinity ? undefined : lostFrom };
  }

  /** Takes all that there is, whatever there was before. */
  replace(operations: readonly StoreOperation[]): PlatterChange {
    const { lastIndex, snapshotIndex } = this;
    const before = this.#terms.splice(0);
    const nothing = new Platter();
    this.hardState = nothing.hardState;
    this.lastIndex = nothing.lastIndex;
    this.compacted = nothing.compacted;
    this.snapshot = nothing.snapshot;
    this.snapshotNumber = nothing.snapshotNumber;
    const { written } = this.apply(operations);
    let lostFrom: LogIndex | undefined;
    for (let index = 1; index <= lastIndex && lostFrom === undefined; index += 1) {
      const term = before[index];
      const wasThere = index <= snapshotIndex || term !== undefined;
      if (wasThere && !this.#wasWritten({ term: term ?? 0, index })) lostFrom = index;
    }
    return { written: written.filter(({ term, index }) => before[index] !== term), lostFrom };
  }
}
