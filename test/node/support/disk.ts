/** What is on a memory disk, for tests that look for what nobody needs any more. */

import type { MemoryDisk } from "../../../src/storage/memory.ts";

/** The keys of one kind of record (see `storage/layout`), on a disk that nobody has open. */
async function keysOf(disk: MemoryDisk, kind: string): Promise<readonly string[]> {
  const store = disk.orderedStore();
  await store.open();
  try {
    const keys = await store.keys({ gte: "", lt: "~", limit: 100_000 });
    return keys.filter((key) => key.split("/")[1] === kind);
  } finally {
    await store.close();
  }
}

/** The numbers of the snapshots of which there are chunks, and of those that are switched in. */
export async function snapshotsOn(
  disk: MemoryDisk,
): Promise<{ readonly staged: readonly string[]; readonly current: readonly string[] }> {
  return {
    staged: numbersIn(await keysOf(disk, "chunk")),
    current: numbersIn(await keysOf(disk, "snapshot")),
  };
}

function numbersIn(keys: readonly string[]): readonly string[] {
  return [...new Set(keys.map((key) => key.split("/")[2] ?? ""))];
}
