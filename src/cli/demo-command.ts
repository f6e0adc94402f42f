/**
 * `quorate demo`: kills the leader of a cluster of three processes while it is written to, and checks that nothing that
 * was acknowledged is lost.
 */

import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isRaftError, RaftError } from "../errors.ts";
import { systemClock } from "../node/clock.ts";
import { integer, oneOf, parse } from "./arguments.ts";
import { Failure } from "./failures.ts";
import { LocalCluster, MEMBER_IDS } from "./local-cluster.ts";
import type { Leadership } from "./local-cluster.ts";
import { STORAGE_KINDS } from "./node-options.ts";
import type { StorageKind } from "./node-options.ts";
import { freeBasePort } from "./ports.ts";
import { programPath } from "./program.ts";
import { systemRandom } from "../random.ts";
import { watchSignals } from "./signals.ts";
import { count, counted, print, style, table } from "./terminal.ts";
import { Workload } from "./workload.ts";

const CLIENTS = 4;
const WRITERS_PER_CLIENT = 16;

/** For everything that should take a second: a busy machine may take its time, a stuck demo may not. */
const PATIENCE_MS = 30_000;

/** A port that was free may be taken by the time that a member wants it. */
const START_ATTEMPTS = 5;

export async function demo(args: readonly string[]): Promise<number> {
  const { values } = parse({
    args: [...args],
    options: {
      seed: { type: "string" },
      seconds: { type: "string" },
      storage: { type: "string" },
    },
  });
  const seed = integer("seed", values.seed, { min: 0, max: 2 ** 32 }) ?? randomInt(1_000_000);
  const seconds = integer("seconds", values.seconds, { min: 1, max: 3600 }) ?? 3;
  const storage = oneOf("storage", values.storage, STORAGE_KINDS) ?? STORAGE_KINDS[0];
  const stop = watchSignals(["SIGINT", "SIGTERM", "SIGHUP"]);
  const folder = await mkdtemp(join(tmpdir(), "quorate-demo-"));
  let cluster: LocalCluster | undefined;
  try {
    print(`${style("bold", "quorate demo")}, seed ${seed}\n`);
    cluster = await startCluster(folder, storage, stop.signal);
    await perform(cluster, { seed, phaseMs: seconds * 1000, stop: stop.signal });
    return 0;
  } catch (error) {
    if (stop.signal.aborted) throw new Failure("The demo was interrupted.");
    throw error;
  } finally {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
    stop.dispose();
  }
}

async function startCluster(
  folder: string,
  storage: StorageKind,
  stop: AbortSignal,
): Promise<LocalCluster> {
  for (let attempt = 1; ; attempt += 1) {
    const basePort = await freeBasePort(MEMBER_IDS.length, systemRandom);
    const cluster = new LocalCluster({
      folder: join(folder, String(attempt)),
      basePort,
      nodeArguments: ["--storage", storage],
      program: programPath(),
    });
    try {
      await cluster.start(stop);
      print(`Three processes, ${cluster.endpoints.join(", ")}, with their data in ${folder}`);
      return cluster;
    } catch (error) {
      if (attempt === START_ATTEMPTS || !isRaftError(error, "RAFT_ADDRESS_IN_USE")) throw error;
    }
  }
}

interface Direction {
  readonly seed: number;
  readonly phaseMs: number;
  readonly stop: AbortSignal;
}

async function perform(cluster: LocalCluster, { seed, phaseMs, stop }: Direction): Promise<void> {
  const first = await cluster.leaderAfter(0, PATIENCE_MS);
  print(`${first.id} leads (term ${first.term}).\n`);
  const load = new Workload({
    endpoints: cluster.endpoints,
    writersPerClient: WRITERS_PER_CLIENT,
    seed,
    deadlinesMs: Array.from({ length: CLIENTS }, () => PATIENCE_MS),
  });
  try {
    load.start();
    await phase(load, "all three members", phaseMs, stop);
    // On a machine with much else to do it may be another one by now.
    const leader = await cluster.leaderAfter(0, PATIENCE_MS);
    await killLeader(cluster, leader, load);
    await phase(load, "two of three members", phaseMs, stop);
    await bringBack(cluster, leader, load);
    await phase(load, "all three members again", phaseMs, stop);
  } finally {
    await load.stop();
  }
  await check(cluster, load);
}

/** Lets the load run for a while, and shows how far it is. */
async function phase(
  load: Workload,
  who: string,
  durationMs: number,
  stop: AbortSignal,
): Promise<void> {
  const { ledger } = load;
  const before = ledger.count("acknowledged");
  const begun = systemClock.now();
  const line = (): string => {
    const written = ledger.count("acknowledged") - before;
    const perSecond = (written / (systemClock.now() - begun)) * 1000;
    return `Writing to ${who}: ${counted(written, "acknowledged write")}, ${count(perSecond)} a second`;
  };
  const { isTTY } = process.stdout;
  const ticker = isTTY ? setInterval(() => process.stdout.write(`\r${line()} `), 100) : undefined;
  try {
    await delay(durationMs, undefined, { signal: stop });
  } finally {
    clearInterval(ticker);
    print(`${isTTY ? "\r" : ""}${line()}.`);
  }
}

/** Until another member leads and a write is acknowledged again. */
async function killLeader(
  cluster: LocalCluster,
  leader: Leadership,
  load: Workload,
): Promise<void> {
  const { ledger } = load;
  load.restartGap();
  const pid = cluster.pidOf(leader.id);
  await cluster.kill(leader.id);
  print(
    `\n${style("red", `SIGKILL to ${leader.id}`)}, the leader (pid ${pid}), in the middle of it.`,
  );
  const next = await cluster.leaderAfter(leader.term, PATIENCE_MS);
  const atElection = ledger.count("acknowledged");
  await load.untilAcknowledged(atElection + 1, PATIENCE_MS);
  const outageMs = load.longestGapMs;
  print(
    `${style("green", `${next.id} leads`)} (term ${next.term}). No write was acknowledged for ${count(outageMs)} ms.\n`,
  );
}

async function bringBack(cluster: LocalCluster, { id }: Leadership, load: Workload): Promise<void> {
  const begun = systemClock.now();
  await cluster.launch(id);
  await load.caughtUp(cluster.addresses.get(id) ?? "", PATIENCE_MS);
  const tookMs = systemClock.now() - begun;
  print(`\n${id} is started again, and has caught up after ${count(tookMs)} ms.\n`);
}

/** Every member by itself. Rejects where a write is missing, doubled or made up. */
async function check(cluster: LocalCluster, load: Workload): Promise<void> {
  const { ledger } = load;
  const acknowledged = ledger.count("acknowledged");
  print("\nThe load has stopped. What each member has on its own:\n");
  const problems: string[] = [];
  const rows: string[][] = [];
  for (const [id, address] of cluster.addresses) {
    const state = await load.stateAt(address, PATIENCE_MS);
    const found = ledger.problemsOf(state);
    problems.push(...found.map((problem) => `${id}: ${problem}`));
    rows.push([
      `  ${id}`,
      counted(state.size, "key"),
      found.length === 0
        ? style("green", `all ${count(acknowledged)} acknowledged writes, each once`)
        : style("red", `${counted(found.length, "problem")}, the first: ${found[0]}`),
    ]);
  }
  print(table(rows));
  const unknown = ledger.count("unknown");
  print(`\n${counted(acknowledged, "acknowledged write")}, ${unknown} of unknown outcome.`);
  if (problems.length > 0) {
    throw new RaftError("RAFT_INTERNAL", `${problems.length} problems: ${problems[0]}`);
  }
  print(style("green", "Nothing is lost, nothing was done twice."));
}
