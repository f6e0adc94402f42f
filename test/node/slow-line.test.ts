/** A member behind a line that carries less than the others send, and lets what is urgent overtake the rest. */

import { expect, test } from "vitest";
import { encodedSize } from "../../src/entry-codec.ts";
import { isBulk } from "../../src/transport/messages.ts";
import type { PeerMessage } from "../../src/transport/transport.ts";
import { Cluster } from "../support/cluster.ts";
import { Wire } from "./support/outcome.ts";

const COMMANDS = 200;
const COMMAND_BYTES = 10_000;

/** About: all but the entries is small. */
function sizeOf(message: PeerMessage): number {
  const entries = message.type === "AppendEntries" ? message.entries : [];
  return entries.reduce((bytes, entry) => bytes + encodedSize(entry), 60);
}

test.each([1000, 100, 30])(
  "rule 33: appends on a line of %i bytes in a millisecond are not taken for lost",
  async (bytesPerMs) => {
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
      if (!isBulk(message)) return [bytes / bytesPerMs];
      const now = cluster.clock.now();
      isFreeAt = Math.max(isFreeAt, now) + bytes / bytesPerMs;
      return [isFreeAt - now];
    };
    const { node } = await cluster.boot("n3");
    const wanted = COMMANDS * COMMAND_BYTES;
    await cluster.clock.until(
      () => node.status().lastIndex > COMMANDS,
      (1.2 * wanted) / bytesPerMs,
    );

    expect(sent).toBeLessThan(1.2 * wanted);
    await cluster.stop();
  },
);
