/**
 * A node's log as seen from outside, kept up to date by looking only at what is new: entries are the same as before
 * from the end down to the first that is the same object.
 */

import { termAt } from "../../src/core/log.ts";
import type { Log } from "../../src/core/log.ts";
import type { Entry, LogIndex, Term } from "../../src/core/types.ts";

export interface LogChange {
  /** New ones, ascending. */
  readonly appended: readonly Entry[];
  /** The first index of the old log that is gone, or another entry; `undefined` where the log only grew. */
  readonly truncatedFrom: LogIndex | undefined;
}

const NOTHING: LogChange = { appended: [], truncatedFrom: undefined };

export class LogMirror {
  lastIndex: LogIndex;
  readonly #terms: Term[] = [];
  readonly #entries: (Entry | undefined)[] = [];

  /** As it was opened. */
  constructor(log: Log) {
    this.lastIndex = log.lastIndex;
    for (let index = log.compacted.index; index <= log.lastIndex; index += 1) {
      this.#terms[index] = termAt(log, index) ?? 0;
    }
  }

  /** Of an entry that was in the log and may be compacted by now. */
  termAt(index: LogIndex): Term | undefined {
    return index <= this.lastIndex ? this.#terms[index] : undefined;
  }

  update(log: Log): LogChange {
    const { tail, tailFirst, lastIndex, compacted } = log;
    const before = this.lastIndex;
    const last = tail.at(-1);
    if (lastIndex === before && (last === undefined || last === this.#entries[lastIndex])) {
      return NOTHING;
    }
    let at = tail.length - 1;
    while (at >= 0 && tail[at] !== this.#entries[tailFirst + at]) at -= 1;
    const appended = tail.slice(at + 1);
    const firstNew = appended[0]?.index ?? lastIndex + 1;
    // What a leader's snapshot stands for has not been cut off; what lay beyond it has.
    const kept = Math.max(firstNew, compacted.index + 1);
    for (const entry of appended) {
      this.#terms[entry.index] = entry.term;
      this.#entries[entry.index] = entry;
    }
    this.#terms[compacted.index] = compacted.term;
    this.#terms.length = lastIndex + 1;
    this.#entries.length = lastIndex + 1;
    this.lastIndex = lastIndex;
    return { appended, truncatedFrom: kept <= before ? kept : undefined };
  }
}
