/** One member of the cluster under test, in a process of its own: `member.js ID ADDRESS FOLDER PEERS(JSON)`. */

import { levelStorage } from "../src/storage/level.ts";
import { kvStore } from "../src/kv/store.ts";
import { systemClock } from "../src/node/clock.ts";
import { silentLogger } from "../src/node/logger.ts";
import { RaftNode } from "../src/node/node.ts";
import { TcpTransport } from "../src/transport/tcp.ts";

const [id = "", address = "", folder = "", peers = "{}"] = process.argv.slice(2);
const members = Object.entries(JSON.parse(peers) as Record<string, string>).map(([peer, at]) => ({
  id: peer,
  address: at,
}));

const node = await RaftNode.start({
  id,
  members,
  storage: levelStorage(folder),
  transport: new TcpTransport({
    listen: address,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  }),
  ...kvStore(),
});
process.send?.({ ready: id });

process.on("message", (request) => {
  if (request !== "usage") return;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, rssBytes: process.memoryUsage.rss() });
});
process.on("disconnect", () => {
  void node.stop().then(() => process.exit(0));
});
