/**
 * A process of the bare line: `member.js follower PORT FOLDER`, or `member.js leader PORT FOLDER FOLLOWER_PORT...`. The
 * leader serves clients over TCP, and takes load from within its process.
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { serveJobs, tellParent } from "../load/serve-jobs.ts";
import type { Outcome, Target } from "../load/target.ts";
import { BareDisk } from "./disk.ts";
import { onFrames, pack, unpack, writeFrame } from "./frames.ts";
import { BareLeader } from "./leader.ts";
import type { Origin } from "./leader.ts";

type Operation = readonly [key: string, value: string];

/** `[token, key, value]` or, to read, `[token, key]`. */
type Request = readonly [token: number, key: string, value?: string];

const [role, port = "0", folder = "", ...followerPorts] = process.argv.slice(2);
const disk = await BareDisk.open(folder);

let target: Target | undefined;
const server = createServer({ noDelay: true });
if (role === "follower") {
  server.on("connection", follow);
} else {
  const followers = await Promise.all(followerPorts.map(dial));
  const leader = new BareLeader(disk, followers);
  server.on("connection", (socket) => serve(leader, socket));
  target = embedded(leader);
}
server.listen(Number(port), "127.0.0.1");
await once(server, "listening");
serveJobs(target, () => process.exit(0));
tellParent({ type: "ready" });

async function dial(to: string): Promise<Socket> {
  const socket = connect({ port: Number(to), host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  endWithPeer(socket);
  return socket;
}

/** They are stopped together: whoever is last hears a connection reset. */
function endWithPeer(socket: Socket): void {
  socket.on("error", () => socket.destroy());
}

/** Writes what comes, tells how many batches are on disk, and applies them; what comes during a write is synced as one. */
function follow(socket: Socket): void {
  endWithPeer(socket);
  const map = new Map<string, string>();
  let waiting: Uint8Array[] = [];
  let durable = 0;
  let isWriting = false;
  const drain = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const taken = waiting;
      waiting = [];
      await disk.write(taken);
      durable += taken.length;
      writeFrame(socket, pack(durable));
      for (const batch of taken)
        for (const [key, value] of unpack(batch) as Operation[]) map.set(key, value);
    }
    isWriting = false;
  };
  onFrames(socket, (body) => {
    waiting.push(body);
    if (!isWriting) void drain();
  });
}

function serve(leader: BareLeader, socket: Socket): void {
  const origin: Origin = { settled: (tokens) => writeFrame(socket, pack(tokens)) };
  endWithPeer(socket);
  onFrames(socket, (body) => {
    const read: number[] = [];
    for (const [token, key, value] of unpack(body) as Request[]) {
      if (value !== undefined) leader.put(key, value, origin, token);
      else if (leader.map.get(key) !== "") read.push(token);
    }
    if (read.length > 0) origin.settled(read);
  });
}

function embedded(leader: BareLeader): Target {
  let outcome: Outcome | undefined;
  const origin: Origin = {
    settled: (tokens) => {
      for (const token of tokens) outcome?.done(token);
    },
  };
  return {
    prepare: () => Promise.resolve(),
    put: (token, key, value, to) => {
      outcome = to;
      leader.put(key, value, origin, token);
    },
    get: (token, _key, to) => setImmediate(() => to.done(token)),
  };
}
