/** What a member tells the program that runs it, over the IPC channel; see `quorate node --stop-with-parent`. */

import type { Role, Term } from "../core/types.ts";
import type { RaftErrorCode } from "../errors.ts";

export type MemberEvent =
  /** It listens and takes part. */
  | { readonly type: "started" }
  | { readonly type: "role"; readonly role: Role; readonly term: Term }
  /** Why it is about to exit. */
  | { readonly type: "failed"; readonly code: RaftErrorCode; readonly message: string };
