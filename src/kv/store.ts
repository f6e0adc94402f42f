/** The store put together: what a node needs in order to be a member of a replicated key-value store. */

import { clockMethods, systemClock } from "../node/clock.ts";
import type { Clock } from "../node/clock.ts";
import type { StateMachine } from "../node/state-machine.ts";
import {
  objectFrom,
  problemsOfCount,
  problemsOfMethods,
  problemsOfNames,
  refuse,
} from "../shapes.ts";
import type { Connection, ConnectionHandler } from "../transport/transport.ts";
import { KvMachine } from "./machine.ts";
import { queryFrom } from "./queries.ts";
import type { KvQuery } from "./queries.ts";
import { answerToArray, resultFrom, resultToArray } from "./results.ts";
import type { KvAnswer, KvResult } from "./results.ts";
import { serveClient } from "./server.ts";
import type { KvHost } from "./server.ts";
import { sessionResultToArray } from "./session-result.ts";
import type { SessionResult } from "./session-result.ts";
import { withSessions } from "./sessions.ts";

/** All have defaults. */
export interface KvStoreOptions {
  /** For gathering responses. */
  readonly clock?: Clock | undefined;
  /** The same on every member; see `SessionOptions`. */
  readonly sessionTimeoutMs?: number | undefined;
  /** The same on every member; see `SessionOptions`. */
  readonly maxSessions?: number | undefined;
  /** The same on every member; see `SessionOptions`. */
  readonly maxResultsPerSession?: number | undefined;
  /** Most unanswered requests of one client connection. Default 1024. */
  readonly maxOutstanding?: number | undefined;
}

const OPTIONS: readonly (keyof KvStoreOptions)[] = [
  "clock",
  "sessionTimeoutMs",
  "maxSessions",
  "maxResultsPerSession",
  "maxOutstanding",
];

/** Two of the options of `RaftNode.start`. */
export interface KvStore {
  readonly machine: StateMachine<SessionResult<KvResult>, KvQuery, KvAnswer>;
  readonly clients: (host: KvHost<KvQuery>, connection: Connection) => ConnectionHandler;
}

/**
 * A new, empty store, for one node. Throws `RAFT_INVALID_OPTION`.
 *
 * ```ts
 * const node = await RaftNode.start({ ...options, ...kvStore() });
 * ```
 */
export function kvStore(options: KvStoreOptions = {}): KvStore {
  objectFrom(options);
  const { clock = systemClock, maxOutstanding = 1024, ...sessions } = options;
  refuse([
    ...problemsOfNames(options, OPTIONS),
    ...problemsOfMethods("clock", clock, clockMethods),
    ...problemsOfCount("maxOutstanding", maxOutstanding),
  ]);
  return {
    machine: withSessions(new KvMachine(), {
      ...sessions,
      results: { toPlain: resultToArray, fromPlain: resultFrom },
    }),
    clients: (host, connection) =>
      serveClient(host, connection, { clock, parseQuery: queryFrom, toPlain, maxOutstanding }),
  };
}

/** As the client expects it: what a command gave, or what a query was answered. */
function toPlain(value: SessionResult<KvResult> | KvAnswer): unknown {
  return value.type === "get" || value.type === "range"
    ? answerToArray(value)
    : sessionResultToArray(value, resultToArray);
}
