/**
 * The transport over TCP, optionally with mutual TLS: one port for peers and clients.
 *
 * Every member dials every other one, so there are two connections to a pair: no tie-break, hence no moment in which
 * both sides wait for the other's, and each side finds out by itself, and logs, that its own way is blocked. A message
 * takes the connection that we dialled; where there is none, the one that the peer dialled. So an answer reaches also
 * a peer that our configuration does not know yet, and a pair of which only one can reach the other still talks.
 */

import type { Socket } from "node:net";
import { addressFrom, isLoopback } from "../address.ts";
import type { Member, NodeId } from "../core/types.ts";
import { messageOf, RaftError } from "../errors.ts";
import { systemClock } from "../node/clock.ts";
import type { Clock } from "../node/clock.ts";
import { silentLogger } from "../node/logger.ts";
import type { Logger } from "../node/logger.ts";
import { systemRandom } from "../random.ts";
import { shown } from "../shapes.ts";
import { FrameSocket } from "./frame-socket.ts";
import { answerHandshake, type Outcome } from "./handshake.ts";
import { LogOnce } from "./log-once.ts";
import { PeerLink } from "./peer-link.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { type SomeTcpLimits, tcpLimits, type TcpLimits } from "./tcp-limits.ts";
import { checkTcpOptions } from "./tcp-options.ts";
import { TcpPeer } from "./tcp-peer.ts";
import { TcpServer } from "./tcp-server.ts";
import type { TlsOptions } from "./tls.ts";
import type {
  PeerIdentity,
  PeerMessage,
  Transport,
  TransportHandler,
  TransportIdentity,
} from "./transport.ts";

export { TcpClientLink, type TcpClientLinkOptions } from "./tcp-client.ts";
export type { TcpLimits, TlsOptions };

/** Where to listen, and whom to trust. */
export interface TcpTransportOptions {
  /** Where to listen, `host:port`; port 0 lets the system choose, see `address`. */
  readonly listen: string;
  /** Demanded of every peer and client, and shown to every peer. */
  readonly tls?: TlsOptions | undefined;
  /** Allows to listen without TLS where other machines can connect. */
  readonly insecure?: boolean | undefined;
  /** Of every queue, wait and size; what is left out has a default. */
  readonly limits?: SomeTcpLimits | undefined;
  readonly clock?: Clock | undefined;
  /** Uniform in [0, 1): spreads the attempts to connect. */
  readonly random?: (() => number) | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * For one node, and started once: make another one for the next start.
 *
 * ```ts
 * const transport = new TcpTransport({ listen: "0.0.0.0:7001", tls: { cert, key, ca } });
 * ```
 */
export class TcpTransport implements Transport {
  readonly #options: TcpTransportOptions & {
    readonly clock: Clock;
    readonly random: () => number;
  };
  readonly #limits: TcpLimits;
  readonly #log: LogOnce;
  readonly #server: TcpServer;
  #started: { readonly self: TransportIdentity; readonly handler: TransportHandler } | undefined;
  #members: readonly Member[] = [];
  /** What we dialled, or try to. */
  readonly #peers = new Map<NodeId, TcpPeer>();
  /** What was dialled by others: the newest of each. */
  readonly #accepted = new Map<NodeId, PeerLink>();
  readonly #clients = new Set<FrameSocket>();
  #closed: Promise<void> | undefined;

  /** Throws `RAFT_INVALID_OPTION`, or `RAFT_INSECURE` where strangers could join in. */
  constructor(options: TcpTransportOptions) {
    const names = ["listen", "tls", "insecure", "limits", "clock", "random", "logger"];
    checkTcpOptions(options, names);
    const address = addressFrom(options.listen);
    if (address === undefined) {
      const text = `listen is host:port or [ipv6]:port with a port up to 65535, not ${shown(options.listen)}`;
      throw new RaftError("RAFT_INVALID_OPTION", text);
    }
    if (options.tls === undefined && options.insecure !== true && !isLoopback(address.host)) {
      throw new RaftError(
        "RAFT_INSECURE",
        `without TLS, whoever can reach ${options.listen} can read all commands, vote and write to the log: ` +
          "give certificates, listen on a loopback address, or say insecure: true if the network itself keeps strangers out",
      );
    }
    const { clock = systemClock, random = systemRandom, logger = silentLogger } = options;
    this.#options = { ...options, clock, random };
    this.#limits = tcpLimits(options.limits);
    this.#log = new LogOnce(logger);
    this.#server = new TcpServer({
      address,
      tls: options.tls,
      maxPendingHandshakes: this.#limits.maxPendingHandshakes,
      handshakeTimeoutMs: this.#limits.handshakeTimeoutMs,
      onSocket: (socket) => this.#accept(socket),
      onProblem: (host, problem) => this.#log.warn(host, `connections from ${host}: ${problem}`),
    });
  }

  /** Where it listens, `host:port`, once it has started. */
  get address(): string | undefined {
    return this.#server.address;
  }

  async start(self: TransportIdentity, handler: TransportHandler): Promise<void> {
    if (this.#started !== undefined || this.#closed !== undefined) {
      throw new RaftError(
        "RAFT_INVALID_OPTION",
        "this transport has been started or closed before: each start of a node needs one of its own",
      );
    }
    this.#started = { self, handler };
    await this.#server.listen();
    if (this.#closed === undefined) this.#dialMembers();
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members;
    if (this.#closed === undefined && this.address !== undefined) this.#dialMembers();
  }

  send(message: PeerMessage): void {
    this.#routeTo(message.to)?.send(message);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const peer of this.#peers.values()) peer.close();
    for (const link of this.#accepted.values()) link.close();
    for (const client of this.#clients) client.close();
    await this.#server.close();
  }

  #routeTo(to: NodeId): PeerLink | undefined {
    return this.#closed === undefined
      ? (this.#peers.get(to)?.link ?? this.#accepted.get(to))
      : undefined;
  }

  #dialMembers(): void {
    const wanted = new Map(this.#members.map((member) => [member.id, member]));
    wanted.delete(this.#self().nodeId);
    for (const [id, peer] of this.#peers) {
      const member = wanted.get(id);
      if (member?.address === peer.member.address && isOfStore(member, peer.link)) continue;
      peer.close();
      this.#peers.delete(id);
    }
    for (const [id, member] of wanted) {
      const accepted = this.#accepted.get(id);
      if (!isOfStore(member, accepted)) accepted?.close();
      if (!this.#peers.has(id)) this.#peers.set(id, this.#dial(member));
    }
  }

  #dial(member: Member): TcpPeer {
    const { clock, random, tls } = this.#options;
    return new TcpPeer(member, {
      self: this.#self(),
      clock,
      random,
      tls,
      limits: this.#limits,
      log: this.#log,
      admitPeer: (peer) => this.#handler().admitPeer(peer),
      link: (socket, peer, onClose) => this.#link(socket, peer, onClose),
      onRefused: (refusal) => this.#handler().onRefused(member.id, refusal),
    });
  }

  /** From the first byte of an accepted socket to the end of its handshake. Never rejects. */
  async #accept(accepted: Socket): Promise<void> {
    const { clock } = this.#options;
    const { handshakeTimeoutMs } = this.#limits;
    const socket = new FrameSocket(accepted);
    const timer = clock.setTimer(handshakeTimeoutMs, () =>
      socket.close(
        new RaftError("RAFT_CONNECTION_LOST", `no handshake within ${handshakeTimeoutMs} ms`),
      ),
    );
    try {
      const outcome = await answerHandshake(
        socket,
        this.#self(),
        (peer) => this.#handler().admitPeer(peer),
        () =>
          this.#clients.size < this.#limits.maxClients ? undefined : "no room for more clients",
      );
      if (!socket.isClosed && this.#closed === undefined) this.#conclude(socket, outcome);
    } catch (error) {
      this.#warnOf(socket, messageOf(error));
      socket.close();
    } finally {
      timer.cancel();
    }
  }

  #conclude(socket: FrameSocket, outcome: Outcome): void {
    switch (outcome.type) {
      case "peer":
        this.#openPeer(socket, outcome.peer);
        return;
      case "client":
        this.#openClient(socket);
        return;
      case "refusing":
        this.#warnOf(socket, `${outcome.name} is refused: ${outcome.refusal.reason}`, outcome.name);
        return;
      case "refused":
        socket.close();
        if (
          this.#warnOf(
            socket,
            `${outcome.name} refuses this member: ${outcome.refusal.reason}`,
            outcome.name,
          )
        ) {
          this.#handler().onRefused(outcome.name, outcome.refusal);
        }
    }
  }

  #openPeer(socket: FrameSocket, peer: PeerIdentity): void {
    const link = this.#link(socket, peer, (error) => {
      if (this.#accepted.get(peer.nodeId) === link) this.#accepted.delete(peer.nodeId);
      if (error !== undefined)
        this.#warnOf(socket, `${peer.nodeId} is cut off: ${error.message}`, peer.nodeId);
    });
    this.#log.forget(`${socket.remoteHost} ${peer.nodeId}`);
    const former = this.#accepted.get(peer.nodeId);
    this.#accepted.set(peer.nodeId, link);
    former?.close();
    link.open();
  }

  #openClient(socket: FrameSocket): void {
    const { maxClientFrameBytes, maxClientQueueBytes } = this.#limits;
    socket.limit({
      maxBodyBytes: maxClientFrameBytes,
      queue: { maxBytes: maxClientQueueBytes, maxFrames: Infinity },
    });
    const connection = new TcpConnection(socket, maxClientQueueBytes);
    const handler = this.#handler().onClient(connection);
    if (handler === undefined) {
      this.#warnOf(socket, "no clients are served here");
      connection.close();
      return;
    }
    this.#clients.add(socket);
    socket.serve({
      onFrame: (frame) => handler.onFrame(frame),
      onDrained: () => handler.onDrained?.(),
      onClose: (error) => {
        this.#clients.delete(socket);
        if (error !== undefined) this.#warnOf(socket, `a client: ${error.message}`);
        handler.onClose(error);
      },
    });
  }

  #link(socket: FrameSocket, peer: PeerIdentity, onClose: (error?: Error) => void): PeerLink {
    const { handler, self } = this.#state();
    const { keepAliveMs, maxPeerFrameBytes, maxPeerQueueBytes, maxPeerQueueMessages } =
      this.#limits;
    return new PeerLink(socket, {
      self: self.nodeId,
      peer,
      clock: this.#options.clock,
      keepAliveMs,
      limits: {
        maxBodyBytes: maxPeerFrameBytes,
        queue: { maxBytes: maxPeerQueueBytes, maxFrames: maxPeerQueueMessages },
      },
      onMessage: (message) => handler.onMessage(message),
      onTooLarge: (bytes) =>
        this.#log.warn("frame", `a message of ${bytes} bytes to ${peer.nodeId} is too large`),
      onClose,
    });
  }

  /** Once for each `name` at a host, however it calls itself, until something else is wrong with it. */
  #warnOf(socket: FrameSocket, problem: string, name = ""): boolean {
    const host = socket.remoteHost;
    return this.#log.warn(`${host} ${name}`, `connections from ${host}: ${problem}`);
  }

  #self(): TransportIdentity {
    return this.#state().self;
  }

  #handler(): TransportHandler {
    return this.#state().handler;
  }

  #state(): { readonly self: TransportIdentity; readonly handler: TransportHandler } {
    if (this.#started === undefined) throw new Error("start comes before everything else");
    return this.#started;
  }
}

/** Whether a connection, if there is one, is to the store that the configuration names. */
function isOfStore({ storeId }: Member, link: PeerLink | undefined): boolean {
  return storeId === undefined || link === undefined || link.peer.storeId === storeId;
}
