/** One member of the cluster under test, in a process of its own: `member.js OPTIONS(JSON)`, those of `MemberOptions`. */

import { kvStore } from "../../src/kv/store.ts";
import { systemClock } from "../../src/node/clock.ts";
import { silentLogger } from "../../src/node/logger.ts";
import { RaftNode } from "../../src/node/node.ts";
import { TcpTransport } from "../../src/transport/tcp.ts";
import { serveJobs, tellParent } from "../load/serve-jobs.ts";
import type { Target } from "../load/target.ts";
import type { MemberOptions } from "./cluster.ts";
import { EmbeddedTarget } from "./embedded-target.ts";
import { MapMachine } from "./map-machine.ts";
import { STORAGES } from "./storages.ts";

interface Arguments extends MemberOptions {
  readonly id: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly folder: string;
}

const { id, peers, folder, machine, storage, snapshots } = JSON.parse(
  process.argv[2] ?? "{}",
) as Arguments;
const never = 2 ** 50;
const options = {
  id,
  members: Object.entries(peers).map(([peer, address]) => ({ id: peer, address })),
  storage: STORAGES[storage](folder),
  transport: new TcpTransport({
    listen: peers[id] ?? "",
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  }),
  ...(snapshots === false ? { snapshot: { everyEntries: never, everyBytes: never } } : {}),
};

/** As far as this file uses it. */
type Member = Pick<RaftNode, "on" | "state" | "stop" | "waitForApplied">;

const startedAt = performance.now();
let node: Member;
let target: Target | undefined;
if (machine === "map") {
  const embedded = await RaftNode.start({ ...options, machine: new MapMachine() });
  target = new EmbeddedTarget(embedded);
  node = embedded;
} else {
  node = await RaftNode.start({ ...options, ...kvStore() });
}
const openMs = performance.now() - startedAt;
const { lastIndex } = node.state.log;
node.on("role", ({ role }) => tellParent({ type: "role", role }));
node.on("stopped", (failure) => {
  if (failure !== undefined) throw failure;
});
serveJobs(target, () => void node.stop().then(() => process.exit(0)));
tellParent({ type: "ready", openMs });
await node.waitForApplied(lastIndex);
tellParent({ type: "applied", index: lastIndex, afterMs: performance.now() - startedAt });
