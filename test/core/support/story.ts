/** How a server gets to where a test begins. */

import { majority } from "../../../src/core/quorum.ts";
import { must } from "../../../sim/explore/disk.ts";
import { from } from "./say.ts";
import { Server } from "./server.ts";
import type { Setup } from "./server.ts";

/** A candidate whose vote is durable and whose requests have left: no vote has come in yet. */
export function candidate(setup: Setup = {}): Server {
  const server = new Server({ ...setup, options: { preVote: false, ...setup.options } });
  server.timeOut();
  must(server.role === "candidate", "it stands for election");
  server.sent();
  return server;
}

/** A leader, elected by as many as it takes, that has sent its first messages; nobody has answered them. */
export function leader(setup: Setup = {}): Server {
  const voters = (setup.voters ?? "abc").split("");
  const server = voters.length === 1 ? alone(setup) : candidate(setup);
  const others = voters.filter((id) => id !== server.id);
  const needed = majority(voters.length) - 1;
  for (const id of others.slice(0, needed)) {
    server.receive(from(id, server.state.currentTerm, server.id).vote());
  }
  for (const id of (setup.outgoing ?? "").split("")) {
    if (id === "" || server.role === "leader") continue;
    server.receive(from(id, server.state.currentTerm, server.id).vote());
  }
  must(server.role === "leader", "it is elected");
  server.step({ type: "tick" });
  server.sent();
  return server;
}

/** A leader whose log, the blank entry included, everybody has. */
export function leaderInAgreement(setup: Setup = {}): Server {
  const server = leader(setup);
  const { voters = "abc", outgoing = "", learners = "" } = setup;
  const term = server.state.currentTerm;
  for (const id of new Set(voters + outgoing + learners)) {
    if (id !== server.id) server.receive(from(id, term, server.id).agrees(server.lastIndex));
  }
  server.sent();
  return server;
}

/** A follower in `term` that has just heard from its leader. */
export function follower(
  setup: Setup & { readonly leader: string; readonly term: number },
): Server {
  const server = new Server(setup);
  server.receive(from(setup.leader, setup.term, server.id).heartbeat());
  server.sent();
  return server;
}

function alone(setup: Setup): Server {
  const server = new Server({ ...setup, options: { preVote: false, ...setup.options } });
  return server.timeOut();
}
