/** How a command says that it cannot: wrong usage, or a failure, with its code where it is the library's. */

import { isRaftError, messageOf } from "../errors.ts";
import type { RaftError } from "../errors.ts";

/** The command was not understood: a sentence that names the option and the value received. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** Whose page of help says what it takes. */
  command: string | undefined;
}

/** What a command set out to do has not happened; the text says all that there is to say. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** One line for people, with a stable code in front where there is one; a stack only for what should not happen. */
export function describeFailure(error: unknown): string {
  if (error instanceof UsageError) {
    const { message, command } = error;
    const help = command === undefined ? "quorate --help" : `quorate help ${command}`;
    return `quorate: ${message}\nTry "${help}".`;
  }
  if (error instanceof Failure) return error.message;
  if (!isRaftError(error)) return error instanceof Error ? String(error.stack) : String(error);
  return `${error.code}: ${withCause(error)}`;
}

/** The error's message, and that of its cause where it says more. */
export function withCause({ message, cause }: RaftError): string {
  const reason = cause === undefined ? "" : messageOf(cause);
  return reason === "" || message.includes(reason) ? message : `${message}: ${reason}`;
}

/** 2 for what could never have worked, 1 for everything else. */
export function exitCodeOf(error: unknown): number {
  const isWrongUsage =
    error instanceof UsageError ||
    isRaftError(error, "RAFT_INVALID_OPTION") ||
    isRaftError(error, "RAFT_INVALID_COMMAND");
  return isWrongUsage ? 2 : 1;
}
