/** `quorate start`: a cluster of three processes on this machine, until Ctrl-C. */

import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isRaftError, RaftError } from "../errors.ts";
import { integer, oneOf, parse, required } from "./arguments.ts";
import { describeFailure, Failure } from "./failures.ts";
import { DEFAULT_BASE_PORT } from "./help.ts";
import { LocalCluster, MEMBER_IDS } from "./local-cluster.ts";
import type { MemberExit } from "./member-process.ts";
import { STORAGE_KINDS } from "./node-options.ts";
import { programPath } from "./program.ts";
import { watchSignals } from "./signals.ts";
import { print, style, table } from "./terminal.ts";

/** So that one that dies again and again does not keep the machine busy, and people see what happens. */
const RESTART_DELAY_MS = 1000;

export async function start(args: readonly string[]): Promise<number> {
  const { values } = parse({
    args: [...args],
    options: {
      data: { type: "string", default: "data" },
      "base-port": { type: "string" },
      storage: { type: "string" },
      verbose: { type: "boolean", default: false },
      "election-timeout": { type: "string" },
      heartbeat: { type: "string" },
    },
  });
  const basePort =
    integer("base-port", values["base-port"], { min: 1, max: 65_533 }) ?? DEFAULT_BASE_PORT;
  const folder = resolve(required("data", values.data));
  oneOf("storage", values.storage, STORAGE_KINDS);
  const options = (["storage", "election-timeout", "heartbeat"] as const).flatMap((option) => {
    const text = values[option];
    return text === undefined ? [] : [`--${option}`, text];
  });
  const cluster = new LocalCluster({
    folder,
    basePort,
    nodeArguments: options,
    program: programPath(),
  });
  if (values.verbose) cluster.on("log", (line) => process.stderr.write(`${line}\n`));

  const stop = watchSignals(["SIGINT", "SIGTERM", "SIGHUP"]);
  try {
    await run(cluster, folder, basePort, stop.signal);
    return 0;
  } catch (error) {
    if (!isRaftError(error, "RAFT_ADDRESS_IN_USE")) throw error;
    throw new RaftError(error.code, `${error.message}: --base-port takes other ports`);
  } finally {
    await cluster.stop();
    stop.dispose();
  }
}

async function run(
  cluster: LocalCluster,
  folder: string,
  basePort: number,
  stop: AbortSignal,
): Promise<void> {
  // One may have ended while another was still on its way up.
  const early: MemberExit[] = [];
  const onEarlyExit = (exit: MemberExit): void => void early.push(exit);
  cluster.on("exited", onEarlyExit);
  await cluster.start(stop).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
  cluster.off("exited", onEarlyExit);
  if (stop.aborted) return;
  introduce(cluster, folder);
  let explained = false;
  const onLeader = ({ id, term }: { readonly id: string; readonly term: number }): void => {
    print(`${style("green", `${id} leads`)} (term ${term}).`);
    if (!explained) explain(basePort, cluster.pidOf(id));
    explained = true;
  };
  cluster.on("leader", onLeader);
  if (cluster.leadership !== undefined) onLeader(cluster.leadership);

  await keepUp(cluster, early, stop);
  if (!stop.aborted) throw new Failure("All members are down.");
  print("Stopping.");
  await cluster.stop();
  print("All members have stopped; the data stays.");
}

/** Restarts who was killed, `early` or later, until `stop`, or until nobody is left who would be restarted. */
async function keepUp(
  cluster: LocalCluster,
  early: readonly MemberExit[],
  stop: AbortSignal,
): Promise<void> {
  const down = new Set<string>();
  await new Promise<void>((done) => {
    const onExit = (exit: MemberExit): void => {
      const { id, reason, failure } = exit;
      if (stop.aborted) return;
      if (typeof reason === "number") {
        const why = failure === undefined ? `it ended with ${reason}` : describeFailure(failure);
        print(style("red", `${id} stays down: ${why}. Ctrl-C and start again to try once more.`));
        down.add(id);
        if (down.size === MEMBER_IDS.length) done();
        return;
      }
      print(style("yellow", `${id} was killed (${reason}); it is started again.`));
      // Where it does not come up, its exit says so, and whether another attempt makes sense.
      restart(cluster, id, stop).catch(() => undefined);
    };
    cluster.on("exited", onExit);
    stop.addEventListener("abort", () => done(), { once: true });
    if (stop.aborted) done();
    for (const exit of early) onExit(exit);
  });
}

async function restart(cluster: LocalCluster, id: string, stop: AbortSignal): Promise<void> {
  await delay(RESTART_DELAY_MS);
  if (stop.aborted) return;
  await cluster.launch(id);
  print(`${id} is back (pid ${cluster.pidOf(id)}).`);
}

function introduce(cluster: LocalCluster, folder: string): void {
  print(`A cluster of three processes on this machine, with its data in ${folder}\n`);
  const rows = [...cluster.addresses].map(([id, at]) => {
    const pid = cluster.pidOf(id);
    return [`  ${id}`, at, pid === undefined ? "has ended" : `pid ${pid}`];
  });
  print(`${table(rows)}\n`);
}

function explain(basePort: number, leader: number | undefined): void {
  const endpoints =
    basePort === DEFAULT_BASE_PORT
      ? ""
      : ` --endpoints ${MEMBER_IDS.map((_, offset) => `127.0.0.1:${basePort + offset}`).join(",")}`;
  print(`
In another terminal:

  npx quorate status${endpoints}
  npx quorate kv put greeting hello${endpoints}
  npx quorate kv get greeting${endpoints}
  kill -9 ${leader}     # the leader: another one takes over, and it comes back

Ctrl-C stops the cluster. Started again, it carries on.
`);
}
