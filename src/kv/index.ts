/** The public names of `quorate/kv`. */

export { KvClient } from "./client.ts";
export type { KvClientOptions } from "./client-options.ts";
export type {
  CallOptions,
  KvBatch,
  KvIncrement,
  KvRange,
  KvRead,
  KvWrite,
  RangeOptions,
  ReadCallOptions,
  WriteOptions,
} from "./client.ts";

export { decodeCommand, encodeCommand } from "./command-codec.ts";
export { MAX_BATCH_OPERATIONS, MAX_KEY_LENGTH, MAX_VALUE_LENGTH } from "./commands.ts";
export type {
  AppendOperation,
  BatchCommand,
  CompareAndSetOperation,
  DeleteOperation,
  Expectation,
  GetOperation,
  IncrementOperation,
  KvCommand,
  KvOperation,
  KvValue,
  PutOperation,
} from "./commands.ts";

export { DEFAULT_RANGE_LIMIT, MAX_RANGE_BYTES, MAX_RANGE_LIMIT } from "./queries.ts";
export type { GetQuery, KvQuery, RangeQuery } from "./queries.ts";

export type {
  KvAnswer,
  KvBatchAborted,
  KvBatchCommitted,
  KvBatchResult,
  KvEntry,
  KvFailure,
  KvGetAnswer,
  KvOperationResult,
  KvRangeAnswer,
  KvResult,
  VersionedValue,
} from "./results.ts";

export type { KvStatus, HostStatus } from "./host-status.ts";

export { KvMachine } from "./machine.ts";

export { encodeEnvelope } from "./envelope.ts";
export type {
  CloseEnvelope,
  CommandEnvelope,
  Envelope,
  OpenEnvelope,
  PlainEnvelope,
} from "./envelope.ts";

export { DEFAULT_RESULTS_PER_SESSION, withSessions } from "./sessions.ts";
export type { SessionOptions } from "./sessions.ts";
export type { ResultCodec } from "./session-table.ts";
export { sessionResultFrom } from "./session-result.ts";
export type {
  AppliedResult,
  Refused,
  RefusalReason,
  SessionClosed,
  SessionOpened,
  SessionResult,
} from "./session-result.ts";

export { serveClient } from "./server.ts";
export type { ClientServerOptions, KvHost } from "./server.ts";

export { kvStore } from "./store.ts";
export type { KvStore, KvStoreOptions } from "./store.ts";
