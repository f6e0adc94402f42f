/**
 * A disk as an array: what is durable of one server. It applies writes as the contract in `types.ts` says, and throws
 * where a write breaks it, so that whoever drives a core on it checks the core's side of the contract too.
 */

import type {
  Entry,
  EntryId,
  HardState,
  LoggedConfiguration,
  SnapshotMeta,
  StoredState,
  Term,
  TermRun,
  Write,
} from "../../src/core/types.ts";

export class Disk {
  hardState: HardState;
  snapshot: SnapshotMeta;
  compacted: EntryId;
  /** The entries behind `compacted`. */
  entries: Entry[];
  #sequence = 0;

  constructor(
    hardState: HardState,
    snapshot: SnapshotMeta,
    compacted: EntryId,
    entries: readonly Entry[],
  ) {
    this.hardState = hardState;
    this.snapshot = snapshot;
    this.compacted = compacted;
    this.entries = [...entries];
  }

  /** An independent disk with the same on it. */
  copy(): Disk {
    const copy = new Disk(this.hardState, this.snapshot, this.compacted, this.entries);
    copy.#sequence = this.#sequence;
    return copy;
  }

  get lastIndex(): number {
    return this.compacted.index + this.entries.length;
  }

  termAt(index: number): Term | undefined {
    if (index === this.compacted.index) return this.compacted.term;
    return this.entryAt(index)?.term;
  }

  entryAt(index: number): Entry | undefined {
    return this.entries[index - this.compacted.index - 1];
  }

  /** Entries from `from` to `to` by size, at least one; `undefined` where they are compacted. */
  read(from: number, to: number, maxBytes: number): Entry[] | undefined {
    if (from <= this.compacted.index) return undefined;
    must(to <= this.lastIndex, "only what is durable is read");
    const found: Entry[] = [];
    let size = 0;
    for (let index = from; index <= to; index += 1) {
      const next = this.entryAt(index);
      if (next === undefined) break;
      size += next.kind === "command" ? next.payload.length : 0;
      if (size > maxBytes && found.length > 0) break;
      found.push(next);
    }
    return found;
  }

  apply(write: Write): void {
    must(write.sequence === this.#sequence + 1, "writes are consecutive");
    this.#sequence = write.sequence;
    if (write.truncateFrom !== undefined) this.#truncate(write.truncateFrom);
    if (write.snapshot !== undefined) this.#switch(write.snapshot);
    for (const entry of write.entries) {
      must(entry.index === this.lastIndex + 1, "entries follow what is there");
      must(entry.term >= (this.termAt(this.lastIndex) ?? 0), "terms never fall");
      this.entries.push(entry);
    }
    if (write.compactTo !== undefined) this.#compact(write.compactTo);
    if (write.hardState !== undefined) this.#setHardState(write.hardState);
  }

  /** What the next `open` finds: write numbers begin anew. */
  reopen(): StoredState {
    this.#sequence = 0;
    const last = this.entries.at(-1);
    return {
      hardState: this.hardState,
      snapshot: this.snapshot,
      compacted: this.compacted,
      lastIndex: this.lastIndex,
      lastTime: Math.max(last?.time ?? 0, this.snapshot.time),
      runs: this.#runs(),
      configurations: this.#configurations(),
    };
  }

  #truncate(from: number): void {
    must(from > this.snapshot.lastIncluded.index, "nothing is cut out of the snapshot");
    must(from > this.compacted.index && from <= this.lastIndex, "what is cut off is there");
    this.entries.length = from - this.compacted.index - 1;
  }

  #switch(snapshot: SnapshotMeta): void {
    const { lastIncluded } = snapshot;
    must(lastIncluded.index >= this.snapshot.lastIncluded.index, "no snapshot goes back");
    this.snapshot = snapshot;
    if (this.termAt(lastIncluded.index) === lastIncluded.term) return;
    must(this.lastIndex <= lastIncluded.index, "nothing goes on behind a snapshot that differs");
    this.compacted = lastIncluded;
    this.entries = [];
  }

  #compact(id: EntryId): void {
    must(id.index <= this.snapshot.lastIncluded.index, "only the snapshot's entries are compacted");
    if (id.index <= this.compacted.index) return;
    must(this.termAt(id.index) === id.term, "what is compacted is there");
    this.entries.splice(0, id.index - this.compacted.index);
    this.compacted = id;
  }

  #setHardState(next: HardState): void {
    const { currentTerm, votedFor } = this.hardState;
    must(next.currentTerm >= currentTerm, "the term never falls");
    must(
      next.currentTerm > currentTerm || votedFor === undefined || votedFor === next.votedFor,
      "a vote is never taken back",
    );
    must(next.commitIndex <= this.lastIndex, "commit is never beyond the log");
    this.hardState = next;
  }

  #runs(): TermRun[] {
    const runs: TermRun[] = [];
    for (const { term, index } of this.entries) {
      if (runs.at(-1)?.term !== term) runs.push({ term, firstIndex: index });
    }
    return runs;
  }

  #configurations(): LoggedConfiguration[] {
    const found: LoggedConfiguration[] = [this.snapshot.configuration];
    for (const entry of this.entries) {
      if (entry.kind !== "configuration" || entry.index <= this.snapshot.lastIncluded.index)
        continue;
      found.push({ index: entry.index, configuration: entry.configuration });
    }
    return found;
  }
}

class ContractViolation extends Error {}

export function must(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new ContractViolation(rule);
}
