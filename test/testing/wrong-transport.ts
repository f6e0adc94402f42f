/** What the tests of wrong transports have in common: a network of them, and whether a case refuses them. */

import { expect } from "vitest";
import { systemClock } from "../../src/node/clock.ts";
import type { Clock } from "../../src/node/clock.ts";
import { silentLogger } from "../../src/node/logger.ts";
import { transportConformance } from "../../src/testing/index.ts";
import type { TransportHarness } from "../../src/testing/index.ts";
import { MemoryNetwork, MemoryTransport } from "../../src/transport/memory.ts";
import type { ClientLink } from "../../src/transport/transport.ts";
import { failedCases } from "./support.ts";

export type Implementation = new (
  ...parts: ConstructorParameters<typeof MemoryTransport>
) => MemoryTransport;

/** What the case of that name refuses: the memory transport, which is right, and this one, or this link of clients. */
export async function refusalsOf(
  refusedBy: string,
  Transport: Implementation,
  wrap?: (link: ClientLink) => ClientLink,
): Promise<{ readonly right: readonly string[]; readonly wrong: readonly string[] }> {
  const right = await failuresOf(refusedBy, () => harnessOf(MemoryTransport, systemClock));
  const wrong = await failuresOf(refusedBy, () => harnessOf(Transport, hurried, wrap));
  return { right, wrong };
}

/** Waits of the suite for what never comes are a hundred times as short. */
const hurried: Clock = {
  now: () => 100 * systemClock.now(),
  defer: (callback) => systemClock.defer(callback),
  soon: (callback) => systemClock.soon(callback),
  setTimer: (ms, callback) => systemClock.setTimer(ms / 100, callback),
};

function harnessOf(
  Transport: Implementation,
  clock: Clock,
  wrapLink: (link: ClientLink) => ClientLink = (link) => link,
): TransportHarness {
  const network = new MemoryNetwork({ clock });
  let port = 0;
  return {
    clock,
    transport: (_id, address) =>
      new Transport(network, address ?? `memory:${(port += 1)}`, silentLogger),
    addressOf: (transport) =>
      transport instanceof MemoryTransport ? transport.address : "not of this network",
    clientLink: () => wrapLink(network.clientLink("client")),
  };
}

async function failuresOf(
  refusedBy: string,
  open: () => TransportHarness,
): Promise<readonly string[]> {
  const cases = transportConformance(open).filter(({ name }) => name === refusedBy);
  expect(cases.map(({ name }) => name)).toEqual([refusedBy]);
  return failedCases(cases);
}
