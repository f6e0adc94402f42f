/** `quorate`: a member of a Raft group to embed. The storages, transports and the store have entry points of their own. */

export type { Configuration, LogIndex, Member, NodeId, Role, Term } from "./core/types.ts";
export type { PeerStatus, RaftStatus } from "./core/status.ts";
export { isRaftError, RaftError } from "./errors.ts";
export type { LeaderHint, Outcome, RaftErrorCode, RaftErrorOptions } from "./errors.ts";
export { systemClock } from "./node/clock.ts";
export type { Clock, Timer } from "./node/clock.ts";
export { silentLogger } from "./node/logger.ts";
export type { Logger } from "./node/logger.ts";
export { RaftNode } from "./node/node.ts";
export type {
  Answered,
  Applied,
  CallOptions,
  NodeStatus,
  RaftNodeEvents,
  ReadArguments,
  ReadOptions,
} from "./node/node.ts";
export { defaultInboxLimits, defaultSnapshotPolicy } from "./node/options.ts";
export type {
  ClientService,
  InboxLimits,
  NodeOptions,
  RaftTuning,
  SnapshotPolicy,
} from "./node/options.ts";
export type { Sink } from "./node/sink.ts";
export type { AppliedCommand, StateMachine } from "./node/state-machine.ts";
export { MemoryDisk, memoryStorage } from "./storage/memory.ts";
export type { Storage } from "./storage/storage.ts";
export { MemoryNetwork, MemoryTransport } from "./transport/memory.ts";
export type { DeliveryPolicy, MemoryNetworkOptions } from "./transport/memory.ts";
export type { MemoryClientLink } from "./transport/memory-client.ts";
export type {
  ClientLink,
  Connection,
  ConnectionHandler,
  PeerIdentity,
  PeerMessage,
  PeerRefusal,
  Transport,
  TransportHandler,
  TransportIdentity,
} from "./transport/transport.ts";
