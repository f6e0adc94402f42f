/** Who is let in: a member is whoever came first under its id, with the disk that it had then (rule 43). */

import type { Member, NodeId } from "../core/types.ts";
import type { RaftError } from "../errors.ts";
import type { Storage } from "../storage/storage.ts";
import type { PeerIdentity, PeerRefusal } from "../transport/transport.ts";
import { storageError } from "./failures.ts";

interface PeersContext {
  readonly self: NodeId;
  readonly storage: Pick<Storage, "recordPeer">;
  /** A peer cannot be written down. */
  readonly onFailure: (error: RaftError) => void;
}

export class Peers {
  readonly #context: PeersContext;
  readonly #storeIds: Map<NodeId, string>;
  /** Those that are being written down: none of their connections is let in before. */
  readonly #recording = new Map<NodeId, Promise<PeerRefusal | undefined>>();

  /** `known`: store ids by the ids of members, from the disk. */
  constructor(context: PeersContext, known: ReadonlyMap<NodeId, string>) {
    this.#context = context;
    this.#storeIds = new Map(known);
  }

  /** Resolves to the reason to refuse a peer, or to `undefined` once it is durably known. */
  async admit(
    { nodeId, storeId }: PeerIdentity,
    members: readonly Member[],
  ): Promise<PeerRefusal | undefined> {
    const { self } = this.#context;
    if (nodeId === self || !members.some(({ id }) => id === nodeId)) {
      return {
        code: "RAFT_HANDSHAKE_REFUSED",
        reason: `${JSON.stringify(nodeId)} is not a peer of ${self}`,
      };
    }
    const known = this.#storeIds.get(nodeId);
    if (known === undefined) {
      this.#storeIds.set(nodeId, storeId);
      this.#recording.set(nodeId, this.#record(nodeId, storeId));
    } else if (known !== storeId) {
      return {
        code: "RAFT_WIPED_MEMBER",
        reason: `${nodeId} has come back with another disk (${storeId}, not ${known}): it has forgotten what it voted for`,
      };
    }
    return this.#recording.get(nodeId);
  }

  async #record(nodeId: NodeId, storeId: string): Promise<PeerRefusal | undefined> {
    const { self, storage, onFailure } = this.#context;
    try {
      await storage.recordPeer(nodeId, storeId);
    } catch (cause) {
      const error = storageError(cause);
      onFailure(error);
      return { code: "RAFT_HANDSHAKE_REFUSED", reason: `${self} stops: ${error.message}` };
    }
    this.#recording.delete(nodeId);
    return undefined;
  }
}
