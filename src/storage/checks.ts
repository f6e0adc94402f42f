/** The two kinds of "this cannot be" of a storage: the data are wrong, or the caller is. */

import { isRaftError, messageOf, RaftError } from "../errors.ts";

/** What was read contradicts what was written: never repaired, never skipped (rule 71). */
export function verify(condition: boolean, message: string): asserts condition {
  if (!condition) throw new RaftError("RAFT_CORRUPT", message);
}

/** The contract of `Storage` is the caller's too. */
export function assertContract(condition: boolean, message: string): asserts condition {
  if (!condition) throw misuse(message);
}

export function misuse(message: string): RaftError {
  return new RaftError("RAFT_INTERNAL", `the storage was misused: ${message}`);
}

/** Any failure as an error of the library; one that is so already stays as it is. */
export function storageFailure(error: unknown, what: string): RaftError {
  if (isRaftError(error)) return error;
  return new RaftError("RAFT_STORAGE_FAILED", `${what}: ${messageOf(error)}`, { cause: error });
}
