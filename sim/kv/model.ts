/**
 * The replicated store as a checker understands it, written down anew and plainly: maps, and the whole history of every
 * key. Shares no code with the store but the reading of commands.
 */

import type { Entry, LogIndex } from "../../src/core/types.ts";
import type { Expectation, KvCommand, KvOperation, KvValue } from "../../src/kv/commands.ts";
import type { CommandEnvelope } from "../../src/kv/envelope.ts";
import type { Reading } from "./readings.ts";

/** A value that a key had from `index` on; `undefined`: none. */
export interface Version {
  readonly index: LogIndex;
  readonly value: KvValue | undefined;
}

interface ModelSession {
  lastActive: number;
  lowestOutstanding: number;
  readonly results: Map<number, unknown>;
}

export interface ModelLimits {
  readonly sessionTimeoutMs: number;
  readonly maxSessions: number;
  readonly maxResultsPerSession: number;
}

/** What the store does when nothing else is said. */
const USUAL: ModelLimits = {
  sessionTimeoutMs: 3_600_000,
  maxSessions: 10_000,
  maxResultsPerSession: 1024,
};

export class Model {
  readonly #limits: ModelLimits;
  readonly #versions: Map<string, Version[]>;
  /** From the least to the most recently used. */
  readonly #sessions: Map<LogIndex, ModelSession>;
  #lastIndex: LogIndex = 0;
  /** Commands that a session had executed already. */
  duplicates = 0;

  constructor(
    limits: ModelLimits = USUAL,
    versions: Map<string, Version[]> = new Map(),
    sessions: Map<LogIndex, ModelSession> = new Map(),
  ) {
    this.#limits = limits;
    this.#versions = versions;
    this.#sessions = sessions;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get sessions(): ReadonlyMap<LogIndex, Readonly<ModelSession>> {
    return this.#sessions;
  }

  get keys(): readonly string[] {
    return [...this.#versions.keys()];
  }

  /** All that a key ever was, ascending. */
  versionsOf(key: string): readonly Version[] {
    return this.#versions.get(key) ?? [];
  }

  /** What a key was once everything up to `index` was applied; `undefined` where it was absent. */
  at(key: string, index: LogIndex): Version | undefined {
    const found = this.#versions.get(key)?.findLast((version) => version.index <= index);
    return found?.value === undefined ? undefined : found;
  }

  /** A model of its own, as of now. */
  clone(): Model {
    const versions = new Map([...this.#versions].map(([key, all]) => [key, all.slice(-1)]));
    const sessions = new Map(
      [...this.#sessions].map(([id, session]) => [
        id,
        { ...session, results: new Map(session.results) },
      ]),
    );
    const copy = new Model(this.#limits, versions, sessions);
    copy.#lastIndex = this.#lastIndex;
    return copy;
  }

  /** Applies the next entry; what the state machine must answer, for a command. */
  apply(entry: Entry, reading: Reading | undefined): unknown {
    this.#lastIndex = entry.index;
    return reading === undefined ? undefined : this.#command(reading, entry);
  }

  #command({ envelope, command }: Reading, entry: Entry): unknown {
    for (const [id, session] of this.#sessions) {
      if (session.lastActive >= entry.time - this.#limits.sessionTimeoutMs) break;
      this.#sessions.delete(id);
    }
    if (envelope === undefined) return { type: "refused", reason: "invalid-command" };
    switch (envelope.type) {
      case "plain":
        return {
          type: "applied",
          index: entry.index,
          result: this.#execute(command, entry.index),
        };
      case "open":
        for (const id of this.#sessions.keys()) {
          if (this.#sessions.size < this.#limits.maxSessions) break;
          this.#sessions.delete(id);
        }
        this.#sessions.set(entry.index, {
          lastActive: entry.time,
          lowestOutstanding: 1,
          results: new Map(),
        });
        return { type: "opened", sessionId: entry.index };
      case "close":
        this.#sessions.delete(envelope.sessionId);
        return { type: "closed" };
      case "command":
        return this.#once(envelope, command, entry);
    }
  }

  #once(
    { sessionId, sequence, lowestOutstanding }: CommandEnvelope,
    command: KvCommand | undefined,
    entry: Entry,
  ): unknown {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return { type: "refused", reason: "session-expired" };
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, session);
    session.lastActive = entry.time;
    session.lowestOutstanding = Math.max(session.lowestOutstanding, lowestOutstanding);
    for (const old of session.results.keys()) {
      if (old < session.lowestOutstanding) session.results.delete(old);
    }
    const first = session.results.get(sequence);
    if (first !== undefined) {
      this.duplicates += 1;
      return first;
    }
    if (sequence < session.lowestOutstanding)
      return { type: "refused", reason: "sequence-forgotten" };
    if (sequence - session.lowestOutstanding >= this.#limits.maxResultsPerSession) {
      return { type: "refused", reason: "window-full" };
    }
    const result = {
      type: "applied",
      index: entry.index,
      result: this.#execute(command, entry.index),
    };
    session.results.set(sequence, result);
    return result;
  }

  #execute(command: KvCommand | undefined, index: LogIndex): unknown {
    if (command === undefined || command.type === "batch") return { status: "invalid-command" };
    const before = this.at(command.key, index);
    const { status, value } = outcomeOf(command, before);
    if (status === "ok" && command.type !== "get") this.#write(command.key, { index, value });
    return { status, previous: before };
  }

  #write(key: string, version: Version): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [version]);
    else versions.push(version);
  }
}

/** What an operation makes of a key. */
function outcomeOf(
  operation: KvOperation,
  before: Version | undefined,
): { readonly status: string; readonly value: KvValue | undefined } {
  switch (operation.type) {
    case "get":
      return { status: "ok", value: before?.value };
    case "put":
      return { status: "ok", value: operation.value };
    case "delete":
      return { status: "ok", value: undefined };
    case "compare-and-set":
      return meets(operation.expected, before)
        ? { status: "ok", value: operation.value }
        : { status: "mismatch", value: undefined };
    case "append": {
      if (before === undefined) return { status: "ok", value: operation.value };
      if (typeof before.value !== "string" || typeof operation.value !== "string") {
        return { status: "wrong-type", value: undefined };
      }
      return { status: "ok", value: before.value + operation.value };
    }
    case "increment": {
      const from = before === undefined ? 0 : before.value;
      if (typeof from !== "number") return { status: "wrong-type", value: undefined };
      return { status: "ok", value: from + operation.by };
    }
  }
}

function meets(expected: Expectation, before: Version | undefined): boolean {
  switch (expected.type) {
    case "absent":
      return before === undefined;
    case "value":
      return before?.value === expected.value;
    case "index":
      return before?.index === expected.index;
  }
}
