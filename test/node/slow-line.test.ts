/** A member behind a line that carries less than the others send, and lets what is urgent overtake the rest. */

import { expect, test } from "vitest";
import { encodedSize } from "../../src/entry-codec.ts";
import { isBulk } from "../../src/transport/messages.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import { Cluster } from "../support/cluster.ts";
import { Wire } from "./support/outcome.ts";

/** What the line carries: a megabyte a second. */
const BYTES_PER_MS = 1000;
const COMMANDS = 200;
const COMMAND_BYTES = 10_000;

/** About: all but the entries is small. */
function sizeOf(message: PeerMessage): number {
  const entries = message.type === "AppendEntries" ? message.entries : [];
  return entries.reduce((bytes, entry) => bytes + encodedSize(entry), 60);
}

test("rule 33: appends that are on their way for long are not taken for lost", async () => {
  const wire = new Wire();
  const cluster = Cluster.prepare({ policy: wire.policy });
  for (const id of ["n1", "n2"]) await cluster.boot(id);
  const leader = await cluster.leader();
  const outcomes = Array.from({ length: COMMANDS }, () =>
    leader.propose(Buffer.alloc(COMMAND_BYTES, "x")),
  );
  await cluster.clock.settle(Promise.all(outcomes));
  let sent = 0;
  let isFreeAt = 0;
  wire.fate = (message, _from, to) => {
    if (to !== "n3") return [0];
    const bytes = sizeOf(message);
    sent += bytes;
    if (!isBulk(message)) return [bytes / BYTES_PER_MS];
    const now = cluster.clock.now();
    isFreeAt = Math.max(isFreeAt, now) + bytes / BYTES_PER_MS;
    return [isFreeAt - now];
  };
  const { node } = await cluster.boot("n3");
  const wanted = COMMANDS * COMMAND_BYTES;
  await cluster.clock.until(
    () => node.status().lastIndex > COMMANDS,
    (1.5 * wanted) / BYTES_PER_MS,
  );

  expect(sent).toBeLessThan(1.5 * wanted);
  await cluster.stop();
});
