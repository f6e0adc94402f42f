/** Ours beside the others under the same load: ratios of what was measured in turns. */

import { etcdFromTable, validityOf } from "./reference.ts";
import type { LoadRow, LoadSection, Results } from "./results.ts";
import { ratioOfMedians } from "./statistics.ts";
import type { SystemName } from "./system.ts";

export interface OverEtcd {
  readonly perSecond: number;
  readonly p99: number | undefined;
  /** Where it is not this run's etcd that ours is divided by. */
  readonly note: string | undefined;
}

/** `undefined` where one of them was not measured. */
export function overEtcd(
  results: Pick<Results, "machine" | "rows">,
  ours: LoadRow | undefined,
): OverEtcd | undefined {
  const etcd = beside(results.rows, ours, "etcd");
  if (ours === undefined || etcd === undefined) return undefined;
  // The table knows nothing of etcd with a socket for each client.
  const applies = ours.section !== "sockets" && validityOf(results).applies;
  const bare = rowOf(results.rows, "multiplexed", "bare", ours.concurrency);
  const table = applies ? etcdFromTable(etcd, bare) : undefined;
  if (table !== undefined) {
    const { perSecond, p99Ms, note } = table;
    const p99 = p99Ms === undefined ? undefined : ours.p99Ms / p99Ms;
    return { perSecond: ours.perSecond / perSecond, p99, note };
  }
  return {
    perSecond: ratio(ours, etcd, "perSecond"),
    p99: ratio(ours, etcd, "p99Ms"),
    note: undefined,
  };
}

/** Of what the machine can do with the same load; `undefined` where that was not measured. */
export function shareOfBare(
  rows: readonly LoadRow[],
  ours: LoadRow | undefined,
): number | undefined {
  return timesOther(rows, ours, "bare");
}

/** Writes as a multiple of those of one Redis that syncs before it answers, under the same load. */
export function timesRedis(
  rows: readonly LoadRow[],
  ours: LoadRow | undefined,
): number | undefined {
  return timesOther(rows, ours, "redis");
}

function timesOther(
  rows: readonly LoadRow[],
  ours: LoadRow | undefined,
  name: SystemName,
): number | undefined {
  const other = beside(rows, ours, name);
  if (ours === undefined || other === undefined) return undefined;
  return ratio(ours, other, "perSecond");
}

export function rowOf(
  rows: readonly LoadRow[],
  section: LoadSection,
  lane: SystemName,
  concurrency: number,
): LoadRow | undefined {
  return rows.find(
    (row) => row.section === section && row.lane === lane && row.concurrency === concurrency,
  );
}

/** Another system under the same load. */
function beside(
  rows: readonly LoadRow[],
  ours: LoadRow | undefined,
  other: SystemName,
): LoadRow | undefined {
  return rows.find(
    ({ lane, section, concurrency, asked }) =>
      lane === other &&
      section === ours?.section &&
      concurrency === ours.concurrency &&
      asked === ours.asked,
  );
}

function ratio(some: LoadRow, other: LoadRow, what: "perSecond" | "p99Ms"): number {
  return ratioOfMedians(
    some.rounds.map((round) => round[what]),
    other.rounds.map((round) => round[what]),
  );
}
