/** Keeps up the connection to one member: dials, greets, and dials again with jittered exponential back-off. */

import type { Member } from "../core/types.ts";
import { messageOf, RaftError } from "../errors.ts";
import type { Clock, Timer } from "../node/clock.ts";
import { dial } from "./dial.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { type AdmitPeer, greetAsPeer, type Outcome } from "./handshake.ts";
import type { LogOnce } from "./log-once.ts";
import type { PeerLink } from "./peer-link.ts";
import type { TcpLimits } from "./tcp-limits.ts";
import type { TlsOptions } from "./tls.ts";
import type { PeerIdentity, PeerRefusal, TransportIdentity } from "./transport.ts";

export interface TcpPeerOptions {
  readonly self: TransportIdentity;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly tls: TlsOptions | undefined;
  readonly limits: TcpLimits;
  readonly log: LogOnce;
  readonly admitPeer: AdmitPeer;
  /** Makes the link of an admitted connection. */
  link(socket: FrameSocket, peer: PeerIdentity, onClose: (error?: Error) => void): PeerLink;
  onRefused(refusal: PeerRefusal): void;
}

export class TcpPeer {
  readonly member: Member;
  readonly #options: TcpPeerOptions;
  #attempts = 0;
  #dialling: AbortController | undefined;
  #retry: Timer | undefined;
  #link: PeerLink | undefined;
  #linkedAt = 0;
  #closed = false;

  /** Dials at once. */
  constructor(member: Member, options: TcpPeerOptions) {
    this.member = member;
    this.#options = options;
    void this.#connect();
  }

  /** The connection while there is one. */
  get link(): PeerLink | undefined {
    return this.#link;
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#dialling?.abort(new RaftError("RAFT_STOPPED", "the transport lets go of this member"));
    this.#link?.close();
  }

  /** One attempt, from the first packet to the end of the handshake. Never rejects. */
  async #connect(): Promise<void> {
    const { clock, limits, tls, self, admitPeer } = this.#options;
    const { id, address } = this.member;
    const dialling = new AbortController();
    this.#dialling = dialling;
    const timer = clock.setTimer(limits.handshakeTimeoutMs, () =>
      dialling.abort(
        new RaftError(
          "RAFT_CONNECTION_LOST",
          `no handshake with ${address} within ${limits.handshakeTimeoutMs} ms`,
        ),
      ),
    );
    try {
      const socket = await dial(address, tls, dialling.signal);
      this.#conclude(socket, await greetAsPeer(socket, self, id, admitPeer));
    } catch (error) {
      // Whoever has answered, but with no greeting, would keep the connection.
      dialling.abort();
      if (this.#closed) return;
      this.#report(messageOf(error));
      this.#retryLater();
    } finally {
      timer.cancel();
    }
  }

  #conclude(socket: FrameSocket, outcome: Outcome): void {
    switch (outcome.type) {
      case "peer":
        this.#open(socket, outcome.peer);
        return;
      case "refusing":
        this.#report(`${outcome.name} is refused: ${outcome.refusal.reason}`);
        break;
      case "refused":
        socket.close();
        if (this.#report(`it refuses this member: ${outcome.refusal.reason}`)) {
          this.#options.onRefused(outcome.refusal);
        }
        break;
      case "client":
        throw new Error("greetAsPeer has greeted as a peer");
    }
    this.#retryLater();
  }

  #open(socket: FrameSocket, peer: PeerIdentity): void {
    const { clock, limits, log } = this.#options;
    log.forget(this.member.id);
    this.#linkedAt = clock.now();
    this.#link = this.#options.link(socket, peer, (error) => {
      this.#link = undefined;
      if (this.#closed) return;
      if (error !== undefined) this.#report(error.message);
      // Only a connection that has lasted proves that it is worth dialling at once.
      if (clock.now() - this.#linkedAt >= limits.reconnectMaxMs) this.#attempts = 0;
      this.#retryLater();
    });
    this.#link.open();
  }

  #retryLater(): void {
    if (this.#closed) return;
    const { clock, limits, random } = this.#options;
    const longest = Math.min(limits.reconnectMaxMs, limits.reconnectMinMs * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#retry = clock.setTimer(longest * (0.5 + random() / 2), () => void this.#connect());
  }

  #report(problem: string): boolean {
    const { id, address } = this.member;
    return this.#options.log.warn(id, `no connection to ${id} at ${address}: ${problem}`);
  }
}
