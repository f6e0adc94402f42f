/**
 * Storage in a folder, in files of its own: an append-only journal, and the guard in a file beside it.
 *
 * ```
 * <folder>/journal/segment-*   batches of changes, one behind the other
 * <folder>/journal/lock/       an empty LevelDB database: locked while the journal is open
 * <folder>/guard               the second copy of term and vote
 * ```
 */

import { join } from "node:path";
import { systemRandom } from "../random.ts";
import { problemsOfBoolean, refuse } from "../shapes.ts";
import { FileGuard } from "./file-guard.ts";
import { checkBytes, checkPlace } from "./folder-options.ts";
import { FileFolder } from "./journal/files.ts";
import { JournalStore } from "./journal/store.ts";
import { LogStore } from "./log-store.ts";
import type { Storage } from "./storage.ts";

/** Of the journal; all have defaults. */
export interface JournalOptions {
  /**
   * Bytes of one file, rounded up to whole pages of 4096. There are three at least, and about twice as many as hold what
   * is in use; they are filled with zeros when they are made and used again. From 64 KiB to 1 GiB; default 16 MiB.
   */
  readonly segmentBytes?: number | undefined;
  /**
   * Whether writes of up to 1 KiB, such as one command makes at a time, are done at once with the event loop held, as long
   * as most take no more than half a millisecond: a trip to another thread and back takes longer. A disk that is slower
   * than that holds it for less than a hundredth of the time; one that hangs does once. `false` where a disk must never
   * hold up what else the process does. Linux only; default `true`.
   */
  readonly inlineWrites?: boolean | undefined;
}

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const SEGMENT_BYTES = { least: 64 * 1024, most: 1024 * 1024 * 1024 };
const PAGE_BYTES = 4096;

/**
 * A storage in `folder`, which is created with its parents where it does not exist: faster than `levelStorage`, with a
 * steadier disk, for about 120 bytes of memory for each record that is in use, which is a batch of the log. One
 * process at a time: `open` rejects with `RAFT_LOCKED` while another has it. For one node, and opened once: make another
 * one for the next start. What one kind of storage has written the other does not read. Throws `RAFT_INVALID_OPTION`.
 */
export function journalStorage(folder: string, options: JournalOptions = {}): Storage {
  checkPlace(folder, options, ["segmentBytes", "inlineWrites"]);
  refuse(problemsOfBoolean("inlineWrites", options.inlineWrites));
  return new LogStore(
    new JournalStore(new FileFolder(join(folder, "journal"), options), {
      segmentBytes: segmentBytesOf(options),
      random: systemRandom,
    }),
    new FileGuard(join(folder, "guard")),
  );
}

function segmentBytesOf({ segmentBytes = DEFAULT_SEGMENT_BYTES }: JournalOptions): number {
  checkBytes("segmentBytes", segmentBytes, SEGMENT_BYTES);
  return Math.ceil(segmentBytes / PAGE_BYTES) * PAGE_BYTES;
}
