/** Where the bytes of the log are, coarsely, as far back as a snapshot may let the log begin. */

import type { Entry, LogIndex } from "../core/types.ts";
import type { SnapshotPolicy } from "./options.ts";

/** A mark every so many entries, or every eighth of what is kept. */
const ENTRIES_PER_MARK = 64;
const MARKS_PER_TAIL = 8;

/** So few marks are not worth a look at which of them are still needed. */
const FEW_MARKS = 64;

/** A place in the log. */
export interface Mark {
  readonly index: LogIndex;
  /** Bytes of commands applied up to here since the node started. */
  readonly bytes: number;
}

export class LogMarks {
  readonly #policy: Pick<SnapshotPolicy, "keepEntries" | "keepBytes">;
  /** The last entry that was applied. */
  #index: LogIndex = 0;
  #bytes = 0;
  #newest: Mark = { index: 0, bytes: 0 };
  /** Ascending, up to the newest. */
  #marks: Mark[] = [this.#newest];
  /** More marks than this are looked through for those that are needed no more. */
  #limit = FEW_MARKS;

  constructor(policy: Pick<SnapshotPolicy, "keepEntries" | "keepBytes">) {
    this.#policy = policy;
  }

  /** Where the log has got to. */
  get end(): Mark {
    return { index: this.#index, bytes: this.#bytes };
  }

  /** How many places are remembered. */
  get size(): number {
    return this.#marks.length;
  }

  /** The log begins anew behind `index`. */
  restart(index: LogIndex): void {
    this.#index = index;
    this.#marks = [];
    this.#mark();
  }

  /** The next entry, applied. */
  add(entry: Entry): void {
    this.#index = entry.index;
    if (entry.kind === "command") this.#bytes += entry.payload.length;
    const { index, bytes } = this.#newest;
    const step = this.#policy.keepBytes / MARKS_PER_TAIL;
    if (this.#index - index < ENTRIES_PER_MARK && this.#bytes - bytes <= step) return;
    this.#mark();
    if (this.#marks.length > this.#limit) this.#forget();
  }

  /** Up to where the log may go: a tail stays for followers that are a little behind, bounded by entries and by bytes (rule 59). */
  cut(): LogIndex {
    this.#forget();
    const byBytes = this.#marks[0]?.index ?? this.#index;
    return Math.max(0, this.#index - this.#policy.keepEntries, byBytes);
  }

  #mark(): void {
    this.#newest = this.end;
    this.#marks.push(this.#newest);
  }

  /** Lets go of the marks that no cut can come to any more. */
  #forget(): void {
    const leastIndex = this.#index - this.#policy.keepEntries;
    const leastBytes = this.#bytes - this.#policy.keepBytes;
    const first = this.#marks.findIndex(({ bytes }, at) => {
      const next = this.#marks[at + 1]?.index ?? Infinity;
      return bytes >= leastBytes && next > leastIndex;
    });
    this.#marks.splice(0, first);
    this.#limit = FEW_MARKS + 2 * this.#marks.length;
  }
}
