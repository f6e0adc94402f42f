/**
 * The sessions that a state machine knows, in the order of their last use: a map for finding one and a list through it,
 * so that touching one, and finding the one that was idle longest, take constant time. Pure replicated state: what it
 * holds is decided by the log alone.
 */

import { decode, encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import { MAX_WINDOW, ResultWindow } from "./result-window.ts";
import type { BlockReader } from "./snapshot-stream.ts";

/** What a command of a session gave, at its first and only execution. */
export interface CachedResult<Result> {
  readonly type: "applied";
  /** Where in the log it was executed. */
  readonly index: LogIndex;
  /** Filled when the batch that it came in has been applied; nobody sees it earlier. */
  result: Result;
}

export interface Session<Result> {
  readonly id: LogIndex;
  /** Cluster time of its last command, in milliseconds. */
  lastActive: number;
  /** By sequence, from the lowest outstanding on; with gaps, since pipelined commands overtake each other. */
  readonly results: ResultWindow<CachedResult<Result>>;
  /** Neighbours by last use. */
  older: Session<Result> | undefined;
  newer: Session<Result> | undefined;
}

/** How a result becomes plain data in a snapshot and comes back; the identity for results that are plain data. */
export interface ResultCodec<Result> {
  toPlain(result: Result): unknown;
  fromPlain(value: unknown): Result;
}

export class SessionTable<Result> {
  readonly #sessions = new Map<LogIndex, Session<Result>>();
  #oldest: Session<Result> | undefined;
  #newest: Session<Result> | undefined;

  get size(): number {
    return this.#sessions.size;
  }

  get(id: LogIndex): Session<Result> | undefined {
    return this.#sessions.get(id);
  }

  add(id: LogIndex, lastActive: number): Session<Result> {
    const session: Session<Result> = {
      id,
      lastActive,
      results: new ResultWindow(),
      older: undefined,
      newer: undefined,
    };
    this.#sessions.set(id, session);
    this.#link(session);
    return session;
  }

  /** Makes it the most recently used. */
  touch(session: Session<Result>, time: number): void {
    session.lastActive = time;
    if (session === this.#newest) return;
    this.#unlink(session);
    this.#link(session);
  }

  remove(session: Session<Result>): void {
    this.#sessions.delete(session.id);
    this.#unlink(session);
  }

  /** Removes those not used since before `time`. They are the oldest, because time never falls. */
  removeIdleSince(time: number): void {
    while (this.#oldest !== undefined && this.#oldest.lastActive < time) this.remove(this.#oldest);
  }

  /** Removes the least recently used until there are fewer than `count`. */
  makeRoom(count: number): void {
    while (this.#oldest !== undefined && this.#sessions.size >= count) this.remove(this.#oldest);
  }

  /** As snapshot blocks, from the least to the most recently used. */
  encode(codec: ResultCodec<Result>): readonly Uint8Array[] {
    const blocks = [encode(this.#sessions.size)];
    for (let session = this.#oldest; session !== undefined; session = session.newer) {
      const { id, lastActive, results } = session;
      blocks.push(encode([id, lastActive, results.lowest, results.size]));
      for (const [sequence, { index, result }] of results.entries()) {
        blocks.push(encode([sequence, index, codec.toPlain(result)]));
      }
    }
    return blocks;
  }

  /** The reverse of `encode`. Throws `RAFT_CORRUPT` where the blocks are no table. */
  static async read<Result>(
    reader: BlockReader,
    codec: ResultCodec<Result>,
  ): Promise<SessionTable<Result>> {
    const table = new SessionTable<Result>();
    const count = numberFrom(decode(await reader.read()));
    for (let n = 0; n < count; n++) {
      const [id, lastActive, lowest, size] = fieldsFrom(decode(await reader.read()));
      const session = table.add(numberFrom(id), numberFrom(lastActive));
      session.results.forgetBelow(sequenceFrom(lowest));
      const resultCount = numberFrom(size);
      for (let m = 0; m < resultCount; m++) {
        const [sequence, index, plain] = fieldsFrom(decode(await reader.read()));
        const result = codec.fromPlain(plain);
        const record = { type: "applied", index: numberFrom(index), result } as const;
        addResult(session, sequenceFrom(sequence), record);
      }
    }
    return table;
  }

  #link(session: Session<Result>): void {
    session.older = this.#newest;
    session.newer = undefined;
    if (this.#newest === undefined) this.#oldest = session;
    else this.#newest.newer = session;
    this.#newest = session;
  }

  #unlink({ older, newer }: Session<Result>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}

function addResult<Result>(
  { results }: Session<Result>,
  sequence: number,
  record: CachedResult<Result>,
): void {
  const fits = sequence >= results.lowest && sequence - results.lowest < MAX_WINDOW;
  if (!fits || results.get(sequence) !== undefined) throw damaged();
  results.set(sequence, record);
}

function fieldsFrom(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged();
  return value;
}

function numberFrom(value: unknown): number {
  if (typeof value !== "number") throw damaged();
  return value;
}

function sequenceFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) throw damaged();
  return value;
}

function damaged(): RaftError {
  return new RaftError("RAFT_CORRUPT", "the session table of the snapshot is damaged");
}
