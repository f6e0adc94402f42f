/**
 * What every `Transport` and `ClientLink` must do, as a list of named checks for any test runner.
 *
 * ```ts
 * for (const { name, run } of transportConformance(harness)) test(name, run);
 * ```
 *
 * The contract allows a transport to lose messages, so a check that waits for one sends it again and again.
 */

import assert from "node:assert/strict";
import type { Entry, Member } from "../core/types.ts";
import { MAX_CHUNK_BYTES } from "../storage/storage.ts";
import type { PeerIdentity, PeerMessage, PeerRefusal } from "../transport/transport.ts";
import type { RaftErrorCode } from "../errors.ts";
import { assertRejects } from "./conformance.ts";
import type { ConformanceCase } from "./conformance.ts";
import { CLIENT_CHECKS } from "./transport-client-checks.ts";
import { command, everyKind, heartbeat, plain, World } from "./transport-world.ts";
import type { NamedCheck, Node, TransportHarness } from "./transport-world.ts";

export type { TransportHarness };

/** The checks; `open` makes a harness for each. They close all that they have opened. */
export function transportConformance(open: () => TransportHarness): readonly ConformanceCase[] {
  return CHECKS.map(([name, check]) => ({
    name,
    async run(): Promise<void> {
      const world = new World(open());
      try {
        await check(world);
      } finally {
        await world.close();
      }
    },
  }));
}

const CHECKS: readonly NamedCheck[] = [
  ["every kind of message arrives as it was sent", everyKindArrives],
  ["what has arrived shares no memory with what was sent", nothingIsShared],
  ["a message is delivered to the member it names and to nobody else", onlyToTheNamed],
  [
    "a message is not delivered to another member that listens where the named one is looked for",
    onlyWhereTheNamedIs,
  ],
  ["what a member says in the name of another is not heard", noOtherName],
  ["an append with a command of 8 MiB arrives whole", largeCommand],
  ["an append with 8 MiB of small entries arrives whole", manyEntries],
  ["a chunk with 128 KiB of a snapshot arrives whole", fullChunk],
  ["an answer reaches a member that the own membership lacks", answersStrangers],
  ["a message to nobody, before the start or after the close, is lost in silence", lostInSilence],
  ["what is too much to be queued is lost in silence", tooMuch],
  ["nothing is delivered once close has been called", nothingAfterClose],
  ["close is idempotent, and its address is free for a successor, who is heard", successor],
  ["an address is not given twice", addressInUse],
  ["a peer that the accepting side refuses is not heard, and learns why", refusedByAcceptor],
  ["a peer that the sending side refuses is not spoken to, and learns why", refusedBySender],
  ["a member of another cluster is refused", otherCluster],
  ["a member that left the membership on both sides is not heard any more", leftMember],
  ...CLIENT_CHECKS,
];

async function everyKindArrives(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  for (const message of everyKind("n1", "n2")) {
    assert.deepEqual(plain(await world.deliver(n1, n2, message)), plain(message));
  }
  for (const message of everyKind("n2", "n1")) {
    assert.deepEqual(plain(await world.deliver(n2, n1, message)), plain(message));
  }
}

async function nothingIsShared(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  const payload = Buffer.from("before");
  const entry = command(1, payload);
  const message: PeerMessage = {
    type: "AppendEntries",
    from: "n1",
    to: "n2",
    term: 2,
    prevLog: { term: 0, index: 0 },
    leaderCommit: 0,
    entries: [entry],
  };
  const received = await world.deliver(n1, n2, message);
  payload.fill("x");
  entry.encoded?.block.fill(0);
  assert(received.type === "AppendEntries");
  const [copy] = received.entries;
  assert(copy?.kind === "command");
  assert.equal(Buffer.from(copy.payload).toString(), "before");

  const other = command(1, Buffer.from("another one"));
  await world.deliver(n1, n2, { ...message, term: 3, entries: [other] });
  assert.equal(Buffer.from(copy.payload).toString(), "before");

  const chunk = everyKind("n1", "n2").find(({ type }) => type === "SnapshotChunk");
  assert(chunk?.type === "SnapshotChunk");
  const first = await world.deliver(n1, n2, { ...chunk, data: Buffer.from("first") });
  await world.deliver(n1, n2, { ...chunk, term: 3, data: Buffer.from("other") });
  assert(first.type === "SnapshotChunk");
  assert.equal(Buffer.from(first.data).toString(), "first");
}

async function onlyToTheNamed(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await world.deliver(n1, n2, heartbeat("n1", "n2", 2));
  await world.deliver(n1, n3, heartbeat("n1", "n3", 3));
  await world.deliver(n2, n1, heartbeat("n2", "n1", 1));
  for (const [at, node] of [n1, n2, n3].entries()) {
    for (const message of node.received) {
      const expected = heartbeat(node === n1 ? "n2" : "n1", node.id, at + 1);
      assert.deepEqual(message, expected);
    }
  }
}

async function onlyWhereTheNamedIs(world: World): Promise<void> {
  const [n1, n2, n3] = [world.node("n1"), world.node("n2"), world.node("n3")];
  for (const node of [n1, n2, n3]) await world.start(node);
  const [own, , wrong] = [n1, n2, n3].map((node) => world.harness.addressOf(node.transport));
  assert(own !== undefined && wrong !== undefined);
  n1.transport.setMembers([memberAt("n1", own), memberAt("n2", wrong)]);
  world.join(n2, n2, n3);
  world.join(n3, n2, n3);
  // For as long as it takes to connect.
  for (let round = 1; round <= 50; round += 1) {
    n1.transport.send(heartbeat("n1", "n2", round));
    await world.deliver(n2, n3, heartbeat("n2", "n3", round));
  }
  // Once n1 has got through to n3, what it had said to n2 would have arrived.
  world.join(n1, n1, n2, n3);
  world.join(n3, n1, n2, n3);
  await world.deliver(n1, n3, { ...heartbeat("n1", "n3"), term: 2 });
  assert.deepEqual(
    n3.received.filter(({ to }) => to !== "n3"),
    [],
  );
}

function memberAt(id: string, address: string): Member {
  return { id, address, storeId: undefined };
}

async function noOtherName(world: World): Promise<void> {
  const [n1, n2] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined);
  for (const round of [1, 2, 3]) {
    await world.deliver(n1, n2, heartbeat("n1", "n2", round));
    n1.transport.send(heartbeat("n3", "n2", 99));
  }
  await world.deliver(n1, n2, heartbeat("n1", "n2", 4));
  assert(n2.received.every(({ from }) => from === "n1"));
}

/** What a message carries at the most: see `Transport.send`. */
const CARRIED_BYTES = 8 * 1024 * 1024;
/** What an entry counts for beside its payload (`sizeOf` in core/log.ts). */
const ENTRY_OVERHEAD_BYTES = 64;

async function largeCommand(world: World): Promise<void> {
  await appendArrives(world, [command(1, Buffer.alloc(CARRIED_BYTES, "large"))]);
}

async function manyEntries(world: World): Promise<void> {
  const count = CARRIED_BYTES / ENTRY_OVERHEAD_BYTES;
  await appendArrives(
    world,
    Array.from({ length: count }, (_, at) => command(at + 1, Buffer.alloc(0))),
  );
}

async function appendArrives(world: World, entries: readonly Entry[]): Promise<void> {
  const [n1, n2] = await world.pair();
  const received = await world.deliverLarge(n1, n2, {
    type: "AppendEntries",
    from: "n1",
    to: "n2",
    term: 2,
    prevLog: { term: 0, index: 0 },
    leaderCommit: 0,
    entries,
  });
  assert(received.type === "AppendEntries");
  assert.equal(received.entries.length, entries.length);
  // One by one: a comparison of the whole takes its time.
  for (const [at, entry] of entries.entries()) {
    const copy = received.entries[at];
    assert(entry.kind === "command" && copy?.kind === "command");
    const isSame =
      copy.index === entry.index &&
      copy.term === entry.term &&
      copy.time === entry.time &&
      Buffer.compare(copy.payload, entry.payload) === 0;
    assert(isSame, `entry ${entry.index} has arrived as another one`);
  }
}

async function fullChunk(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  const message = everyKind("n1", "n2").find(({ type }) => type === "SnapshotChunk");
  assert(message?.type === "SnapshotChunk");
  const data = Buffer.alloc(MAX_CHUNK_BYTES, "chunk");
  const received = await world.deliverLarge(n1, n2, { ...message, data });
  assert(received.type === "SnapshotChunk");
  assert(data.equals(received.data), "the bytes of the chunk have arrived as others");
}

async function answersStrangers(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  await world.start(n1);
  await world.start(n2);
  world.join(n1, n1, n2);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await world.deliver(n2, n1, heartbeat("n2", "n1"));
}

async function lostInSilence(world: World): Promise<void> {
  const late = world.node("n3");
  late.transport.send(heartbeat("n3", "n1"));
  const [n1, n2] = await world.pair();
  n1.transport.send(heartbeat("n1", "nobody"));
  n1.transport.send(heartbeat("n1", "n1"));
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await n1.transport.close();
  n1.transport.send(heartbeat("n1", "n2", 99));
  assert.deepEqual(n1.received, []);
  assert(n2.received.every((message) => message.type === "Heartbeat" && message.round === 1));
}

async function tooMuch(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await n3.transport.close();
  for (let round = 1; round <= 10_000; round += 1) {
    n1.transport.send(heartbeat("n1", "n3", round));
    n1.transport.send(heartbeat("n1", "n2", round));
  }
  await world.deliver(n1, n2, { ...heartbeat("n1", "n2"), term: 2 });
}

async function nothingAfterClose(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  const before = n2.received.length;
  n1.transport.send(heartbeat("n1", "n2"));
  const closed = n2.transport.close();
  n1.transport.send(heartbeat("n1", "n2"));
  await closed;
  await world.deliver(n1, n3, heartbeat("n1", "n3"));
  assert.equal(n2.received.length, before);
}

async function successor(world: World): Promise<void> {
  const [n1, n2] = await world.pair();
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  const address = world.harness.addressOf(n2.transport);
  await Promise.all([n2.transport.close(), n2.transport.close()]);
  await n2.transport.close();

  const heir = world.node("n2", { address });
  await world.start(heir);
  world.join(heir, n1, heir);
  await world.deliver(n1, heir, heartbeat("n1", "n2"));
  await world.deliver(heir, n1, heartbeat("n2", "n1"));
}

async function addressInUse(world: World): Promise<void> {
  const [n1] = await world.pair();
  const rival = world.node("n3", { address: world.harness.addressOf(n1.transport) });
  await assertRejects(world.start(rival), "RAFT_ADDRESS_IN_USE");
}

const WIPED: PeerRefusal = { code: "RAFT_WIPED_MEMBER", reason: "its disk is not the one we know" };

async function refusedByAcceptor(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  const seen: PeerIdentity[] = [];
  n2.admit = (peer) => {
    seen.push(peer);
    return WIPED;
  };
  await world.start(n1);
  await world.start(n2);
  world.join(n1, n1, n2);
  await untilRefused(world, n1, n2, WIPED.code);
  assert.deepEqual(seen[0], { nodeId: "n1", storeId: "store of n1" });
  assert.equal(n1.refusals[0]?.refusal.reason, WIPED.reason);
}

async function refusedBySender(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  n1.admit = () => WIPED;
  await world.start(n1);
  await world.start(n2);
  world.join(n1, n1, n2);
  await world.until(
    "the refusal",
    () => n2.refusals.length > 0,
    () => n1.transport.send(heartbeat("n1", "n2")),
  );
  assert.deepEqual(n2.refusals, [{ peer: "n1", refusal: WIPED }]);
  assert.deepEqual(n2.received, []);
}

async function otherCluster(world: World): Promise<void> {
  const [n1, n2] = [world.node("n1"), world.node("n2")];
  await world.start(n1, "mine");
  await world.start(n2, "yours");
  world.join(n1, n1, n2);
  await untilRefused(world, n1, n2, "RAFT_WRONG_CLUSTER");
}

async function untilRefused(
  world: World,
  from: Node,
  to: Node,
  code: RaftErrorCode,
): Promise<void> {
  await world.until(
    "the refusal",
    () => from.refusals.length > 0,
    () => from.transport.send(heartbeat(from.id, to.id)),
  );
  assert.deepEqual(
    from.refusals.map(({ peer, refusal }) => [peer, refusal.code]),
    [[to.id, code]],
  );
  assert.deepEqual(to.received, []);
}

async function leftMember(world: World): Promise<void> {
  const [n1, n2, n3] = await world.nodes("n1", "n2", "n3");
  assert(n1 !== undefined && n2 !== undefined && n3 !== undefined);
  await world.deliver(n1, n2, heartbeat("n1", "n2"));
  await world.deliver(n2, n1, heartbeat("n2", "n1"));
  world.join(n1, n1, n3);
  world.join(n2, n2, n3);
  // Once n1 has spoken to n3 over and over, what it had said to n2 would have arrived.
  for (let round = 2; round < 5; round += 1) {
    n1.transport.send(heartbeat("n1", "n2", 99));
    await world.deliver(n1, n3, heartbeat("n1", "n3", round));
    await world.deliver(n2, n3, heartbeat("n2", "n3", round));
  }
  const before = n2.received.length;
  n1.transport.send(heartbeat("n1", "n2", 99));
  await world.deliver(n1, n3, heartbeat("n1", "n3", 5));
  assert.equal(n2.received.length, before);
}
