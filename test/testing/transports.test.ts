/** The transport suite refuses wrong transports: what is between members. Each mistake by the case that is about it. */

import { describe, expect, test } from "vitest";
import type { Member } from "../../src/core/types.ts";
import { MemoryTransport } from "../../src/transport/memory.ts";
import type {
  PeerMessage,
  TransportHandler,
  TransportIdentity,
} from "../../src/transport/transport.ts";
import { refusalsOf } from "./wrong-transport.ts";
import type { Implementation } from "./wrong-transport.ts";

function changed(message: PeerMessage, change: (entry: Uint8Array) => Uint8Array): PeerMessage {
  if (message.type !== "AppendEntries") return message;
  const entries = message.entries.map((entry) =>
    entry.kind === "command" ? { ...entry, payload: change(entry.payload) } : entry,
  );
  return { ...message, entries };
}

const EVERY_KIND = "every kind of message arrives as it was sent";
const NOTHING_SHARED = "what has arrived shares no memory with what was sent";
const ONLY_NAMED = "a message is delivered to the member it names and to nobody else";
const OTHER_ADDRESS =
  "a message is not delivered to another member that listens where the named one is looked for";
const SILENCE = "a message to nobody, before the start or after the close, is lost in silence";
const ACCEPTOR = "a peer that the accepting side refuses is not heard, and learns why";
const SUCCESSOR = "close is idempotent, and its address is free for a successor, who is heard";

const MISTAKES: readonly (readonly [
  mistake: string,
  refusedBy: string,
  Transport: Implementation,
])[] = [
  [
    "adds a byte to payloads",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive(changed(message, (payload) => Uint8Array.from([...payload, 0])));
      }
    },
  ],
  [
    "loses the sender's id",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive({ ...message, from: "" });
      }
    },
  ],
  [
    "takes every vote for granted",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive("voteGranted" in message ? { ...message, voteGranted: true } : message);
      }
    },
  ],
  [
    "takes every vote for refused where a pre-vote was asked for",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive(
          message.type === "RequestVoteResponse" ? { ...message, voteGranted: false } : message,
        );
      }
    },
  ],
  [
    "takes every election for a transfer",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive(
          message.type === "RequestVote" ? { ...message, leadershipTransfer: true } : message,
        );
      }
    },
  ],
  [
    "loses what comes with a refused append",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        if (message.type !== "AppendEntriesResponse" || message.success) super.receive(message);
      }
    },
  ],
  [
    "takes every chunk for the last",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive(message.type === "SnapshotChunk" ? { ...message, done: true } : message);
      }
    },
  ],
  [
    "takes payloads for text",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive(changed(message, (payload) => Buffer.from(Buffer.from(payload).toString())));
      }
    },
  ],
  [
    "cuts a term to 32 bits",
    EVERY_KIND,
    class extends MemoryTransport {
      override receive(message: PeerMessage): void {
        super.receive({ ...message, term: message.term >>> 0 });
      }
    },
  ],
  [
    "hands over the bytes that it was given",
    NOTHING_SHARED,
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        changed(message, (payload) => (Shared.given = payload));
        super.send(message);
      }
      override receive(message: PeerMessage): void {
        super.receive(changed(message, (payload) => Shared.given ?? payload));
      }
    },
  ],
  [
    "uses one buffer for all that it receives",
    NOTHING_SHARED,
    class extends MemoryTransport {
      readonly #buffer = Buffer.alloc(1000);
      override receive(message: PeerMessage): void {
        super.receive(
          changed(message, (payload) => {
            this.#buffer.set(payload);
            return this.#buffer.subarray(0, payload.length);
          }),
        );
      }
    },
  ],
  [
    "uses one buffer for all the chunks that it receives",
    NOTHING_SHARED,
    class extends MemoryTransport {
      readonly #buffer = Buffer.alloc(1000);
      override receive(message: PeerMessage): void {
        if (message.type !== "SnapshotChunk") return super.receive(message);
        this.#buffer.set(message.data);
        super.receive({ ...message, data: this.#buffer.subarray(0, message.data.length) });
      }
    },
  ],
  [
    "sends to everybody",
    ONLY_NAMED,
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        for (const to of ["n1", "n2", "n3"]) super.send({ ...message, to });
      }
    },
  ],
  [
    "hands a message to whoever listens at the address",
    OTHER_ADDRESS,
    class extends MemoryTransport {
      readonly #addresses = new Map<string, string>();
      override start(identity: TransportIdentity, handler: TransportHandler): Promise<void> {
        Shared.listening.set(this.address, this);
        return super.start(identity, handler);
      }
      override setMembers(members: readonly Member[]): void {
        for (const { id, address } of members) this.#addresses.set(id, address);
        super.setMembers(members);
      }
      override send(message: PeerMessage): void {
        Shared.listening.get(this.#addresses.get(message.to) ?? "")?.receive(message);
      }
    },
  ],
  [
    "believes whatever name a message bears",
    "what a member says in the name of another is not heard",
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        if (message.type === "Heartbeat") Shared.claims.set(message.round, message.from);
        super.send({ ...message, from: this.identity.nodeId });
      }
      override receive(message: PeerMessage): void {
        const claim = message.type === "Heartbeat" ? Shared.claims.get(message.round) : undefined;
        super.receive({ ...message, from: claim ?? message.from });
      }
    },
  ],
  [
    "carries no entry of more than 1 MiB",
    "an append with a command of 8 MiB arrives whole",
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        let isLong = false;
        changed(message, (payload) => {
          isLong ||= payload.length > 1024 * 1024;
          return payload;
        });
        if (!isLong) super.send(message);
      }
    },
  ],
  [
    "carries no more than 65,536 entries",
    "an append with 8 MiB of small entries arrives whole",
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        if (message.type !== "AppendEntries" || message.entries.length <= 65_536)
          super.send(message);
      }
    },
  ],
  [
    "carries no more than 64 KiB of a snapshot",
    "a chunk with 128 KiB of a snapshot arrives whole",
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        if (message.type !== "SnapshotChunk" || message.data.length <= 65_536) super.send(message);
      }
    },
  ],
  [
    "speaks to members only",
    "an answer reaches a member that the own membership lacks",
    class extends MemoryTransport {
      #members: readonly Member[] = [];
      override setMembers(members: readonly Member[]): void {
        this.#members = members;
        super.setMembers(members);
      }
      override send(message: PeerMessage): void {
        if (this.#members.some(({ id }) => id === message.to)) super.send(message);
      }
    },
  ],
  [
    "throws before its start",
    SILENCE,
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        if (this.identity.nodeId === "") return;
        super.send(message);
      }
    },
  ],
  [
    "throws where the addressee is nobody",
    SILENCE,
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        if (message.to === "nobody") throw new Error("who is that?");
        super.send(message);
      }
    },
  ],
  [
    "throws after its close",
    SILENCE,
    class extends MemoryTransport {
      #isClosed = false;
      override send(message: PeerMessage): void {
        if (this.#isClosed) throw new Error("closed");
        super.send(message);
      }
      override close(): Promise<void> {
        this.#isClosed = true;
        return super.close();
      }
    },
  ],
  [
    "talks to itself",
    SILENCE,
    class extends MemoryTransport {
      override send(message: PeerMessage): void {
        if (message.from === message.to) this.receive(message);
        else super.send(message);
      }
    },
  ],
  [
    "throws when too much is sent at once",
    "what is too much to be queued is lost in silence",
    class extends MemoryTransport {
      #sent = 0;
      override send(message: PeerMessage): void {
        this.#sent += 1;
        if (this.#sent > 100) throw new Error("the queue is full");
        super.send(message);
      }
    },
  ],
  [
    "delivers after its close what was under way",
    "nothing is delivered once close has been called",
    class extends MemoryTransport {
      override close(): Promise<void> {
        setImmediate(() => void super.close());
        return Promise.resolve();
      }
    },
  ],
  [
    "keeps its address",
    SUCCESSOR,
    class extends MemoryTransport {
      override close(): Promise<void> {
        return Promise.resolve();
      }
    },
  ],
  [
    "refuses to be closed again",
    SUCCESSOR,
    class extends MemoryTransport {
      #isClosed = false;
      override close(): Promise<void> {
        if (this.#isClosed) return Promise.reject(new Error("closed"));
        this.#isClosed = true;
        return super.close();
      }
    },
  ],
  [
    "starts where another one listens",
    "an address is not given twice",
    class extends MemoryTransport {
      override start(identity: TransportIdentity, handler: TransportHandler): Promise<void> {
        return super.start(identity, handler).catch(() => undefined);
      }
    },
  ],
  [
    "asks nobody whether a peer is welcome",
    ACCEPTOR,
    class extends MemoryTransport {
      override admits(): Promise<boolean> {
        return Promise.resolve(true);
      }
    },
  ],
  [
    "does not tell a peer that it is refused",
    ACCEPTOR,
    class extends MemoryTransport {
      override refusedBy(): void {}
    },
  ],
  [
    "hears a peer while it is asked whether it is welcome",
    ACCEPTOR,
    class extends MemoryTransport {
      override async admits(...asked: Parameters<MemoryTransport["admits"]>): Promise<boolean> {
        this.receive({ type: "TimeoutNow", from: "n1", to: "n2", term: 1 });
        return super.admits(...asked);
      }
    },
  ],
  [
    "knows no clusters",
    "a member of another cluster is refused",
    class extends MemoryTransport {
      override start(identity: TransportIdentity, handler: TransportHandler): Promise<void> {
        return super.start({ ...identity, clusterId: "any" }, handler);
      }
    },
  ],
  [
    "never lets go of a member",
    "a member that left the membership on both sides is not heard any more",
    class extends MemoryTransport {
      readonly #all = new Map<string, Member>();
      override setMembers(members: readonly Member[]): void {
        for (const member of members) this.#all.set(member.id, member);
        super.setMembers([...this.#all.values()]);
      }
    },
  ],
];

/** What some of the wrong ones share, and should not. */
const Shared = {
  given: undefined as Uint8Array | undefined,
  /** Who a heartbeat says that it is from, by its round. */
  claims: new Map<number, string>(),
  /** Who listens where. */
  listening: new Map<string, MemoryTransport>(),
};

describe("a wrong transport is refused: one that", () => {
  test.each(MISTAKES)("%s", async (_, refusedBy, Transport) => {
    const refusals = await refusalsOf(refusedBy, Transport);
    expect(refusals).toEqual({ right: [], wrong: [refusedBy] });
  });
});
