/** Messages between members, connections of clients, and who carries them. */

import type { Message } from "../core/message.ts";
import type { Member, NodeId, SnapshotMeta, Term } from "../core/types.ts";

/** One piece of a snapshot on its way to a follower (figure 13); handled by the node, unseen by the core. */
export interface SnapshotChunk {
  readonly type: "SnapshotChunk";
  readonly from: NodeId;
  readonly to: NodeId;
  /** The leader's term. */
  readonly term: Term;
  readonly snapshot: SnapshotMeta;
  /** Counted from 0. */
  readonly chunk: number;
  /** Whether this is the last chunk. */
  readonly done: boolean;
  /** At most `MAX_CHUNK_BYTES`. */
  readonly data: Uint8Array;
}

/** "I have every chunk below `next`": 0 where the receiver has lost what it had, so that the sender rewinds. */
export interface SnapshotChunkResponse {
  readonly type: "SnapshotChunkResponse";
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly snapshotId: string;
  readonly next: number;
}

/** Whatever one member sends another: the core's messages, and snapshots in pieces. */
export type PeerMessage = Message | SnapshotChunk | SnapshotChunkResponse;

/** What a member shows of itself in the handshake. */
export interface PeerIdentity {
  readonly nodeId: NodeId;
  readonly storeId: string;
}

/** A byte-frame connection to a client, or from the client's side to a node. Frames arrive whole and in order. */
export interface Connection {
  /** For logs: the other side's address. */
  readonly remote: string;
  /** Bytes that were sent and have not left yet; a sender that cares holds back while this is large, until `onDrained`. */
  readonly bufferedBytes: number;
  /** Never throws, never blocks; ignored after close. The frame must not be changed afterwards. */
  send(frame: Uint8Array): void;
  /** Idempotent. `onClose` of the own side is called too, once. What was sent still leaves where that takes no wait. */
  close(): void;
}

/** Who hears a connection. */
export interface ConnectionHandler {
  /** The frame is the handler's to keep. An exception closes the connection. */
  onFrame(frame: Uint8Array): void;
  /**
   * All that was sent has left: called whenever `bufferedBytes` has come down to 0, also where it left at once, but never
   * from within `send`.
   */
  onDrained?(): void;
  /** Called exactly once. */
  onClose(error: Error | undefined): void;
}

/** How a client reaches a node: injected like the transport, so that the very client that ships is simulated. */
export interface ClientLink {
  /** Rejects with `RAFT_HANDSHAKE_REFUSED` or `RAFT_CONNECTION_LOST`; `signal` gives up, with `RAFT_ABORTED`. */
  connect(address: string, handler: ConnectionHandler, signal: AbortSignal): Promise<Connection>;
  close(): Promise<void>;
}

/** The node's side of a transport. */
export interface TransportHandler {
  /** Called for each message that arrived; must not throw. */
  onMessage(message: PeerMessage): void;
  /**
   * Whether this peer may talk to us, asked once a handshake before anything else is read: resolves to a reason to
   * refuse it, or to `undefined`. A peer whose store id changed is refused here with `RAFT_WIPED_MEMBER`.
   */
  admitPeer(peer: PeerIdentity): Promise<PeerRefusal | undefined>;
  /** A peer has refused us for good. */
  onRefused(peer: NodeId, refusal: PeerRefusal): void;
  /** A client has connected; answer with what shall handle it, or `undefined` where no clients are served. */
  onClient(connection: Connection): ConnectionHandler | undefined;
}

/** Why a member will not talk to another one. */
export interface PeerRefusal {
  readonly code:
    "RAFT_WIPED_MEMBER" | "RAFT_WRONG_CLUSTER" | "RAFT_WRONG_NODE" | "RAFT_HANDSHAKE_REFUSED";
  readonly reason: string;
}

/** Who is speaking: known once the storage is open. */
export interface TransportIdentity extends PeerIdentity {
  readonly clusterId: string;
}

/**
 * The transport contract: unreliable datagrams between the members of one group, and, on the same port, connections
 * from clients.
 *
 * A transport may lose, delay, duplicate and reorder messages; the core is right under all of it. It must not alter
 * them, must not invent them, and must not deliver to anybody but the member named in `to`. A message that it hands
 * over has been validated: every field is of its type and in its range, as by `decodeMessage` of `quorate/transport`, and
 * `from` is the member that the connection has proven to be.
 */
export interface Transport {
  /**
   * Starts listening; rejects with `RAFT_ADDRESS_IN_USE`. Where it rejects nothing has been opened, and it is not closed:
   * it may be the one of another node, and at work.
   */
  start(identity: TransportIdentity, handler: TransportHandler): Promise<void>;
  /** Replaces the list of members: connects to new ones, lets go of those that left. Oneself in it is ignored. */
  setMembers(members: readonly Member[]): void;
  /**
   * Never blocks, never throws: a message that cannot be queued is lost, as on any network, and so is one to oneself.
   * Carries any message with 8 MiB of entries, in one or in many, or with 128 KiB of a snapshot. Reaches also a peer that
   * is not in the list of members, as long as that peer has connected to us: an answer has to, when the membership that
   * names the asker is still on its way.
   */
  send(message: PeerMessage): void;
  /** Closes everything, idempotent. Nothing is delivered once it has been called. */
  close(): Promise<void>;
}
