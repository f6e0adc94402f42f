/**
 * What turns want of the storage: writes, and entries for followers that are behind. What comes of it is an input of a
 * later turn. Nothing is tried twice: of a write that failed nobody knows what has become (rules 3 and 72).
 */

import type { Input, ReadEntries } from "../core/ready.ts";
import type { Write } from "../core/types.ts";
import { isRaftError } from "../errors.ts";
import type { Storage } from "../storage/storage.ts";
import { storageError } from "./failures.ts";
import type { Snapshots } from "./snapshots.ts";

interface DiskContext {
  readonly storage: Pick<Storage, "write" | "readEntries">;
  readonly snapshots: Pick<Snapshots, "onSwitching" | "onSwitched">;
  readonly report: (input: Input) => void;
  readonly onFailure: (error: unknown) => void;
  readonly track: (task: Promise<unknown>) => void;
}

export class Disk {
  readonly #context: DiskContext;
  /** The last write that the core knows to be durable. */
  #persisted = 0;

  constructor(context: DiskContext) {
    this.#context = context;
  }

  write(write: Write): void {
    const { storage, snapshots, onFailure, track } = this.#context;
    const { sequence, snapshot } = write;
    if (snapshot !== undefined) snapshots.onSwitching(snapshot.id);
    const done = storage.write(write).then(
      () => {
        if (snapshot !== undefined) snapshots.onSwitched(snapshot.id);
        this.#onDurable(sequence);
      },
      (cause: unknown) => onFailure(storageError(cause)),
    );
    track(done);
  }

  readEntries(request: ReadEntries): void {
    const { storage, report, onFailure, track } = this.#context;
    const { from, to, maxBytes } = request;
    const done = storage.readEntries({ from, to, maxBytes }).then(
      (entries) => report({ type: "entriesRead", request, entries }),
      (cause: unknown) => {
        if (isRaftError(cause, "RAFT_COMPACTED"))
          report({ type: "entriesRead", request, entries: undefined });
        else onFailure(storageError(cause));
      },
    );
    track(done);
  }

  /** What a storage has merged may resolve in any order; the highest stands for all. */
  #onDurable(sequence: number): void {
    if (sequence <= this.#persisted) return;
    this.#persisted = sequence;
    this.#context.report({ type: "persisted", sequence });
  }
}
