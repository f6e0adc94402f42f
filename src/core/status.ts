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
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  /** Whether it has answered since the last quorum check. */
  readonly active: boolean;
}

export interface RaftStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly currentTerm: Term;
  readonly votedFor: NodeId | undefined;
  /** The leader of `currentTerm`, where known. */
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  readonly lastIndex: LogIndex;
  readonly durableIndex: LogIndex;
  /** The first entry that is still in the log. */
  readonly firstIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
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
