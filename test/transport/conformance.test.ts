import { describe, test } from "vitest";
import { silentLogger } from "../../src/node/logger.ts";
import { systemClock } from "../../src/node/clock.ts";
import { transportConformance } from "../../src/testing/transport-conformance.ts";
import type { TransportHarness } from "../../src/testing/transport-conformance.ts";
import { MemoryNetwork, MemoryTransport } from "../../src/transport/memory.ts";
import { TcpClientLink, TcpTransport } from "../../src/transport/tcp.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { certificate } from "./fixtures.ts";

function memory(): TransportHarness {
  const network = new MemoryNetwork({ clock: systemClock, logger: silentLogger });
  let port = 0;
  return {
    clock: systemClock,
    transport: (_id, address) => network.transport(address ?? `memory:${(port += 1)}`),
    addressOf: (transport) =>
      transport instanceof MemoryTransport ? transport.address : "not of this network",
    clientLink: () => network.clientLink("client"),
  };
}

function tcp(secure: boolean): TransportHarness {
  const tls = (name: string): ReturnType<typeof certificate> | undefined =>
    secure ? certificate(name) : undefined;
  return {
    clock: systemClock,
    transport: (id, address) =>
      new TcpTransport({
        listen: address ?? "127.0.0.1:0",
        tls: tls(id),
        clock: systemClock,
        random: () => 0.5,
        logger: silentLogger,
      }),
    addressOf: (transport: Transport) =>
      transport instanceof TcpTransport ? (transport.address ?? "not started") : "not TCP",
    clientLink: () => new TcpClientLink({ clock: systemClock, tls: tls("client") }),
  };
}

describe.each([
  ["memory", memory],
  ["tcp", () => tcp(false)],
  ["tcp with TLS", () => tcp(true)],
] as const)("the transport contract: %s", (_name, open) => {
  // eslint-disable-next-line vitest/expect-expect -- the checks assert by themselves
  test.each(transportConformance(open))("$name", (check) => check.run());
});
