/** What a client does about the error of a node. */

import type { RaftErrorCode } from "../errors.ts";

export type Advice =
  /** Trying elsewhere, or later, would give the same. */
  | "give up"
  /** The same node may answer otherwise in a while. */
  | "wait"
  /** It is for another node to answer. */
  | "move on";

const ADVICE: Partial<Record<RaftErrorCode, Advice>> = {
  RAFT_INVALID_COMMAND: "give up",
  RAFT_INVALID_OPTION: "give up",
  RAFT_TOO_LARGE: "give up",
  RAFT_QUERY_FAILED: "give up",
  RAFT_OVERLOADED: "wait",
  RAFT_REPLACED: "wait",
  RAFT_ABORTED: "wait",
};

export function adviceOn(code: RaftErrorCode): Advice {
  return ADVICE[code] ?? "move on";
}
