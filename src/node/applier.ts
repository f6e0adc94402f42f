/**
 * Drives the state machine: one task at a time, reading from the storage what is no longer in memory (section 5.3, "apply
 * log[lastApplied] to state machine"). An exception of the state machine is fatal (rule 63).
 */

import type { ApplyTask } from "../core/ready.ts";
import type { CommandEntry, Entry, LogIndex } from "../core/types.ts";
import { isRaftError } from "../errors.ts";
import { isPromise } from "../promises.ts";
import type { Storage } from "../storage/storage.ts";
import { applyError, storageError } from "./failures.ts";
import type { StateMachine } from "./state-machine.ts";

/** What became of a task. */
export type Applied<Result> =
  | { readonly type: "restored"; readonly index: LogIndex }
  | {
      readonly type: "applied";
      readonly index: LogIndex;
      readonly entries: readonly Entry[];
      readonly results: readonly Result[];
    };

export class Applier<Result> {
  readonly #machine: StateMachine<Result, never>;
  readonly #storage: Storage;
  readonly #maxBytes: number;
  #isStopped = false;

  constructor(machine: StateMachine<Result, never>, storage: Storage, maxBytes: number) {
    this.#machine = machine;
    this.#storage = storage;
    this.#maxBytes = maxBytes;
  }

  /** A synchronous state machine that is given entries from memory is done when this returns. */
  run(task: ApplyTask): Applied<Result> | Promise<Applied<Result>> {
    if (task.type === "restore") return this.#restore(task);
    return task.entries === undefined ? this.#readAndApply(task) : this.#apply(task.entries);
  }

  /** Lets an `apply` that is under way come to its end, and begins none. */
  stop(): void {
    this.#isStopped = true;
  }

  #apply(entries: readonly Entry[]): Applied<Result> | Promise<Applied<Result>> {
    const commands = entries.filter((entry): entry is CommandEntry => entry.kind === "command");
    let results: readonly Result[] | Promise<readonly Result[]>;
    try {
      results = commands.length === 0 ? [] : this.#machine.apply(commands);
    } catch (cause) {
      throw applyFailed(cause);
    }
    if (!isPromise(results)) return applied(entries, commands.length, results);
    return Promise.resolve(results).then(
      (values) => applied(entries, commands.length, values),
      (cause: unknown) => Promise.reject(applyFailed(cause)),
    );
  }

  async #readAndApply(task: ApplyTask & { type: "entries" }): Promise<Applied<Result>> {
    const { from, to } = task;
    const nothing = { type: "applied", index: from - 1, entries: [], results: [] } as const;
    let entries: readonly Entry[];
    try {
      entries = await this.#storage.readEntries({ from, to, maxBytes: this.#maxBytes });
    } catch (error) {
      // A leader's snapshot has replaced the log meanwhile: it comes next.
      if (!isRaftError(error, "RAFT_COMPACTED")) throw storageError(error);
      return nothing;
    }
    return this.#isStopped ? nothing : this.#apply(entries);
  }

  async #restore(task: ApplyTask & { type: "restore" }): Promise<Applied<Result>> {
    const { id, lastIncluded } = task.snapshot;
    let unreadable: unknown;
    const chunks = snapshotChunks(this.#storage, id, (cause) => (unreadable = cause));
    try {
      await this.#machine.restore(chunks);
    } catch (cause) {
      // What the disk could not give is not the state machine's fault.
      if (unreadable !== undefined) throw storageError(unreadable);
      throw applyError(`the state machine cannot restore snapshot ${id}`, cause);
    }
    if (unreadable !== undefined) throw storageError(unreadable);
    return { type: "restored", index: lastIncluded.index };
  }
}

/** The bytes of a snapshot that the storage holds: where the state machine gave none there is a chunk without any. */
async function* snapshotChunks(
  storage: Storage,
  id: string,
  onFailure: (cause: unknown) => void,
): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; ; chunk += 1) {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await storage.readChunk(id, chunk);
    } catch (cause) {
      onFailure(cause);
      throw cause;
    }
    if (bytes === undefined) return;
    if (bytes.length > 0) yield bytes;
  }
}

function applied<Result>(
  entries: readonly Entry[],
  commands: number,
  results: readonly Result[],
): Applied<Result> {
  if (!Array.isArray(results) || results.length !== commands) {
    const got = Array.isArray(results)
      ? `${results.length} results`
      : `${typeof results}, not a list,`;
    throw applyFailed(new Error(`${got} for ${commands} commands`));
  }
  const index = entries.at(-1)?.index ?? 0;
  return { type: "applied", index, entries, results };
}

function applyFailed(cause: unknown): Error {
  return applyError("the state machine has failed", cause);
}
