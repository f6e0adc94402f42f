/** What a node says when it cannot go on. */

import { isRaftError, messageOf, RaftError } from "../errors.ts";

/** Whatever a storage rejects with, as an error of the library: fatal, and never tried again (rules 3 and 72). */
export function storageError(cause: unknown): RaftError {
  if (isRaftError(cause)) return cause;
  return new RaftError("RAFT_STORAGE_FAILED", `the storage has failed: ${messageOf(cause)}`, {
    cause,
  });
}

export function applyError(what: string, cause: unknown): RaftError {
  return new RaftError("RAFT_APPLY_FAILED", `${what}: ${messageOf(cause)}`, { cause });
}

/** What is said to whoever comes afterwards; `failure` is what the node has stopped of, where it was not told to. */
export function stoppedError(failure: RaftError | undefined): RaftError {
  const why = failure === undefined ? "" : `: ${failure.code}: ${failure.message}`;
  return new RaftError("RAFT_STOPPED", `this node has stopped${why}`, { cause: failure });
}
