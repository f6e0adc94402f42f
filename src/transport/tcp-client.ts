/** How a client reaches a member over TCP. */

import { RaftError } from "../errors.ts";
import { systemClock } from "../node/clock.ts";
import type { Clock } from "../node/clock.ts";
import { refuse, shown } from "../shapes.ts";
import { dial } from "./dial.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { greetAsClient } from "./handshake.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { type SomeTcpLimits, tcpLimits, type TcpLimits } from "./tcp-limits.ts";
import { checkTcpOptions } from "./tcp-options.ts";
import { secureContextOptions } from "./tls.ts";
import type { TlsOptions } from "./tls.ts";
import type { ClientLink, Connection, ConnectionHandler } from "./transport.ts";

/** All may be left out. */
export interface TcpClientLinkOptions {
  readonly clock?: Clock | undefined;
  /** Refuse members of any other cluster; left out, any will do. */
  readonly clusterId?: string | undefined;
  /** Demanded and shown; the member's certificate must be that of the node it says it is. */
  readonly tls?: TlsOptions | undefined;
  readonly limits?:
    SomeTcpLimits<"maxClientFrameBytes" | "maxClientQueueBytes" | "handshakeTimeoutMs"> | undefined;
}

/** For one client, which closes it with itself. The constructor throws `RAFT_INVALID_OPTION`. */
export class TcpClientLink implements ClientLink {
  readonly #options: TcpClientLinkOptions & { readonly clock: Clock };
  readonly #limits: TcpLimits;
  /** One for each connection that is open or being opened. */
  readonly #open = new Set<AbortController>();
  #closed = false;

  constructor(options: TcpClientLinkOptions = {}) {
    checkTcpOptions(options, ["clock", "clusterId", "tls", "limits"]);
    checkClusterId(options.clusterId);
    this.#options = { ...options, clock: options.clock ?? systemClock };
    this.#limits = tcpLimits(options.limits);
    // Told here, and not at every attempt to connect.
    if (options.tls !== undefined) secureContextOptions(options.tls);
  }

  /**
   * Rejects with `RAFT_CONNECTION_LOST`, with `RAFT_HANDSHAKE_REFUSED` or another code of a refusal, with `RAFT_ABORTED`
   * by `signal`, which may be left out, with `RAFT_STOPPED` after close. Nothing reaches `handler` before the promise has
   * resolved.
   */
  async connect(
    address: string,
    handler: ConnectionHandler,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Connection> {
    if (this.#closed) throw stopped();
    const { clock } = this.#options;
    const { handshakeTimeoutMs, maxClientQueueBytes } = this.#limits;
    const opening = new AbortController();
    this.#open.add(opening);
    const onAbort = (): void =>
      opening.abort(
        new RaftError("RAFT_ABORTED", `connecting to ${address} was given up`, {
          cause: signal.reason,
        }),
      );
    const timer = clock.setTimer(handshakeTimeoutMs, () =>
      opening.abort(
        new RaftError(
          "RAFT_CONNECTION_LOST",
          `no handshake with ${address} within ${handshakeTimeoutMs} ms`,
        ),
      ),
    );
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const socket = await this.#greet(address, opening.signal);
      const forget = (): boolean => this.#open.delete(opening);
      clock.defer(() =>
        socket.serve({
          onFrame: (frame) => handler.onFrame(frame),
          onDrained: () => handler.onDrained?.(),
          onClose: (error) => {
            forget();
            handler.onClose(error);
          },
        }),
      );
      return new TcpConnection(socket, maxClientQueueBytes);
    } catch (error) {
      // Whoever has answered, but with no greeting, would keep the connection.
      opening.abort();
      this.#open.delete(opening);
      throw error;
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Closes all connections, and gives up those that are being opened. Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    for (const open of this.#open) open.abort(stopped());
    return Promise.resolve();
  }

  async #greet(address: string, signal: AbortSignal): Promise<FrameSocket> {
    const { clusterId, tls } = this.#options;
    const { maxClientFrameBytes, maxClientQueueBytes } = this.#limits;
    const socket = await dial(address, tls, signal);
    const outcome = await greetAsClient(socket, clusterId);
    if (outcome.type === "client") {
      socket.limit({
        maxBodyBytes: maxClientFrameBytes,
        queue: { maxBytes: maxClientQueueBytes, maxFrames: Infinity },
      });
      return socket;
    }
    socket.close();
    if (outcome.type === "peer") throw new Error("greetAsClient has greeted as a client");
    const { code, reason } = outcome.refusal;
    throw new RaftError(code, `no connection to ${address}: ${reason}`);
  }
}

/** An empty one would stand for any cluster on the wire, where somebody meant one. */
function checkClusterId(clusterId: unknown): void {
  if (clusterId === undefined) return;
  if (typeof clusterId === "string" && clusterId !== "" && clusterId.length <= 64) return;
  refuse([`clusterId must be a string of 1 to 64 characters, not ${shown(clusterId)}`]);
}

function stopped(): RaftError {
  return new RaftError("RAFT_STOPPED", "the client link is closed");
}
