/**
 * Section `failover`: how long there is no leader that takes writes, from the SIGKILL of the one that led until the next
 * write of a client is acknowledged. The member that was killed starts again before the next trial.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { defaultRaftOptions } from "../../src/core/index.ts";
import { KvClient } from "../../src/kv/client.ts";
import { TcpClientLink } from "../../src/transport/tcp.ts";
import type { Child } from "../child.ts";
import { QuorateCluster } from "../quorate/cluster.ts";

export interface FailoverRow {
  /** From the kill until another member called itself the leader, for each trial. */
  readonly electedMs: readonly number[];
  /** From the kill until a write that was sent after it was acknowledged. */
  readonly writableMs: readonly number[];
  /** The minimum: a member waits for this to twice this, at random. */
  readonly electionTimeoutMs: number;
}

const { electionTimeoutMs, heartbeatIntervalMs } = defaultRaftOptions;

/** Tries again sooner than a client would by default, so as to see the moment. */
const RETRY = { retryBaseMs: 2, retryMaxMs: 10 };

export async function measureFailover(
  kills: number,
  onTrial: (trial: number, writableMs: number) => void,
): Promise<FailoverRow> {
  const cluster = await QuorateCluster.start(3, { machine: "store", storage: "journal" });
  const link = new TcpClientLink();
  const client = KvClient.connect({ endpoints: cluster.endpoints, link, ...RETRY });
  const electedMs: number[] = [];
  const writableMs: number[] = [];
  try {
    for (let trial = 0; trial < kills; trial += 1) {
      const times = await kill(cluster, client);
      electedMs.push(times.electedMs);
      writableMs.push(times.writableMs);
      onTrial(trial, times.writableMs);
    }
  } finally {
    await client.close();
    await cluster.stop();
  }
  return { electedMs, writableMs, electionTimeoutMs };
}

async function kill(
  cluster: QuorateCluster,
  client: KvClient,
): Promise<{ electedMs: number; writableMs: number }> {
  const leader = await cluster.leader();
  const [id = ""] = [...cluster.members].find(([, member]) => member === leader) ?? [];
  await client.put("trial", "before");
  // At any moment between two heartbeats.
  await sleep(Math.random() * heartbeatIntervalMs);

  cluster.members.delete(id);
  const killedAt = performance.now();
  const gone = leader.kill();
  const elected = untilNextLeader([...cluster.members.values()]);
  await client.put("trial", "after");
  const writableMs = performance.now() - killedAt;
  const electedMs = (await elected) - killedAt;
  await gone;

  const again = await cluster.launch(id);
  await again.untilApplied();
  // It follows, and everybody has heard a heartbeat or two.
  await sleep(4 * heartbeatIntervalMs);
  return { electedMs, writableMs };
}

async function untilNextLeader(members: readonly Child[]): Promise<number> {
  await Promise.race(members.map((member) => member.untilLeader()));
  return performance.now();
}
