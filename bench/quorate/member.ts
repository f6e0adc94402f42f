/**
 * One member of the cluster under test, in a process of its own: `member.js ID ADDRESS FOLDER PEERS(JSON) store|map`.
 * A `store` serves clients over TCP; a `map` takes its load from within the process of the leader.
 */

import { kvStore } from "../../src/kv/store.ts";
import { systemClock } from "../../src/node/clock.ts";
import { silentLogger } from "../../src/node/logger.ts";
import { RaftNode } from "../../src/node/node.ts";
import { levelStorage } from "../../src/storage/level.ts";
import { TcpTransport } from "../../src/transport/tcp.ts";
import { serveJobs, tellParent } from "../load/serve-jobs.ts";
import { EmbeddedTarget } from "./embedded-target.ts";
import { MapMachine } from "./map-machine.ts";

const [id = "", address = "", folder = "", peers = "{}", machine = "store"] = process.argv.slice(2);
const members = Object.entries(JSON.parse(peers) as Record<string, string>).map(([peer, at]) => ({
  id: peer,
  address: at,
}));
const options = {
  id,
  members,
  storage: levelStorage(folder),
  transport: new TcpTransport({
    listen: address,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  }),
};

let node: RaftNode<unknown, never>;
if (machine === "map") {
  const embedded = await RaftNode.start({ ...options, machine: new MapMachine() });
  serveJobs(new EmbeddedTarget(embedded));
  node = embedded as unknown as typeof node;
} else {
  node = (await RaftNode.start({ ...options, ...kvStore() })) as unknown as typeof node;
}
node.on("role", ({ role }) => tellParent({ type: "role", role }));
tellParent({ type: "ready" });
process.on("disconnect", () => {
  void node.stop().then(() => process.exit(0));
});
