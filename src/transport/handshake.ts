/**
 * The handshake: who are you, whom did you want, may you in. One frame at a time, each side waiting for the other's.
 *
 * ```
 * peer                                              member
 *   ["peer", magic, version, cluster, node, store, expected node] -->
 *   <-- ["welcome", cluster, node, store]   or   ["refused", code, reason]
 *   ["welcome", cluster, node, store]   or   ["refused", code, reason] -->
 *
 * client                                            member
 *   ["client", magic, version, cluster or ""] -->
 *   <-- ["welcome", cluster, node, store]   or   ["refused", code, reason]
 * ```
 *
 * Both sides of a peer connection judge the other, so each can refuse. Frames are JSON here and only here: what reads
 * strangers' bytes should be small, strict about UTF-8, and unable to allocate more than it was sent.
 */

import { isRaftError, messageOf, RaftError } from "../errors.ts";
import { type Frame, frameOf } from "./frame.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { WIRE_VERSION } from "./messages.ts";
import type { PeerIdentity, PeerRefusal, TransportIdentity } from "./transport.ts";

const MAGIC = "quorate";

/** How a handshake ended, unless the connection did. */
export type Outcome =
  | { readonly type: "peer"; readonly peer: PeerIdentity }
  | { readonly type: "client" }
  /** We have told the other side, who calls itself `name`, that we do not want it. */
  | { readonly type: "refusing"; readonly name: string; readonly refusal: PeerRefusal }
  /** The other side, believed to be `name`, does not want us. */
  | { readonly type: "refused"; readonly name: string; readonly refusal: PeerRefusal };

export type AdmitPeer = (peer: PeerIdentity) => Promise<PeerRefusal | undefined>;

/** The member's part of both kinds. `refuseClients` gives a reason while there is no room for one more. */
export async function answerHandshake(
  socket: FrameSocket,
  self: TransportIdentity,
  admitPeer: AdmitPeer,
  refuseClients: () => string | undefined,
): Promise<Outcome> {
  const [role, magic, version, clusterId, ...rest] = parse(await socket.nextFrame());
  if (magic !== MAGIC || version !== WIRE_VERSION) {
    return refuse(socket, "a stranger", {
      code: "RAFT_HANDSHAKE_REFUSED",
      reason: `this is ${MAGIC} with wire version ${WIRE_VERSION}, not ${magic} with ${version}`,
    });
  }
  if (role === "client") {
    const refusal = judgeClient(self, clusterId, refuseClients());
    if (refusal !== undefined) return refuse(socket, "a client", refusal);
    socket.send(welcome(self));
    return { type: "client" };
  }

  const [nodeId, storeId, expected] = rest;
  if (role !== "peer" || nodeId === undefined || storeId === undefined || expected === undefined) {
    throw new RaftError("RAFT_BAD_FRAME", "not the first frame of a handshake");
  }
  const peer = { clusterId: clusterId ?? "", nodeId, storeId };
  const refusal =
    judgeExpectation(self, peer, expected) ?? (await judgePeer(socket, self, peer, admitPeer));
  if (refusal !== undefined) return refuse(socket, nodeId, refusal);
  socket.send(welcome(self));
  const answer = parseAnswer(await socket.nextFrame());
  return answer.type === "refused"
    ? { ...answer, name: nodeId }
    : { type: "peer", peer: { nodeId, storeId } };
}

/** The dialling member's part; `expected` is whom it wants to reach. */
export async function greetAsPeer(
  socket: FrameSocket,
  self: TransportIdentity,
  expected: string,
  admitPeer: AdmitPeer,
): Promise<Outcome> {
  socket.send(
    message("peer", MAGIC, WIRE_VERSION, self.clusterId, self.nodeId, self.storeId, expected),
  );
  const answer = await answerTo(socket);
  if (answer.type === "refused") return { ...answer, name: expected };
  const { nodeId, storeId } = answer.identity;
  const refusal =
    nodeId === expected
      ? await judgePeer(socket, self, answer.identity, admitPeer)
      : wrongNode(`${expected} was expected here, not ${nodeId}`);
  if (refusal !== undefined) return refuse(socket, nodeId, refusal);
  socket.send(welcome(self));
  return { type: "peer", peer: { nodeId, storeId } };
}

/** The client's part; `clusterId` may be `undefined` where any cluster will do. */
export async function greetAsClient(
  socket: FrameSocket,
  clusterId: string | undefined,
): Promise<Outcome> {
  socket.send(message("client", MAGIC, WIRE_VERSION, clusterId ?? ""));
  const answer = await answerTo(socket);
  if (answer.type === "refused") return { ...answer, name: socket.remote };
  const { nodeId } = answer.identity;
  return socket.proves(nodeId)
    ? { type: "client" }
    : { type: "refusing", name: nodeId, refusal: wrongCertificate(nodeId) };
}

/** What a greeting is answered. A side that wants TLS, or another certificate, answers by hanging up. */
async function answerTo(socket: FrameSocket): Promise<Answer> {
  try {
    return parseAnswer(await socket.nextFrame());
  } catch (error) {
    if (!isRaftError(error, "RAFT_CONNECTION_LOST")) throw error;
    const question = socket.isEncrypted ? "does it accept this certificate" : "does it want TLS";
    const text = `${error.message} before it answered: ${question}?`;
    throw new RaftError("RAFT_CONNECTION_LOST", text, { cause: error });
  }
}

function judgeClient(
  self: TransportIdentity,
  clusterId: string | undefined,
  noRoom: string | undefined,
): PeerRefusal | undefined {
  if (clusterId !== "" && clusterId !== self.clusterId) return wrongCluster(self, clusterId);
  return noRoom === undefined ? undefined : { code: "RAFT_HANDSHAKE_REFUSED", reason: noRoom };
}

function judgeExpectation(
  self: TransportIdentity,
  peer: TransportIdentity,
  expected: string,
): PeerRefusal | undefined {
  if (peer.clusterId !== self.clusterId) return wrongCluster(self, peer.clusterId);
  return expected === self.nodeId
    ? undefined
    : wrongNode(`this is ${self.nodeId}, not ${expected}: is its address right in the membership?`);
}

async function judgePeer(
  socket: FrameSocket,
  self: TransportIdentity,
  peer: TransportIdentity,
  admitPeer: AdmitPeer,
): Promise<PeerRefusal | undefined> {
  if (peer.clusterId !== self.clusterId) return wrongCluster(self, peer.clusterId);
  if (peer.nodeId === self.nodeId) return wrongNode(`${self.nodeId} is the id of this member`);
  if (!socket.proves(peer.nodeId)) return wrongCertificate(peer.nodeId);
  return admitPeer({ nodeId: peer.nodeId, storeId: peer.storeId });
}

function wrongCluster(self: TransportIdentity, clusterId: string | undefined): PeerRefusal {
  return {
    code: "RAFT_WRONG_CLUSTER",
    reason: `${self.nodeId} is of cluster ${self.clusterId}, not ${clusterId}`,
  };
}

function wrongNode(reason: string): PeerRefusal {
  return { code: "RAFT_WRONG_NODE", reason };
}

function wrongCertificate(nodeId: string): PeerRefusal {
  return wrongNode(`the certificate is not that of ${nodeId}`);
}

function refuse(socket: FrameSocket, name: string, refusal: PeerRefusal): Outcome {
  socket.send(message("refused", refusal.code, refusal.reason));
  socket.end();
  return { type: "refusing", name, refusal };
}

function welcome({ clusterId, nodeId, storeId }: TransportIdentity): Frame {
  return message("welcome", clusterId, nodeId, storeId);
}

function message(...fields: readonly string[]): Frame {
  return frameOf([Buffer.from(JSON.stringify(fields))]);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function parse(frame: Buffer): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(strictUtf8.decode(frame));
  } catch (cause) {
    throw new RaftError("RAFT_BAD_FRAME", `not a handshake: ${messageOf(cause)}`, { cause });
  }
  if (!Array.isArray(value) || !value.every((field) => typeof field === "string")) {
    throw new RaftError("RAFT_BAD_FRAME", "a handshake is a list of texts");
  }
  return value;
}

const REFUSAL_CODES = ["RAFT_WIPED_MEMBER", "RAFT_WRONG_CLUSTER", "RAFT_WRONG_NODE"] as const;

type Answer =
  | { readonly type: "welcome"; readonly identity: TransportIdentity }
  | { readonly type: "refused"; readonly refusal: PeerRefusal };

function parseAnswer(frame: Buffer): Answer {
  const [type, first, second, third] = parse(frame);
  if (type === "refused" && first !== undefined && second !== undefined) {
    const code = REFUSAL_CODES.find((known) => known === first) ?? "RAFT_HANDSHAKE_REFUSED";
    return { type, refusal: { code, reason: second } };
  }
  if (
    type !== "welcome" ||
    first === undefined ||
    second === undefined ||
    third === undefined ||
    second === ""
  ) {
    throw new RaftError("RAFT_BAD_FRAME", "neither a welcome nor a refusal");
  }
  return { type, identity: { clusterId: first, nodeId: second, storeId: third } };
}
