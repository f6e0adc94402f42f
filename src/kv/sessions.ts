/**
 * Client sessions (thesis 6.3) around any state machine: a command that a client sends again, because it does not know
 * what became of it, is applied once, and gets the first result each time.
 *
 * Whether a command is a duplicate is decided in log order by the table of sessions, which is part of the replicated
 * state and of the snapshot (rule 61). A client opens a session by a command, numbers its commands 1, 2, 3 ... and says
 * with each which is the lowest number that it still waits for; results below it are forgotten. A command of a session
 * that is not known, or of a number that is forgotten, is refused: never executed again in silence.
 *
 * What one copy of a command being refused says of *another* copy: nothing, if the refusal came from a node that did not
 * put it in its log. "session-expired" comes from the log: no copy will take effect after it, but one may have before.
 */

import { decode, encode } from "../codec.ts";
import type { LogIndex } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import { stateMachineMethods } from "../node/state-machine.ts";
import type { AppliedCommand, StateMachine } from "../node/state-machine.ts";
import { isPromise } from "../promises.ts";
import {
  objectFrom,
  problemsOfCount,
  problemsOfMethods,
  problemsOfNames,
  refuse,
} from "../shapes.ts";
import { decodeEnvelope } from "./envelope.ts";
import type { CommandEnvelope } from "./envelope.ts";
import type { Refused, SessionClosed, SessionResult } from "./session-result.ts";
import { MAX_WINDOW } from "./result-window.ts";
import { SessionTable } from "./session-table.ts";
import type { CachedResult, ResultCodec } from "./session-table.ts";
import { BlockReader, chunksOf, readingSnapshot } from "./snapshot-stream.ts";

/**
 * Part of the replicated state machine: the numbers must be the same on every member, so change them only while all
 * members are stopped.
 */
export interface SessionOptions<Result> {
  /** A session expires when cluster time has passed its last command by more than this. Default 1 hour. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Beyond it the least recently used is evicted. Default 10 000. */
  readonly maxSessions?: number | undefined;
  /** Most results that are kept for one session, up to 2^20: a number so far above the lowest outstanding is refused. Default 1024. */
  readonly maxResultsPerSession?: number | undefined;
  /** For results that are not plain data; by default they go into MessagePack as they are. */
  readonly results?: ResultCodec<Result> | undefined;
}

export const DEFAULT_RESULTS_PER_SESSION = 1024;

const DEFAULT_TIMEOUT_MS = 3_600_000;
const DEFAULT_MAX_SESSIONS = 10_000;

const SNAPSHOT_FORMAT = "quorate-sessions";
const SNAPSHOT_VERSION = 2;

const CLOSED: SessionClosed = Object.freeze({ type: "closed" });
const EXPIRED: Refused = Object.freeze({ type: "refused", reason: "session-expired" });
const FORGOTTEN: Refused = Object.freeze({ type: "refused", reason: "sequence-forgotten" });
const WINDOW_FULL: Refused = Object.freeze({ type: "refused", reason: "window-full" });
const INVALID: Refused = Object.freeze({ type: "refused", reason: "invalid-command" });

/**
 * `machine` with sessions: commands come in envelopes (`encodeEnvelope`), queries pass unchanged. Throws
 * `RAFT_INVALID_OPTION`.
 *
 * ```ts
 * const machine = withSessions(new KvMachine(), { maxSessions: 1000 });
 * ```
 */
export function withSessions<Result, Query, Answer>(
  machine: StateMachine<Result, Query, Answer>,
  options: SessionOptions<Result> = {},
): StateMachine<SessionResult<Result>, Query, Answer> {
  return new SessionMachine(machine, options);
}

/** What a batch executes, and the records that its results are going to fill. */
interface Fresh<Result> {
  readonly commands: AppliedCommand[];
  readonly records: CachedResult<Result>[];
}

class SessionMachine<Result, Query, Answer> implements StateMachine<
  SessionResult<Result>,
  Query,
  Answer
> {
  readonly #machine: StateMachine<Result, Query, Answer>;
  readonly #timeoutMs: number;
  readonly #maxSessions: number;
  readonly #maxResults: number;
  readonly #codec: ResultCodec<Result>;
  #table = new SessionTable<Result>();

  constructor(machine: StateMachine<Result, Query, Answer>, options: SessionOptions<Result>) {
    objectFrom(options);
    const { sessionTimeoutMs = DEFAULT_TIMEOUT_MS, maxSessions = DEFAULT_MAX_SESSIONS } = options;
    const { maxResultsPerSession = DEFAULT_RESULTS_PER_SESSION } = options;
    const { results = plainResults<Result>() } = options;
    const counts = { sessionTimeoutMs, maxSessions, maxResultsPerSession };
    refuse([
      ...problemsOfMethods("machine", machine, stateMachineMethods),
      ...problemsOfNames(options, [...Object.keys(counts), "results"]),
      ...Object.entries(counts).flatMap(([name, value]) => problemsOfCount(name, value)),
      ...problemsOfMethods("results", results, ["toPlain", "fromPlain"]),
    ]);
    if (maxResultsPerSession > MAX_WINDOW) {
      refuse([`maxResultsPerSession is at most ${MAX_WINDOW}, not ${maxResultsPerSession}`]);
    }
    this.#machine = machine;
    this.#timeoutMs = sessionTimeoutMs;
    this.#maxSessions = maxSessions;
    this.#maxResults = maxResultsPerSession;
    this.#codec = results;
  }

  /**
   * The batch stays one batch: what is to be executed goes to the machine together, and a duplicate whose first copy
   * is in the same batch shares the record that the first one's result is going to fill.
   */
  apply(
    commands: readonly AppliedCommand[],
  ): readonly SessionResult<Result>[] | Promise<readonly SessionResult<Result>[]> {
    const fresh: Fresh<Result> = { commands: [], records: [] };
    const outcomes: SessionResult<Result>[] = [];
    for (const command of commands) outcomes.push(this.#admit(command, fresh));
    if (fresh.commands.length === 0) return outcomes;

    const results = this.#machine.apply(fresh.commands);
    if (!isPromise(results)) return fill(fresh.records, results, outcomes);
    return Promise.resolve(results).then((settled) => fill(fresh.records, settled, outcomes));
  }

  query(query: Query): Answer | Promise<Answer> {
    return this.#machine.query(query);
  }

  /** The table, encoded at the call, then the machine's own snapshot. */
  snapshot(): AsyncIterable<Uint8Array> {
    const blocks = [
      encode([SNAPSHOT_FORMAT, SNAPSHOT_VERSION]),
      ...this.#table.encode(this.#codec),
    ];
    return concatenate(chunksOf(blocks), this.#machine.snapshot());
  }

  /** Rejects with `RAFT_FORMAT_VERSION` or `RAFT_CORRUPT`, or as the machine does; then the table has not changed. */
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new BlockReader(chunks);
    const table = await readingSnapshot(this.#readTable(reader));
    await this.#machine.restore(reader.rest());
    this.#table = table;
  }

  async #readTable(reader: BlockReader): Promise<SessionTable<Result>> {
    checkHeader(decode(await reader.read()));
    return SessionTable.read(reader, this.#codec);
  }

  #admit(command: AppliedCommand, fresh: Fresh<Result>): SessionResult<Result> {
    this.#table.removeIdleSince(command.time - this.#timeoutMs);
    const envelope = decodeEnvelope(command.payload);
    if (envelope === undefined) return INVALID;
    switch (envelope.type) {
      case "plain":
        return execute(fresh, command, envelope.payload);
      case "open":
        this.#table.makeRoom(this.#maxSessions);
        this.#table.add(command.index, command.time);
        return { type: "opened", sessionId: command.index };
      case "close":
        return this.#close(envelope.sessionId);
      case "command":
        return this.#admitOnce(envelope, command, fresh);
    }
  }

  #admitOnce(
    { sessionId, sequence, lowestOutstanding, payload }: CommandEnvelope,
    command: AppliedCommand,
    fresh: Fresh<Result>,
  ): SessionResult<Result> {
    const session = this.#table.get(sessionId);
    if (session === undefined) return EXPIRED;

    this.#table.touch(session, command.time);
    session.results.forgetBelow(lowestOutstanding);
    const first = session.results.get(sequence);
    if (first !== undefined) return first;
    if (sequence < session.results.lowest) return FORGOTTEN;
    // By distance and not by count: however many results are kept, the lowest number is always let in.
    if (sequence - session.results.lowest >= this.#maxResults) return WINDOW_FULL;

    const record = execute(fresh, command, payload);
    session.results.set(sequence, record);
    return record;
  }

  #close(sessionId: LogIndex): SessionClosed {
    const session = this.#table.get(sessionId);
    if (session !== undefined) this.#table.remove(session);
    return CLOSED;
  }
}

function execute<Result>(
  { commands, records }: Fresh<Result>,
  { index, term, time }: AppliedCommand,
  payload: Uint8Array,
): CachedResult<Result> {
  // `fill` gives it its result before anybody sees it.
  const record: CachedResult<Result> = { type: "applied", index, result: undefined as Result };
  commands.push({ index, term, time, payload });
  records.push(record);
  return record;
}

function fill<Result>(
  pending: readonly CachedResult<Result>[],
  results: readonly Result[],
  outcomes: readonly SessionResult<Result>[],
): readonly SessionResult<Result>[] {
  if (results.length !== pending.length) {
    throw new RangeError(
      `the state machine returned ${results.length} results for ${pending.length} commands`,
    );
  }
  let position = 0;
  for (const record of pending) record.result = results[position++] as Result;
  return outcomes;
}

/** One stream after the other, both begun at the first step: up to there a state machine may capture its state. */
async function* concatenate(
  head: AsyncIterable<Uint8Array>,
  tail: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const chunks = tail[Symbol.asyncIterator]();
  const first = chunks.next();
  // A failure is told in its turn.
  first.catch(() => undefined);
  try {
    yield* head;
    for (let step = await first; step.done !== true; step = await chunks.next()) yield step.value;
  } finally {
    await chunks.return?.();
  }
}

/** For results that MessagePack carries as they are: what comes back is what went in, by the caller's word. */
function plainResults<Result>(): ResultCodec<Result> {
  return { toPlain: (result) => result, fromPlain: (value) => value as Result };
}

function checkHeader(header: unknown): void {
  if (!Array.isArray(header) || header[0] !== SNAPSHOT_FORMAT) {
    throw new RaftError(
      "RAFT_FORMAT_VERSION",
      "this is no snapshot of a state machine with sessions",
    );
  }
  const version: unknown = header[1];
  if (version !== SNAPSHOT_VERSION) {
    throw new RaftError(
      "RAFT_FORMAT_VERSION",
      `the sessions in the snapshot are of version ${String(version)}; this build reads version ${SNAPSHOT_VERSION}`,
    );
  }
}
