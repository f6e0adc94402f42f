/** `quorate/core`: Raft as a pure, synchronous state machine, for people with a runtime of their own. */

export { InvariantViolation } from "./assert.ts";
export { checkState, checkStep, summarize } from "./invariants.ts";
export type { StateSummary } from "./invariants.ts";
export type { Log } from "./log.ts";
export type {
  AppendEntries,
  AppendEntriesRefusal,
  AppendEntriesResponse,
  AppendEntriesSuccess,
  Heartbeat,
  HeartbeatResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  Message,
  PreVote,
  PreVoteResponse,
  RequestVote,
  RequestVoteResponse,
  TimeoutNow,
} from "./message.ts";
export { defaultRaftOptions, problemsOf } from "./options.ts";
export type { RaftOptions } from "./options.ts";
export type { Progress } from "./progress.ts";
export { hasQuorum, majority, quorumValue } from "./quorum.ts";
export { Raft } from "./raft.ts";
export type {
  ApplyTask,
  Input,
  Proposed,
  ReadEntries,
  ReadOutcome,
  Ready,
  Refusal,
  SendSnapshot,
} from "./ready.ts";
export type { Leadership, RaftState } from "./state.ts";
export type { PeerStatus, RaftStatus } from "./status.ts";
export type {
  BlankEntry,
  CommandEntry,
  Configuration,
  ConfigurationEntry,
  EncodedBytes,
  Entry,
  EntryId,
  HardState,
  LoggedConfiguration,
  LogIndex,
  Member,
  NodeId,
  Role,
  SnapshotMeta,
  StoredState,
  Term,
  TermRun,
  Write,
} from "./types.ts";
