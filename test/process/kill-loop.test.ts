/**
 * Members die by SIGKILL, again and again, under load: processes, either storage and TCP as in production. No acknowledged write
 * may be missing on any member, and none may be applied twice. What the operating system has taken survives SIGKILL, so
 * this is no test of the fsync; of what happens around it.
 */

import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MEMBER_IDS } from "../../src/cli/local-cluster.ts";
import type { LocalCluster } from "../../src/cli/local-cluster.ts";
import { STORAGE_KINDS } from "../../src/cli/node-options.ts";
import type { StorageKind } from "../../src/cli/node-options.ts";
import { Workload } from "../../src/cli/workload.ts";
import { PATIENCE_MS, QUICK, runningCluster } from "../cli/support.ts";

/** Who dies, in turn; "catching-up" is one that is killed again as soon as it is back. */
const VICTIMS = ["leader", "follower", "leader", "all", "leader", "catching-up"] as const;
const ROUNDS = 15;

/** `SEED=... npx vitest run test/process` repeats the load and the places of the kills, if not the schedule of the machine. */
const seed = Number(process.env["SEED"] ?? randomInt(1_000_000));

let folder: string;
let started: LocalCluster | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quorate-kill-"));
});

afterEach(async () => {
  await started?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

async function leaderOf(cluster: LocalCluster): Promise<string> {
  return (await cluster.leaderAfter(0, PATIENCE_MS)).id;
}

/** Kills in one round, and whom it took, for the next launch. */
async function strike(
  cluster: LocalCluster,
  victim: (typeof VICTIMS)[number],
): Promise<readonly string[]> {
  const leading = await leaderOf(cluster);
  const followers = MEMBER_IDS.filter((id) => id !== leading);
  const dying =
    victim === "all" ? MEMBER_IDS : victim === "leader" ? [leading] : followers.slice(0, 1);
  await Promise.all(dying.map((id) => cluster.kill(id)));
  if (victim !== "catching-up") return dying;
  await Promise.all(dying.map((id) => cluster.launch(id)));
  await Promise.all(dying.map((id) => cluster.kill(id)));
  return dying;
}

/** With small snapshots often: whoever was down long enough is brought back by one. */
async function start(storage: StorageKind): Promise<LocalCluster> {
  const options = [...QUICK, "--snapshot-entries", "5000", "--storage", storage];
  started = await runningCluster(folder, options);
  return started;
}

test.each(STORAGE_KINDS)(
  `SIGKILL under load, with %s, loses no acknowledged write and repeats none (seed ${seed})`,
  async (storage) => {
    const running = await start(storage);
    const load = new Workload({
      endpoints: running.endpoints,
      writersPerClient: 8,
      seed,
      // One client outlasts every outage and sends again what it had in flight, which must not be applied twice; the other
      // gives up before most of them end, so that there are writes of unknown outcome.
      deadlinesMs: [PATIENCE_MS, 700],
    });
    const { ledger } = load;
    const progress = async (): Promise<void> => {
      const more = 100 + ((seed + ledger.count("acknowledged")) % 400);
      await load.untilAcknowledged(ledger.count("acknowledged") + more, PATIENCE_MS);
    };
    let kills = 0;
    running.on("exited", ({ reason }) => {
      if (reason === "SIGKILL") kills += 1;
    });

    load.start();
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await progress();
        const victim = VICTIMS[round % VICTIMS.length] ?? "leader";
        const dead = await strike(running, victim);
        if (victim !== "all") await progress();
        await Promise.all(dead.map((id) => running.launch(id)));
      }
      await progress();
    } finally {
      await load.stop();
    }

    expect(kills).toBeGreaterThanOrEqual(20);
    for (const [id, endpoint] of running.addresses) {
      const state = await load.stateAt(endpoint, PATIENCE_MS);
      expect({ id, problems: ledger.problemsOf(state) }).toEqual({ id, problems: [] });
    }
    process.stdout.write(
      `${storage}, seed ${seed}: ${kills} kills, ${ledger.count("acknowledged")} acknowledged, ` +
        `${ledger.count("unknown")} unknown, ${ledger.count("rejected")} rejected\n`,
    );
  },
  120_000,
);
