/** The bounds of the TCP transport: every queue, wait and size. */

import { RaftError } from "../errors.ts";
import { shown } from "../shapes.ts";

export interface TcpLimits {
  /** Of messages between members, in bytes. The same on all members; at least 9 MiB, as for `maxPeerQueueBytes`. */
  readonly maxPeerFrameBytes: number;
  /** Of frames that clients send or receive, in bytes. */
  readonly maxClientFrameBytes: number;
  readonly maxClients: number;
  /** Connections that have not said yet who they are. */
  readonly maxPendingHandshakes: number;
  /** From the first packet to the end of the handshake, for both sides. */
  readonly handshakeTimeoutMs: number;
  /** How often a peer connection shows that it lives; one that is silent for more than three times that is given up. */
  readonly keepAliveMs: number;
  /** What may wait for one peer; beyond it messages are lost, bulk first. */
  readonly maxPeerQueueBytes: number;
  readonly maxPeerQueueMessages: number;
  /** What may wait for one client; beyond it the connection is closed. */
  readonly maxClientQueueBytes: number;
  /** The first attempt to connect is immediate; the delays after it double from this one ... */
  readonly reconnectMinMs: number;
  /** ... to this one, each shortened by up to a half at random. */
  readonly reconnectMaxMs: number;
}

/** Each may be left out, or be `undefined`, which stands for its default. */
export type TcpLimitsGiven = {
  readonly [Name in keyof TcpLimits]?: TcpLimits[Name] | undefined;
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
export function tcpLimits(limits: TcpLimitsGiven = {}): TcpLimits {
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
