/**
 * What was measured on the reference machine (two cores, a disk whose `fdatasync` takes a tenth of a millisecond, quiet):
 * what a run there is held against, so that a slow day does not pass for a fast library.
 */

import type { LoadRow, LoadSection, Machine, Results } from "./results.ts";

interface Reference {
  readonly concurrency: number;
  readonly perSecond: number;
  readonly p99Ms: number | undefined;
}

const row = (concurrency: number, perSecond: number, p99Ms?: number): Reference => ({
  concurrency,
  perSecond,
  p99Ms,
});

/** etcd at its leader, three members. */
const REFERENCE_ETCD: readonly Reference[] = [
  row(1, 1100, 1.6),
  row(64, 7200, 20),
  row(256, 11_200, 51),
  row(1000, 13_700, 126),
];

const REFERENCE_ETCD_READS: readonly Reference[] = [row(1, 2100), row(256, 13_700)];

const REFERENCE_BARE: Readonly<Partial<Record<LoadSection, readonly Reference[]>>> = {
  multiplexed: [
    row(1, 1700, 1.7),
    row(64, 40_000, 7.5),
    row(256, 94_000, 12),
    row(1000, 161_000, 19),
  ],
  sockets: [row(1, 1700), row(64, 23_000, 9), row(256, 35_000, 19), row(1000, 41_000, 56)],
  embedded: [row(1, 2000), row(64, 66_000), row(256, 132_000), row(1000, 190_000)],
};

/** Below this share of the table something is wrong with the run. */
const LEAST_SHARE = 0.8;

function isReferenceMachine({ cpu, cores }: Machine): boolean {
  return cores === 2 && cpu.startsWith("Intel(R) Xeon(R) Processor");
}

export interface Validity {
  /** Whether the table says anything about this machine. */
  readonly applies: boolean;
  /** How many figures of the bare line it has an opinion on. */
  readonly compared: number;
  /** Where the bare line is too far below the table: any, and the run is void. */
  readonly shortfalls: readonly string[];
}

export function validityOf({ machine, rows }: Pick<Results, "machine" | "rows">): Validity {
  if (!isReferenceMachine(machine)) return { applies: false, compared: 0, shortfalls: [] };
  const shares = rows
    .filter(({ lane }) => lane === "bare")
    .flatMap(({ section, concurrency, perSecond }) => {
      const reference = find(REFERENCE_BARE[section], concurrency);
      if (reference === undefined) return [];
      return [{ what: `${section} at ${concurrency}`, share: perSecond / reference.perSecond }];
    });
  const shortfalls = shares
    .filter(({ share }) => share < LEAST_SHARE)
    .map(({ what, share }) => `${what}: ${share.toFixed(2)} of the table`);
  return { applies: true, compared: shares.length, shortfalls };
}

/** What etcd is to be taken for where its load did not drive it as far as the table says that it goes. */
export interface EtcdFromTable {
  readonly perSecond: number;
  readonly p99Ms: number | undefined;
  readonly note: string;
}

/**
 * Where the load cannot drive etcd to 0.8 of the table, etcd is not to pay for it: then its figure is the table's, times
 * this run's bare line over the table's. `undefined` where its own figure is to be taken, also because it is better.
 */
export function etcdFromTable(etcd: LoadRow, bare: LoadRow | undefined): EtcdFromTable | undefined {
  const table = find(
    etcd.section === "reads" ? REFERENCE_ETCD_READS : REFERENCE_ETCD,
    etcd.concurrency,
  );
  if (table === undefined || etcd.perSecond >= LEAST_SHARE * table.perSecond) return undefined;
  const bareTable = find(REFERENCE_BARE.multiplexed, etcd.concurrency);
  const isScaled = bare !== undefined && bareTable !== undefined;
  const scale = isScaled ? bare.perSecond / bareTable.perSecond : 1;
  const perSecond = table.perSecond * scale;
  if (perSecond <= etcd.perSecond) return undefined;
  const own = etcd.p99Ms > 0 ? etcd.p99Ms : Infinity;
  return {
    perSecond,
    // In a closed loop the latency is the inverse of the throughput. Where etcd's own is less, that is what it can do.
    p99Ms: table.p99Ms === undefined ? undefined : Math.min(table.p99Ms / scale, own),
    note: `etcd as in the table${isScaled ? ", scaled by the bare line" : ""}`,
  };
}

function find(table: readonly Reference[] | undefined, concurrency: number): Reference | undefined {
  return table?.find((each) => each.concurrency === concurrency);
}
