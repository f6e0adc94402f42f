/** The bounds of the TCP transport: every queue, wait and size. */

import { RaftError } from "../errors.ts";
import { shown } from "../shapes.ts";

export interface TcpLimits {
  /**
   * Of messages between members, in bytes. The same on all members; at least 9 MiB, as for `maxPeerQueueBytes`. Default
   * 16 MiB.
   */
  readonly maxPeerFrameBytes: number;
  /** Of frames that clients send or receive, in bytes. Default 16 MiB. */
  readonly maxClientFrameBytes: number;
  /** Connections of clients; a further one is refused with `RAFT_HANDSHAKE_REFUSED`. Default 1000. */
  readonly maxClients: number;
  /** Connections that have not said yet who they are. Default 128. */
  readonly maxPendingHandshakes: number;
  /** From the first packet to the end of the handshake, for both sides. Default 5000. */
  readonly handshakeTimeoutMs: number;
  /**
   * How often a peer connection shows that it lives; one that is silent for more than three times that is given up.
   * Default 5000.
   */
  readonly keepAliveMs: number;
  /** What may wait for one peer; beyond it messages are lost, bulk first. Default 32 MiB ... */
  readonly maxPeerQueueBytes: number;
  /** ... and 4096. */
  readonly maxPeerQueueMessages: number;
  /** What may wait for one client; beyond it the connection is closed. Default 64 MiB. */
  readonly maxClientQueueBytes: number;
  /** The first attempt to connect is immediate; the delays after it double from this one, default 20 ... */
  readonly reconnectMinMs: number;
  /** ... to this one, default 2000, each shortened by up to a half at random. */
  readonly reconnectMaxMs: number;
}

/** Some of them. What is left out, or `undefined`, has its default. */
export type SomeTcpLimits<Name extends keyof TcpLimits = keyof TcpLimits> = {
  readonly [Each in Name]?: TcpLimits[Each] | undefined;
};

const MIB = 1024 * 1024;

const DEFAULTS: TcpLimits = {
  maxPeerFrameBytes: 16 * MIB,
  maxClientFrameBytes: 16 * MIB,
  maxClients: 1000,
  maxPendingHandshakes: 128,
  handshakeTimeoutMs: 5000,
  keepAliveMs: 5000,
  maxPeerQueueBytes: 32 * MIB,
  maxPeerQueueMessages: 4096,
  maxClientQueueBytes: 64 * MIB,
  reconnectMinMs: 20,
  reconnectMaxMs: 2000,
};

/**
 * A transport carries 8 MiB of entries in one message (see `Transport`), and what goes with them. One that did not would lose
 * it again and again, and nothing behind it would ever be committed.
 */
const LEAST_BYTES = 9 * MIB;
const LEAST: Readonly<Record<string, number>> = {
  maxPeerFrameBytes: LEAST_BYTES,
  maxPeerQueueBytes: LEAST_BYTES,
};

/** All that there are. */
export const limitNames: readonly string[] = Object.keys(DEFAULTS);

/** The defaults with `limits` on top; throws `RAFT_INVALID_OPTION` where one is no integer, or too small. */
export function tcpLimits(limits: SomeTcpLimits = {}): TcpLimits {
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  const all: TcpLimits = { ...DEFAULTS, ...Object.fromEntries(given) };
  for (const [name, value] of Object.entries(all)) {
    const least = LEAST[name] ?? 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RaftError(
        "RAFT_INVALID_OPTION",
        `limits.${name} is an integer of at least ${least}, not ${shown(value)}`,
      );
    }
  }
  return all;
}
