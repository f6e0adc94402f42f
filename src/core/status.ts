/** What a core tells about itself: plain data, for people and programs. */

import type { Progress } from "./progress.ts";
import { configurationOf } from "./state.ts";
import type { RaftState } from "./state.ts";
import type { Configuration, LogIndex, NodeId, Role, Term } from "./types.ts";

/** How a leader sees one member. */
export interface PeerStatus {
  readonly id: NodeId;
  /** Asking where the logs agree; sending as fast as the window allows; or waiting for a snapshot to arrive. */
  readonly mode: "probe" | "replicate" | "snapshot";
  /** Its log is known to agree with the leader's up to here. */
  readonly matchIndex: LogIndex;
  /** What it is sent next. */
  readonly nextIndex: LogIndex;
  /** Whether it has answered since the last quorum check. */
  readonly active: boolean;
}

/** A core at one moment. Indexes are of the log, 0 where there is nothing yet. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly currentTerm: Term;
  /** In `currentTerm`. */
  readonly votedFor: NodeId | undefined;
  /** The leader of `currentTerm`, where known. */
  readonly leader: NodeId | undefined;
  /** Known to be committed up to here. */
  readonly commitIndex: LogIndex;
  /** The state machine has applied up to here. */
  readonly lastApplied: LogIndex;
  /** The last entry of the log, on the disk or not. */
  readonly lastIndex: LogIndex;
  /** The log is on this server's disk up to here. */
  readonly durableIndex: LogIndex;
  /** The first entry that is still in the log. */
  readonly firstIndex: LogIndex;
  /** The last entry that the snapshot covers. */
  readonly snapshotIndex: LogIndex;
  /** The one in force: the last in the log, committed or not. */
  readonly configuration: Configuration;
  /** Empty but on a leader. */
  readonly peers: readonly PeerStatus[];
}

export function statusOf(state: RaftState): RaftStatus {
  const { log, options } = state;
  return {
    id: options.id,
    role: state.role,
    currentTerm: state.currentTerm,
    votedFor: state.votedFor,
    leader: state.leader,
    commitIndex: state.commitIndex,
    lastApplied: state.lastApplied,
    lastIndex: log.lastIndex,
    durableIndex: log.durableIndex,
    firstIndex: log.compacted.index + 1,
    snapshotIndex: state.snapshot.lastIncluded.index,
    configuration: configurationOf(state),
    peers: [...(state.leadership?.progress.values() ?? [])].map(peerStatusOf),
  };
}

function peerStatusOf({ id, mode, matchIndex, nextIndex, active }: Progress): PeerStatus {
  return { id, mode, matchIndex, nextIndex, active };
}
