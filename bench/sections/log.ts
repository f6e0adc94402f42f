/**
 * Section `log`: what a long log costs. A member on its own, without snapshots, so that the log keeps everything, is
 * filled from within; at each length it is killed and started again.
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Child } from "../child.ts";
import { usageOf } from "../process-usage.ts";
import { QuorateCluster } from "../quorate/cluster.ts";

export interface LogRow {
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
  const cluster = await QuorateCluster.start(1, { machine: "map", snapshots: false });
  const rows: LogRow[] = [];
  try {
    let filled = 0;
    for (const entries of lengths) {
      const row = await grow(cluster, { from: filled, to: entries, valueBytes });
      filled = entries;
      rows.push(row);
      onRow(row);
    }
  } finally {
    await cluster.stop();
  }
  return rows;
}

async function grow(
  cluster: QuorateCluster,
  { from, to, valueBytes }: { from: number; to: number; valueBytes: number },
): Promise<LogRow> {
  const member = await cluster.leader();
  const { count, elapsedMs } = await member.run(
    {
      operation: "put",
      concurrency: CONCURRENCY,
      connections: 0,
      valueBytes,
      warmUpMs: 0,
      measureMs: HOURS_MS,
      operations: to - from,
    },
    () => undefined,
  );
  const filledBytes = memoryOf(member);
  await member.kill();
  const folderBytes = await sizeOf(cluster.folder);

  const again = await cluster.launch("n1");
  const appliedMs = await again.untilApplied();
  await cluster.leader();
  return {
    entries: to,
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
