/**
 * The one error class of the library and its stable codes.
 *
 * A caller needs two things from an error: what happened (`code`) and, for a command, whether it may still take
 * effect (`outcome`). The text is for people and may change; codes and outcomes do not.
 */

/** What is known of a command when its promise rejects. */
export type Outcome =
  /** Certainly not in the log, now or later: safe to send again as a new command. */
  | "rejected"
  /** It may have been committed, or may yet be: only a session makes a retry safe. */
  | "unknown";

/** What happened; the README's table says when, and with which outcome. */
export type RaftErrorCode =
  | "RAFT_INVALID_OPTION"
  | "RAFT_INVALID_COMMAND"
  | "RAFT_NOT_LEADER"
  | "RAFT_OVERLOADED"
  | "RAFT_TOO_LARGE"
  | "RAFT_REPLACED"
  | "RAFT_LEADERSHIP_LOST"
  | "RAFT_ABORTED"
  | "RAFT_TIMEOUT"
  | "RAFT_STOPPED"
  | "RAFT_TRANSFER_FAILED"
  | "RAFT_APPLY_FAILED"
  | "RAFT_QUERY_FAILED"
  | "RAFT_STORAGE_FAILED"
  | "RAFT_CORRUPT"
  | "RAFT_FORMAT_VERSION"
  | "RAFT_WRONG_CLUSTER"
  | "RAFT_WRONG_NODE"
  | "RAFT_WRONG_MEMBERS"
  | "RAFT_WIPED_MEMBER"
  | "RAFT_LOCKED"
  | "RAFT_COMPACTED"
  | "RAFT_ADDRESS_IN_USE"
  | "RAFT_INSECURE"
  | "RAFT_HANDSHAKE_REFUSED"
  | "RAFT_CONNECTION_LOST"
  | "RAFT_BAD_FRAME"
  | "RAFT_SESSION_EXPIRED"
  | "RAFT_INTERNAL";

/** Where the current leader is believed to be: a hint, possibly stale. */
export interface LeaderHint {
  readonly id: string;
  readonly address: string;
}

/** What an error may say beside its code and text. */
export interface RaftErrorOptions {
  readonly outcome?: Outcome;
  readonly leader?: LeaderHint | undefined;
  readonly cause?: unknown;
}

/**
 * Every error that the library rejects or throws with. Compare `code`, not the text and not the class: two copies of
 * the package in one process have two classes.
 */
export class RaftError extends Error {
  override readonly name = "RaftError";
  readonly code: RaftErrorCode;
  /** For a command: whether it may take effect. `"rejected"` for everything that is not a command. */
  readonly outcome: Outcome;
  /** With `RAFT_NOT_LEADER`: whom to ask instead, where known. */
  readonly leader: LeaderHint | undefined;

  constructor(code: RaftErrorCode, message: string, options: RaftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.outcome = options.outcome ?? "rejected";
    this.leader = options.leader;
  }
}

/** Whether `error` is a `RaftError`, optionally of one code; works across copies of the package. */
export function isRaftError(error: unknown, code?: RaftErrorCode): error is RaftError {
  return (
    error instanceof Error &&
    error.name === "RaftError" &&
    (code === undefined || ("code" in error && error.code === code))
  );
}

/** The message of anything that was thrown; where it has none of its own, those of the errors that it holds. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Of a host with several addresses Node says nothing but what came of each.
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(messageOf).join(", ");
  }
  return error.message;
}
