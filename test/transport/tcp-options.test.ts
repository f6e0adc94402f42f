/** What a type checker would tell of the options of a TCP transport and of a client's link: by name and value. */

import { describe, expect, test } from "vitest";
import { TcpClientLink, TcpTransport } from "../../src/transport/tcp.ts";
import type { TcpTransportOptions } from "../../src/transport/tcp.ts";

const PEM = { cert: "cert", key: "key", ca: "ca" };

type Refused = readonly [options: unknown, ...mentions: string[]];

const OF_BOTH: readonly Refused[] = [
  [null, "options must be an object", "null"],
  ["127.0.0.1:7000", "options must be an object", '"127.0.0.1:7000"'],
  [PEM, "cert is not an option", "key is not an option", "ca is not an option"],
  [{ tsl: PEM }, "tsl is not an option"],
  [{ tls: null }, "tls must be an object", "null"],
  [{ tls: "cert.pem" }, "tls must be an object", '"cert.pem"'],
  [{ tls: { ...PEM, pass: "x" } }, "tls.pass is not an option"],
  [{ tls: {} }, "tls.cert must be PEM"],
  [{ limits: 5 }, "limits must be an object", "5"],
  [{ limits: null }, "limits must be an object", "null"],
  [{ limits: { maxClient: 5 } }, "limits.maxClient is not an option"],
  [{ limits: { maxClients: "4" } }, "limits.maxClients", '"4"'],
  [{ limits: { maxClients: 0 } }, "limits.maxClients", "at least 1"],
  // A command of 8 MiB, which a node takes, would never reach another member.
  [{ limits: { maxPeerFrameBytes: 8 * 2 ** 20 } }, "limits.maxPeerFrameBytes", "8388608"],
  [{ limits: { maxPeerQueueBytes: 8 * 2 ** 20 } }, "limits.maxPeerQueueBytes", "8388608"],
  [{ clock: 5 }, "clock must have the methods", "5 lacks"],
];

const OF_TRANSPORTS: readonly Refused[] = [
  [undefined, "options must be an object", "undefined"],
  [{}, "listen is", "undefined"],
  [{ port: 7000 }, "port is not an option"],
  [{ random: 5 }, "random must be a function", "5"],
  [{ logger: {} }, "logger must have the methods", "{} lacks"],
  [{ insecure: "no" }, "insecure must be true or false", '"no"'],
];

const OF_LINKS: readonly Refused[] = [
  [{ clusterId: 5 }, "clusterId must be a string of 1 to 64 characters", "5"],
  // On the wire it would stand for any cluster.
  [{ clusterId: "" }, "clusterId must be", '""'],
  [{ clusterId: "c".repeat(65) }, "clusterId must be"],
];

const LISTEN = { listen: "127.0.0.1:0" };

describe.each([
  {
    what: "a transport",
    refused: [...OF_BOTH, ...OF_TRANSPORTS],
    make: (options: unknown) =>
      new TcpTransport(
        (isEmpty(options) || typeof options !== "object"
          ? options
          : { ...LISTEN, ...options }) as TcpTransportOptions,
      ),
  },
  {
    what: "a client's link",
    refused: [...OF_BOTH, ...OF_LINKS],
    make: (options: unknown) => new TcpClientLink(options as object),
  },
])("$what", ({ refused, make }) => {
  test.each(refused.map(([options, ...mentions]) => ({ options, mentions })))(
    "$mentions",
    ({ options, mentions }) => {
      const construct = (): unknown => make(options);
      expect(construct).toThrow(expect.objectContaining({ code: "RAFT_INVALID_OPTION" }));
      for (const mention of mentions) expect(construct).toThrow(mention);
    },
  );
});

test("what is undefined stands for the default", () => {
  const nothing = { clock: undefined, tls: undefined, limits: undefined };
  expect(() => new TcpClientLink({ ...nothing, clusterId: undefined })).not.toThrow();
  const limits = { maxClientFrameBytes: undefined };
  expect(() => new TcpClientLink({ limits })).not.toThrow();
  expect(() => new TcpTransport({ ...LISTEN, limits })).not.toThrow();
  const rest = { random: undefined, logger: undefined, insecure: undefined };
  expect(() => new TcpTransport({ ...LISTEN, ...nothing, ...rest })).not.toThrow();
});

/** `null`, or an object without anything in it. */
function isEmpty(options: unknown): boolean {
  return options === null || (typeof options === "object" && Object.keys(options).length === 0);
}
