/** A log that does not repeat itself: a peer that is refused is refused again at each attempt, and once is news. */

import type { Logger } from "../node/logger.ts";

/** Strangers choose some of the subjects, so that there must be an end to them. */
const MAX_SUBJECTS = 256;

export class LogOnce {
  readonly #logger: Logger;
  readonly #last = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether this was news; false where the last report on this subject had the same text. */
  warn(subject: string, text: string): boolean {
    if (this.#last.get(subject) === text) return false;
    if (this.#last.size >= MAX_SUBJECTS) this.#last.clear();
    this.#last.set(subject, text);
    this.#logger.warn(text);
    return true;
  }

  /** All is well with the subject: whatever comes next is news. */
  forget(subject: string): void {
    this.#last.delete(subject);
  }
}
