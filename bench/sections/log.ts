/**
 * Section `log`: what a long log costs. A member on its own, without snapshots, so that the log keeps everything, is
 * filled from within; at each length it is killed and started again. One on the journal and, up to a length, one on `level`,
 * in turns.
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Child } from "../child.ts";
import { LONGEST_LOG } from "../plan.ts";
import { usageOf } from "../process-usage.ts";
import { QuorateCluster } from "../quorate/cluster.ts";
import type { StorageName } from "../quorate/storages.ts";

export interface LogRow {
  readonly storage: StorageName;
  readonly entries: number;
  /** While the log grew from the length before to this one. */
  readonly writesPerSecond: number;
  readonly folderBytes: number;
  /** The process's own memory, at this length. */
  readonly filledBytes: number;
  /** From the start of the node until its log is open, after a SIGKILL. */
  readonly openMs: number;
  /** ... until it leads and has applied the whole log. */
  readonly appliedMs: number;
  /** The process's own memory after that. */
  readonly recoveredBytes: number;
}

const CONCURRENCY = 1000;
const HOURS_MS = 2 ** 31 - 1;

export async function measureLog(
  lengths: readonly number[],
  valueBytes: number,
  onRow: (row: LogRow) => void,
): Promise<LogRow[]> {
  const logs = [await startLog("journal"), await startLog("level")];
  const rows: LogRow[] = [];
  try {
    for (const entries of lengths)
      for (const log of logs) {
        if (entries > LONGEST_LOG[log.storage]) continue;
        const row = await grow(log, entries, valueBytes);
        rows.push(row);
        onRow(row);
      }
  } finally {
    await Promise.all(logs.map(({ cluster }) => cluster.stop()));
  }
  return rows;
}

interface GrowingLog {
  readonly storage: StorageName;
  readonly cluster: QuorateCluster;
  entries: number;
}

async function startLog(storage: StorageName): Promise<GrowingLog> {
  const options = { machine: "map", storage, snapshots: false } as const;
  return { storage, cluster: await QuorateCluster.start(1, options), entries: 0 };
}

async function grow(log: GrowingLog, entries: number, valueBytes: number): Promise<LogRow> {
  const { storage, cluster } = log;
  const member = await cluster.leader();
  const { count, elapsedMs } = await member.run(
    {
      operation: "put",
      concurrency: CONCURRENCY,
      connections: 0,
      valueBytes,
      warmUpMs: 0,
      measureMs: HOURS_MS,
      operations: entries - log.entries,
    },
    () => undefined,
  );
  log.entries = entries;
  const filledBytes = memoryOf(member);
  await member.kill();
  const folderBytes = await sizeOf(cluster.folder);

  const again = await cluster.launch("n1");
  const appliedMs = await again.untilApplied();
  await cluster.leader();
  return {
    storage,
    entries,
    writesPerSecond: (count / elapsedMs) * 1000,
    folderBytes,
    filledBytes,
    openMs: again.openMs,
    appliedMs,
    recoveredBytes: memoryOf(again),
  };
}

function memoryOf({ pid }: Child): number {
  return usageOf(pid)?.anonymousBytes ?? 0;
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(folder, name))));
  return stats.filter((each) => each.isFile()).reduce((total, { size }) => total + size, 0);
}
