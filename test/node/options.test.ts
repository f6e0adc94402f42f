/** What a node refuses to start with: by name and value, before anything is opened. */

import { describe, expect, test } from "vitest";
import { silentLogger } from "../../src/node/logger.ts";
import { RaftNode } from "../../src/node/node.ts";
import { settingsOf } from "../../src/node/options.ts";
import type { NodeOptions } from "../../src/node/options.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { MemoryNetwork } from "../../src/transport/memory.ts";
import { Cluster } from "../support/cluster.ts";
import { Journal } from "../support/journal.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

type Options = NodeOptions<number, undefined, readonly string[]>;

function withOptions(changes: Partial<Options>): () => unknown {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock, logger: silentLogger });
  const options: Options = {
    id: "n1",
    members: ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:1` })),
    machine: new Journal(),
    storage: memoryStorage(),
    transport: network.transport("n1:1"),
    clock,
    ...changes,
  };
  return () => settingsOf(options);
}

const A = { id: "n1", address: "n1:1" };

const REFUSED: readonly (readonly [changes: Partial<Options>, ...mentions: string[]])[] = [
  [{ id: "n9" }, "id", '"n9"'],
  [{ id: "" }, "id", '""'],
  [{ id: "x".repeat(65), members: [{ id: "x".repeat(65), address: "x" }] }, "id", "64"],
  [{ members: [] }, "members"],
  [{ members: [A, { id: "n1", address: "other:1" }] }, "members", '"n1"'],
  [{ members: [A, { id: "n2", address: "n1:1" }] }, "members", '"n1:1"'],
  [{ members: [A, { id: "", address: "n2:1" }] }, "id", '""'],
  [{ members: [A, { id: "n2", address: "" }] }, "address", '""'],
  [{ members: [A, { id: "n2", address: "n2:99999" }] }, "address", '"n2:99999"'],
  [{ members: [A, { id: "n2", address: "n 2:1" }] }, "address", '"n 2:1"'],
  [{ clusterId: "" }, "clusterId", '""'],
  [{ clusterId: "c".repeat(65) }, "clusterId"],
  [{ electionTimeoutMs: 0 }, "electionTimeoutMs", "0"],
  [{ electionTimeoutMs: Number.NaN }, "electionTimeoutMs", "NaN"],
  [
    { electionTimeoutMs: 100, heartbeatIntervalMs: 50 },
    "electionTimeoutMs (100)",
    "heartbeatIntervalMs (50)",
  ],
  [{ heartbeatIntervalMs: -5 }, "heartbeatIntervalMs", "-5"],
  [{ electionTimeoutMs: 2 ** 31 }, "electionTimeoutMs", String(2 ** 31)],
  [{ maxAppendBytes: 0 }, "maxAppendBytes", "0"],
  [{ maxAppendBytes: 2 ** 24 }, "maxAppendBytes", String(2 ** 24), String(2 ** 23)],
  [{ maxInflightAppends: 0 }, "maxInflightAppends", "0"],
  [{ maxInflightAppends: 1.5 }, "maxInflightAppends", "1.5"],
  [{ maxInflightBytes: Infinity }, "maxInflightBytes", "Infinity"],
  [{ maxUncommittedBytes: 0 }, "maxUncommittedBytes"],
  [{ maxTailBytes: -1 }, "maxTailBytes", "-1"],
  [{ maxApplyBytes: 0 }, "maxApplyBytes", "0"],
  [{ maxPendingReads: 0 }, "maxPendingReads", "0"],
  [{ maxPendingReads: 0.5 }, "maxPendingReads", "0.5"],
  [{ maxWritesInFlight: 0 }, "maxWritesInFlight", "0"],
  [{ maxWritesInFlight: 1.5 }, "maxWritesInFlight", "1.5"],
  [{ snapshot: { everyEntries: 0 } }, "snapshot.everyEntries", "0"],
  [{ snapshot: { everyBytes: 0 } }, "snapshot.everyBytes", "0"],
  [{ snapshot: { keepEntries: -1 } }, "snapshot.keepEntries", "-1"],
  [{ snapshot: { keepBytes: 0.5 } }, "snapshot.keepBytes", "0.5"],
  [{ inbox: { maxProposals: 0 } }, "inbox.maxProposals", "0"],
  [{ inbox: { maxMessageBytes: 1.5 } }, "inbox.maxMessageBytes", "1.5"],
  [{ inbox: { maxCommandBytes: Number.NaN } }, "inbox.maxCommandBytes", "NaN"],
  [{ inbox: { maxCommandBytes: 2 ** 24 } }, "inbox.maxCommandBytes", String(2 ** 24)],
];

/** What a type checker would have told. */
const MALFORMED: readonly (readonly [changes: object, ...mentions: string[]])[] = [
  [{ members: undefined }, "members must be a list", "undefined"],
  [{ members: { n1: "n1:1" } }, "members must be a list", "{ n1: 'n1:1' }"],
  [{ members: ["n1"] }, "members[0] must be { id, address }", '"n1"'],
  [{ members: [A, null] }, "members[1] must be { id, address }", "null"],
  [{ members: [{ id: 5n, address: "n1:1" }] }, "a member's id must be", "5n"],
  [{ members: [{ id: "n1", address: 7n }] }, "a member's address must be host:port", "7n"],
  [{ electionTimeout: 500 }, "electionTimeout is not an option: there are id, members"],
  [{ electionTimeoutMs: "500" }, "electionTimeoutMs"],
  [{ clusterId: 7 }, "clusterId", "7"],
  [{ snapshot: "often" }, "snapshot must be an object", '"often"'],
  [{ snapshot: { everyEntry: 5 } }, "snapshot.everyEntry is not an option"],
  [{ snapshot: { everyEntries: "5" } }, "snapshot.everyEntries", '"5"'],
  [{ inbox: null }, "inbox must be an object", "null"],
  [{ machine: undefined }, "machine is missing"],
  [{ machine: Journal }, "machine must have the methods apply, query", "Journal"],
  [{ machine: { apply() {}, query() {}, snapshot() {} } }, "machine", "lacks restore"],
  [{ storage: "data" }, "storage must have the methods open", '"data" lacks'],
  [{ transport: undefined }, "transport is missing"],
  [{ clock: Date }, "clock must have the methods now, setTimer, defer, soon", "Date"],
  [{ logger: (): void => {} }, "logger must have the methods info, warn, error"],
  [{ clients: {} }, "clients must be a function", "{}"],
  [{ random: 4 }, "random must be a function", "4"],
];

describe("RAFT_INVALID_OPTION names the option and its value", () => {
  test.each(REFUSED.map(([changes, ...mentions]) => ({ changes, mentions })))(
    "$mentions",
    ({ changes, mentions }) => {
      const start = withOptions(changes);
      expect(start).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
      for (const mention of mentions) expect(start).toThrow(mention);
    },
  );

  test.each(MALFORMED.map(([changes, ...mentions]) => ({ changes, mentions })))(
    "from plain JavaScript: $mentions",
    ({ changes, mentions }) => {
      const start = withOptions(changes);
      expect(start).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
      for (const mention of mentions) expect(start).toThrow(mention);
    },
  );

  test("nothing at all, or something else, instead of options", () => {
    for (const options of [undefined, null, "n1", {}]) {
      const start = (): unknown => settingsOf(options as Options);
      expect(start).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
    }
  });

  test("all that is wrong is said at once", () => {
    const start = withOptions({ id: "n9", maxTailBytes: 0, snapshot: { keepBytes: -1 } });
    for (const mention of ["n9", "maxTailBytes", "snapshot.keepBytes"])
      expect(start).toThrow(mention);
  });
});

test("zero is a good number of entries to keep, and undefined stands for the default", () => {
  expect(withOptions({ snapshot: { keepEntries: 0, keepBytes: 0 } })).not.toThrow();
  const left: Partial<Options> = {
    electionTimeoutMs: undefined,
    snapshot: { everyEntries: undefined },
    inbox: undefined,
    logger: undefined,
  };
  expect(withOptions(left)).not.toThrow();
});

test("an even number of members is allowed, with a warning", () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
  withOptions({ logger })();
  expect(warnings).toEqual([]);
  withOptions({ logger, members: [A, { id: "n2", address: "n2:1" }] })();
  expect(warnings).toEqual([expect.stringContaining("2 members")]);
});

test("a storage of another node is refused, and that node goes on", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const storage = memoryStorage();
  const options = {
    id: "x",
    members: [{ id: "x", address: "x:1" }],
    machine: new Journal(),
    clock: cluster.clock,
  };
  const network = new MemoryNetwork({ clock: cluster.clock });
  const start = (address: string): Promise<RaftNode<number, undefined, readonly string[]>> =>
    RaftNode.start({ ...options, storage, transport: network.transport(address) });
  const first = await cluster.clock.settle(start("x:1"));

  await expect(cluster.clock.settle(start("y:1"))).rejects.toMatchObject({
    code: "RAFT_INVALID_OPTION",
  });
  await cluster.clock.until(() => first.status().role === "leader");
  await expect(
    cluster.clock.settle(first.propose(Buffer.from("still here"))),
  ).resolves.toMatchObject({ result: 1 });
  await cluster.clock.settle(first.stop());
  await cluster.stop();
});

test("a command that is no Uint8Array is refused, and not replicated as something else", async () => {
  const cluster = await Cluster.start({ size: 1 });
  const leader = await cluster.leader();
  for (const command of ["hello", 5, {}, undefined] as unknown as Uint8Array[]) {
    await expect(cluster.clock.settle(leader.propose(command))).rejects.toMatchObject({
      code: "RAFT_INVALID_COMMAND",
      outcome: "rejected",
    });
  }
  expect(cluster.server("n1").machine.commands).toEqual([]);
  await cluster.stop();
});
