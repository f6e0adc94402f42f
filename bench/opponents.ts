/** What a user would pick instead, where it is installed; and in words why not, where it is not. */

import { prepareEtcd } from "./etcd/cluster.ts";
import type { EtcdTools } from "./etcd/cluster.ts";
import { SYSTEMS } from "./plan.ts";
import { prepareRedis } from "./redis/server.ts";
import type { RedisTools } from "./redis/server.ts";
import { isLoad } from "./results.ts";
import type { Section } from "./results.ts";

type OpponentName = "etcd" | "redis";

export interface Opponents {
  readonly etcd?: EtcdTools;
  readonly redis?: RedisTools;
  /** Of those that the sections ask for. */
  readonly absent: Readonly<Partial<Record<OpponentName, string>>>;
}

export async function prepareOpponents(
  sections: readonly Section[],
  progress: (what: string) => void,
): Promise<Opponents> {
  const wants = (name: OpponentName): boolean =>
    sections.some((section) => isLoad(section) && SYSTEMS[section].includes(name));
  if (wants("etcd")) progress("building the load program for etcd");
  const etcd = wants("etcd") ? await prepareEtcd() : undefined;
  const redis = wants("redis") ? await prepareRedis() : undefined;
  return {
    ...(typeof etcd === "object" ? { etcd } : {}),
    ...(typeof redis === "object" ? { redis } : {}),
    absent: {
      ...(typeof etcd === "string" ? { etcd } : {}),
      ...(typeof redis === "string" ? { redis } : {}),
    },
  };
}
