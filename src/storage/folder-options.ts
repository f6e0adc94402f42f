/** What storages in a folder are told: where, and how large something of theirs is. */

import { RaftError } from "../errors.ts";
import { objectFrom, problemsOfNames, refuse, shown } from "../shapes.ts";

/** Throws `RAFT_INVALID_OPTION` where the folder is no path, or an option is none of `names`. */
export function checkPlace(folder: unknown, options: unknown, names: readonly string[]): void {
  if (typeof folder !== "string" || folder === "") {
    refuse([`folder must be a path, not ${shown(folder)}`]);
  }
  refuse(problemsOfNames(objectFrom(options), names));
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
