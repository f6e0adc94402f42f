/** A system under test: its server processes, and the process that puts load on it. */

import { ownPids } from "./child.ts";
import type { Child } from "./child.ts";
import { diskBytesWritten } from "./disk-probe.ts";
import type { Job } from "./load/job.ts";
import { measuredOf } from "./measured.ts";
import type { Measured, Sample } from "./measured.ts";
import { busyness, usageOf } from "./process-usage.ts";

export interface System {
  readonly name: SystemName;
  measure(job: Job): Promise<Measured>;
  stop(): Promise<void>;
}

/** `quorate` runs on its journal. */
export type SystemName = "quorate" | "quorate on level" | "bare" | "etcd" | "redis";

/** Of the systems under test those that the others are there for. */
export function isOurs(name: SystemName): boolean {
  return name === "quorate" || name === "quorate on level";
}

/** Puts the job on `load` and looks at what the servers, and everybody else, use meanwhile. */
export async function measureWith(
  load: Child,
  serverPids: readonly number[],
  job: Job,
): Promise<Measured> {
  const own = ownPids();
  const sample = (): Sample => ({
    servers: serverPids.map(usageOf),
    load: serverPids.includes(load.pid) ? undefined : usageOf(load.pid),
    machine: busyness(own),
    diskBytes: diskBytesWritten(),
  });
  let begin = sample();
  let end = begin;
  const result = await load.run(job, (moment) => {
    if (moment === "begin") begin = sample();
    else end = sample();
  });
  return measuredOf(result, begin, end);
}
