/** The exploration of the real core, and that it can find something: known bugs of the core, put back. */

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { explore } from "../../sim/explore/explore.ts";
import type { storyOf } from "../../sim/explore/story.ts";
import type { Budget } from "../../sim/explore/members.ts";
import { namingsOf } from "../../sim/explore/interned.ts";
import { fingerprintOf, fingerprintOfMessage } from "../../sim/explore/fingerprint.ts";
import type { Naming } from "../../sim/explore/fingerprint.ts";
import { afterMove } from "../../sim/explore/server.ts";
import type { Move, Server } from "../../sim/explore/server.ts";
import { firstServers } from "../../sim/explore/world.ts";
import type { Setup } from "../../sim/explore/world.ts";
import type { Message } from "../../src/core/message.ts";
import { takeSources } from "../../sim/mutants/build.ts";
import { mutate, readMutants } from "../../sim/mutants/mutant.ts";
import type { Change } from "../../sim/mutants/mutant.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "quorate-explore-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NOTHING: Budget = {
  timeouts: 0,
  heartbeats: 0,
  proposals: 0,
  crashes: 0,
  slowWrites: 0,
  snapshots: 0,
  transfers: 0,
};

interface Explorer {
  readonly explore: typeof explore;
  readonly storyOf: typeof storyOf;
}

function setupOf(nodes: number, budget: Partial<Budget>): Setup {
  const options = { preVote: false, checkQuorum: false };
  return { nodes, budget: { ...NOTHING, ...budget }, options };
}

describe("nothing is violated", () => {
  test.each([
    [
      "an election, a command and a crash, with slow disks",
      setupOf(3, { timeouts: 1, proposals: 1, crashes: 1, slowWrites: 1 }),
    ],
    [
      "two elections of two nodes",
      setupOf(2, { timeouts: 2, proposals: 1, crashes: 1, slowWrites: 1 }),
    ],
    [
      "a snapshot",
      setupOf(2, { timeouts: 1, heartbeats: 1, proposals: 1, crashes: 1, snapshots: 1 }),
    ],
  ])("in %s", (_, setup) => {
    const { isWhole, found, states } = explore(setup);
    expect(found).toBeUndefined();
    expect(isWhole).toBe(true);
    expect(states).toBeGreaterThan(1000);
  });
});

test("the same bounds are the same states", () => {
  const setup = setupOf(3, { timeouts: 1, proposals: 1, slowWrites: 1 });
  expect(explore(setup)).toEqual(explore(setup));
});

test.each([
  ["an election", setupOf(3, { timeouts: 1 })],
  ["an election and two commands", setupOf(2, { timeouts: 1, proposals: 2 })],
])("it meets no more and no fewer states than plain search does: %s", (_, setup) => {
  expect(explore(setup).states).toBe(statesByPlainSearch(setup));
});

/** Without anything that saves work: every world is made anew, and its names are exchanged only to count it. */
function statesByPlainSearch(setup: Setup): number {
  interface Plain {
    readonly servers: readonly Server[];
    readonly said: ReadonlyMap<string, Message>;
    readonly timeouts: number;
    readonly proposals: number;
  }
  const namings = namingsOf(firstServers(setup).map(({ id }) => id));
  const nameOf = ({ servers, said }: Plain, naming: Naming): string =>
    [
      ...servers.map((server) => fingerprintOf(server, naming)).toSorted(),
      ...[...said.values()].map((message) => fingerprintOfMessage(message, naming)).toSorted(),
    ].join("\n");
  const { timeouts, proposals } = setup.budget;
  const todo: Plain[] = [{ servers: firstServers(setup), said: new Map(), timeouts, proposals }];
  const seen = new Set<string>();
  const classes = new Set<string>();
  for (let world = todo.pop(); world !== undefined; world = todo.pop()) {
    const own = nameOf(world, new Map());
    if (seen.has(own)) continue;
    seen.add(own);
    classes.add(namings.map((naming) => nameOf(world, naming)).toSorted()[0] ?? "");
    for (const [slot, server] of world.servers.entries()) {
      const moves: Move[] = [...world.said.values()]
        .filter(({ to }) => to === server.id)
        .map((message) => ({ type: "message", message }));
      if (!server.isLeader && world.timeouts > 0) moves.push({ type: "timer" });
      if (server.isLeader && world.proposals > 0) moves.push({ type: "propose" });
      for (const move of moves) {
        const after = afterMove(server, move, false);
        const said = new Map(world.said);
        for (const message of after.said) said.set(JSON.stringify(message), message);
        todo.push({
          servers: world.servers.with(slot, after.server),
          said,
          timeouts: world.timeouts - (move.type === "timer" ? 1 : 0),
          proposals: world.proposals - (move.type === "propose" ? 1 : 0),
        });
      }
    }
  }
  return classes.size;
}

describe("a known bug of the core, put back, is found", () => {
  const mutants = readMutants(join(root, "test", "mutants"));
  const elections = setupOf(3, { timeouts: 2 });
  const crashes = setupOf(3, { timeouts: 2, crashes: 1 });
  const slowDisks = setupOf(3, { timeouts: 1, slowWrites: 1 });

  test.each([
    ["E05", elections, "S0", 3],
    ["E06", crashes, "S2", 4],
    ["E21", elections, "L8", 5],
    ["E03", elections, "S7", 8],
    ["R08", slowDisks, "S10", 4],
    ["R15", slowDisks, "S9", 5],
    ["R10", crashes, "S9", 11],
  ])("%s", async (id, setup, property, moves) => {
    const core = await copyWith(id, mutants.find((mutant) => mutant.id === id)?.changes ?? []);
    const { found } = core.explore(setup);
    expect(found?.violation.property).toBe(property);
    expect(found?.steps).toHaveLength(moves);
  });

  test("and told as a story", async () => {
    const core = await copyWith("told", mutants.find(({ id }) => id === "E03")?.changes ?? []);
    const { found } = core.explore(elections);
    const lines = (found && core.storyOf(elections, found))?.split("\n") ?? [];
    expect(lines[0]).toBe("3 nodes, 8 moves:");
    expect(lines[1]).toBe("   1  the election timer of n1 runs out: stands for term 1");
    expect(lines[8]).toMatch(/hears n\d's RequestVoteResponse of term 2 \(granted\): wins term 2/);
    expect(lines.slice(9)).toEqual([
      "      Then S7 is violated:",
      expect.stringMatching(/n\d leads term 2 without entry 1\.1, which was committed in term 1/),
    ]);
  });
});

/** The exploration of other sources than these. */
async function copyWith(name: string, changes: readonly Change[]): Promise<Explorer> {
  const own = join(folder, name);
  takeSources(root, own);
  symlinkSync(join(root, "node_modules"), join(own, "node_modules"));
  mutate(own, changes);
  const url = (file: string): string => pathToFileURL(join(own, "sim", "explore", file)).href;
  const parts: unknown[] = [await import(url("explore.ts")), await import(url("story.ts"))];
  return Object.assign({}, ...parts) as Explorer;
}
