/** L8: a leader that has not heard of a quorum for long is found, and nobody else. */

import { beforeEach, expect, test } from "vitest";
import type { RaftState } from "../../src/core/state.ts";
import type { Role, Term } from "../../src/core/types.ts";
import { Platter } from "../../sim/platter.ts";
import { AuthorityChecks } from "../../sim/safety/authority.ts";
import { Ghost } from "../../sim/safety/ghost.ts";

const ELECTION_TIMEOUT_MS = 200;
const VOTERS = ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:1`, storeId: undefined }));

let told: string[] = [];
let checks: AuthorityChecks;

beforeEach(() => {
  told = [];
  const view = { slot: 0, id: "n1", platter: new Platter() };
  const ghost = new Ghost(
    [view],
    (property) => told.push(property),
    () => 0,
  );
  checks = new AuthorityChecks(ghost, view);
});

/** As much of a state as is looked at. */
function look(now: number, role: Role, currentTerm: Term): void {
  const configuration = { voters: VOTERS, votersOutgoing: [], learners: [] };
  const options = { id: "n1", electionTimeoutMs: ELECTION_TIMEOUT_MS, checkQuorum: true };
  const state = { now, role, currentTerm, options, configurations: [{ configuration }] };
  checks.look(state as unknown as RaftState);
}

function lead(fromMs: number, toMs: number, term: Term): void {
  for (let now = fromMs; now <= toMs; now += 50) look(now, "leader", term);
}

test("a leader that hears of nobody for three election timeouts is found", () => {
  lead(50, 650, 1);
  expect(told).toEqual([]);
  lead(700, 700, 1);
  expect(told).toEqual(["L8"]);
});

test("the silence in which an earlier leadership has ended is not counted", () => {
  lead(50, 600, 1);
  look(650, "candidate", 2);
  lead(700, 1200, 2);
  expect(told).toEqual([]);
});
