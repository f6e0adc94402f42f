/** `quorate/transport`: what it takes to carry messages otherwise than over TCP: the contract, and messages as checked bytes. */

export { decodeMessage, encodeMessage, WIRE_VERSION } from "./messages.ts";
export type {
  ClientLink,
  Connection,
  ConnectionHandler,
  PeerIdentity,
  PeerMessage,
  PeerRefusal,
  SnapshotChunk,
  SnapshotChunkResponse,
  Transport,
  TransportHandler,
  TransportIdentity,
} from "./transport.ts";
