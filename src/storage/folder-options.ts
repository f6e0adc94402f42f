/** What storages in a folder are told: where, and how large something of theirs is. */

import { RaftError } from "../errors.ts";
import { shown } from "../shapes.ts";

/** Throws `RAFT_INVALID_OPTION` where it is no path. */
export function checkFolder(folder: unknown): void {
  if (typeof folder === "string" && folder !== "") return;
  throw new RaftError("RAFT_INVALID_OPTION", `folder must be a path, not ${shown(folder)}`);
}

/** Throws `RAFT_INVALID_OPTION` where the number of bytes is none from `least` to `most`. */
export function checkBytes(
  name: string,
  bytes: number,
  { least, most }: { readonly least: number; readonly most: number },
): void {
  if (Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return;
  throw new RaftError(
    "RAFT_INVALID_OPTION",
    `${name} must be from ${least} to ${most}, not ${bytes}`,
  );
}
