// A group with a log of many times the memory that this process may use, run by large-log.test.ts in a process of its own:
//   node --max-old-space-size=96 large-log-process.mjs <log|snapshot> <folder> <MiB>
// Two of three members fill the log; then the third starts for the first time. The built code, real disks, a memory network.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MemoryNetwork } from "../../dist/src/transport/memory.js";
import { levelStorage } from "../../dist/src/storage/level.js";
import { RaftNode } from "../../dist/src/node/node.js";
import { systemClock } from "../../dist/src/node/clock.js";
import { silentLogger } from "../../dist/src/node/logger.js";

const [how = "log", folder = "", mebibytes = "64"] = process.argv.slice(2);
const COMMAND_BYTES = 64 * 1024;
const COMMANDS = (Number(mebibytes) * 1024 * 1024) / COMMAND_BYTES;
const AT_ONCE = 64;
const IDS = ["n1", "n2", "n3"];

/** Counts and adds up: small, however many commands there are. Its snapshot has many chunks nevertheless. */
class Counter {
  count = 0;
  sum = 0;
  restored = 0;

  apply(commands) {
    return commands.map(({ payload }) => {
      this.sum += payload[0] + payload[payload.length - 1];
      return (this.count += 1);
    });
  }

  query() {
    return this.count;
  }

  async *snapshot() {
    yield Buffer.from(JSON.stringify([this.count, this.sum]).padEnd(1024));
    for (let chunk = 0; chunk < 128; chunk += 1) yield Buffer.alloc(1024 * 1024, chunk);
  }

  async restore(chunks) {
    let head;
    let bytes = 0;
    for await (const chunk of chunks) {
      head ??= chunk.subarray(0, 1024).toString();
      bytes += chunk.length;
    }
    assert.equal(bytes, 1024 + 128 * 1024 * 1024);
    [this.count, this.sum] = JSON.parse(head);
    this.restored += 1;
  }
}

const network = new MemoryNetwork({ clock: systemClock, logger: silentLogger });
const machines = new Map();

function start(id) {
  const machine = new Counter();
  machines.set(id, machine);
  const never = 2 ** 40;
  return RaftNode.start({
    id,
    members: IDS.map((each) => ({ id: each, address: `${each}:1` })),
    machine,
    // What LevelDB gathers would be most of the memory otherwise: up to twice 64 MiB for each of three.
    storage: levelStorage(join(folder, id), { writeBufferBytes: 16 * 1024 * 1024 }),
    transport: network.transport(`${id}:1`),
    // A machine with much else to do may take seconds for a write, and a leader whose disk is stuck for so long steps down.
    electionTimeoutMs: 6000,
    heartbeatIntervalMs: 200,
    // All three members share the memory that one would have.
    maxTailBytes: 2 * 1024 * 1024,
    maxInflightBytes: 1024 * 1024,
    snapshot:
      how === "log"
        ? { everyEntries: never, everyBytes: never }
        : { everyEntries: Math.floor(COMMANDS / 2), everyBytes: never, keepEntries: 10 },
  });
}

/** Resident bytes of its own: without the pages of files that LevelDB has mapped, which the system may take back. */
function residentBytes() {
  try {
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    return Number(kilobytes) * 1024;
  } catch {
    // Not Linux: nothing tells the two apart.
    return 0;
  }
}

let peakRss = 0;
const gauge = setInterval(() => (peakRss = Math.max(peakRss, residentBytes())), 50);

const nodes = await Promise.all(["n1", "n2"].map(start));
const { id } = await nodes[0].waitForLeader();
const leader = nodes.find((node) => node.id === id);
const fillStart = performance.now();
let proposed = 0;
async function client() {
  while (proposed < COMMANDS) {
    proposed += 1;
    await leader.propose(Buffer.alloc(COMMAND_BYTES, proposed));
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, client));
const { lastIndex } = leader.status();
if (how === "snapshot") {
  // Until the snapshot is on the disk the log would serve.
  while (leader.status().firstIndex === 1) await leader.propose(Buffer.alloc(1));
}

const catchUpStart = performance.now();
const late = await start("n3");
await late.waitForApplied(lastIndex, { signal: AbortSignal.timeout(80_000) });
const end = performance.now();
const [expected, actual] = [machines.get(id), machines.get("n3")];
assert.deepEqual([actual.count, actual.sum], [expected.count, expected.sum]);
assert.ok(actual.count >= COMMANDS);
assert.equal(actual.restored > 0, how === "snapshot");

await Promise.all([...nodes, late].map((node) => node.stop()));
clearInterval(gauge);
process.stdout.write(
  JSON.stringify({
    how,
    logMiB: Number(mebibytes),
    peakRssMiB: Math.round(peakRss / 1024 / 1024),
    fillMs: Math.round(catchUpStart - fillStart),
    catchUpMs: Math.round(end - catchUpStart),
  }),
);
