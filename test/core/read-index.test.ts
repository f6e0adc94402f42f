/** Linearizable reads without a log entry (section 8; thesis 6.4). */

import { expect, test } from "vitest";
import { confirmReads } from "../../src/core/read-index.ts";
import type { RaftState } from "../../src/core/state.ts";
import { Network } from "./support/network.ts";
import { from } from "./support/say.ts";
import { HEARTBEAT_MS, Server } from "./support/server.ts";
import { leader, leaderInAgreement } from "./support/story.ts";
import { configuration } from "./support/world.ts";

/** The round of the newest heartbeats. */
function round(server: Server): number {
  return server.sentOf("Heartbeat").at(-1)?.round ?? -1;
}

test("rule 45: a read takes the commit index, and is confirmed by a quorum's answers", () => {
  const a = leaderInAgreement({ voters: "abcde" });
  a.read(7);
  const asked = round(a);
  expect(a.reads).toEqual([]);
  a.receive(from("b", 1).heartbeatResponse(asked));
  expect(a.reads).toEqual([]);
  a.receive(from("c", 1).heartbeatResponse(asked));
  expect(a.reads).toEqual([{ batch: 7, index: 1, refusal: undefined }]);
});

test("rule 45: a new leader answers no read before an entry of its term is committed", () => {
  const a = leader({ log: [1, 1], commit: 2, term: 1 });
  a.read();
  a.advance(HEARTBEAT_MS);
  a.receive(from("b", 2).heartbeatResponse(round(a)));
  expect(a.reads).toEqual([]);
  // Now it is, and the round begins now.
  a.receive(from("b", 2).agrees(3));
  const asked = round(a);
  expect(a.reads).toEqual([]);
  a.receive(from("b", 2).heartbeatResponse(asked));
  expect(a.reads).toMatchObject([{ index: 3 }]);
});

test("rule 45: an answer to a heartbeat that left before the read does not confirm it", () => {
  const a = leaderInAgreement();
  a.read(1);
  const first = round(a);
  a.read(2);
  const second = round(a);
  expect(second).toBeGreaterThan(first);
  a.receive(from("b", 1).heartbeatResponse(first));
  expect(a.reads).toMatchObject([{ batch: 1 }]);
  a.receive(from("b", 1).heartbeatResponse(second));
  expect(a.reads).toMatchObject([{ batch: 1 }, { batch: 2 }]);
});

test("rule 45: answers of the last leadership do not confirm reads of this one", () => {
  const a = leaderInAgreement();
  a.read(1);
  a.receive(from("b", 4).heartbeat());
  a.now += 1000;
  a.timeOut().receive(from("b", 5).vote()).receive(from("b", 5).agrees(2));
  a.read(2);
  const asked = round(a);
  a.receive(from("b", 1).heartbeatResponse(asked)).receive(from("c", 4).heartbeatResponse(asked));
  expect(a.reads).toEqual([{ batch: 1, index: undefined, refusal: "not leader" }]);
});

test("rule 45: who answers a heartbeat of an old term in a new one confirms no read of the new term's leader", () => {
  const network = new Network().elect("a");
  const [a, b] = [network.server("a"), network.server("b")];
  a.read(1);
  const late = a.sentOf("Heartbeat").filter(({ to }) => to === "b");
  network.elect("c").elect("a");
  for (const message of late) b.receive(message);
  network.settle();

  expect(late).toMatchObject([{ round: 1 }]);

  // From here on nobody hears it: others may lead, and commit.
  network.isolate("a");
  a.read(2);
  network.settle();
  expect(a.role).toBe("leader");
  expect(a.reads.filter(({ batch }) => batch === 2)).toEqual([]);
});

test("rule 45: learners confirm nothing", () => {
  const a = leaderInAgreement({ learners: "xy" });
  a.read();
  const asked = round(a);
  for (const id of ["x", "y"]) a.receive(from(id, 1).heartbeatResponse(asked));
  expect(a.reads).toEqual([]);
});

test("rules 39 and 45: in a joint configuration both majorities confirm", () => {
  const a = leaderInAgreement({ voters: "abc", outgoing: "ade" });
  a.read();
  const asked = round(a);
  a.receive(from("b", 1).heartbeatResponse(asked)).receive(from("c", 1).heartbeatResponse(asked));
  expect(a.reads).toEqual([]);
  a.receive(from("d", 1).heartbeatResponse(asked));
  expect(a.reads).toHaveLength(1);
});

test("rule 45: reads of one turn share a round, whatever their batches are called", () => {
  const a = leaderInAgreement().hold("turns");
  a.read(9).read(9);
  a.release("turns");
  expect(a.sentOf("Heartbeat")).toHaveLength(2);
  a.receive(from("b", 1).heartbeatResponse(a.state.leadership?.round));
  expect(a.reads).toHaveLength(2);
});

test("rule 45: a round that is lost is asked for again with the next heartbeat", () => {
  const a = leaderInAgreement();
  a.read();
  const asked = round(a);
  a.advance(HEARTBEAT_MS);
  expect(round(a)).toBe(asked);
  a.receive(from("c", 1).heartbeatResponse(asked));
  expect(a.reads).toHaveLength(1);
});

test("rule 46: what is confirmed is an index to wait for, also where it is not applied yet", () => {
  const a = leaderInAgreement().hold("applies");
  a.propose("x").receive(from("b", 1).agrees(2));
  a.read();
  a.receive(from("b", 1).heartbeatResponse(round(a)));
  expect(a.reads).toMatchObject([{ index: 2 }]);
  expect(a.state.lastApplied).toBeLessThan(2);
});

test("rule 47: a read that waits is looked at again when the quorum changes", () => {
  const a = leaderInAgreement({ voters: "abcde" }).hold("turns");
  a.read();
  a.turn();
  a.receive(from("b", 1).heartbeatResponse(round(a)));
  a.turn();
  expect(a.reads).toEqual([]);

  // No change of members can be asked for yet: this is what one would leave behind.
  const state = a.raft.clone().state as RaftState;
  const smaller = { index: 1, configuration: configuration("abc") };
  state.configurations = [...state.configurations, smaller];
  if (state.leadership === undefined) throw new Error("it leads");
  confirmReads(state, state.leadership);
  expect(state.outbox.reads).toMatchObject([{ index: 1 }]);
});

test("a single voter confirms its reads itself", () => {
  const a = leader({ voters: "a" });
  a.read();
  expect(a.reads).toMatchObject([{ index: 1 }]);
});

test("who is no leader, or is one no more, refuses reads", () => {
  const a = new Server();
  expect(a.read(3).reads).toEqual([{ batch: 3, index: undefined, refusal: "not leader" }]);
  const b = leaderInAgreement();
  b.read(4).receive(from("b", 9).heartbeat());
  expect(b.reads).toEqual([{ batch: 4, index: undefined, refusal: "not leader" }]);
});

test("waiting reads are bounded", () => {
  const a = leaderInAgreement({ options: { maxPendingReads: 2 } });
  a.read(1).read(2).read(3);
  expect(a.reads).toEqual([{ batch: 3, index: undefined, refusal: "overloaded" }]);
});

test("reads are confirmed in the order in which they came in", () => {
  const a = leaderInAgreement();
  a.read(1).read(2).read(3);
  a.receive(from("b", 1).heartbeatResponse(round(a)));
  expect(a.reads.map(({ batch }) => batch)).toEqual([1, 2, 3]);
});
