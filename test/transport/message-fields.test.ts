import { expect, test, vi } from "vitest";
import type { Member } from "../../src/core/types.ts";
import type { SnapshotChunk } from "../../src/transport/transport.ts";

function voter(id: string, address: string): Member {
  return { id, address, storeId: undefined };
}

/** What the fields take beside the one address of a length to choose. */
const BYTES_BESIDE_ADDRESS = 3122;

function chunkWithAddress(length: number): SnapshotChunk {
  const configuration = {
    voters: [
      ...["n1", "n2", "n3"].map((id) => voter(id, "a".repeat(1000))),
      voter("n4", "a".repeat(length)),
    ],
    votersOutgoing: [],
    learners: [],
  };
  return {
    type: "SnapshotChunk",
    from: "n1",
    to: "n2",
    term: 3,
    snapshot: {
      id: "s",
      lastIncluded: { term: 2, index: 5 },
      time: 7,
      configuration: { index: 1, configuration },
    },
    chunk: 2 ** 53 - 1,
    done: true,
    data: Buffer.from("data"),
  };
}

/** Where messages are put together there is so much room at first. */
const ROOM = 4096;

test("whichever field it is for which there is no room at first, it is in the message", async () => {
  for (let size = ROOM - 16; size < ROOM + 16; size += 1) {
    // Each time anew: once there is more room, it stays.
    vi.resetModules();
    const { decodeMessage, encodeMessage } = await import("../../src/transport/messages.ts");
    const message = chunkWithAddress(size - BYTES_BESIDE_ADDRESS);
    const parts = encodeMessage(message);
    expect(parts[0]).toHaveLength(size);
    expect(decodeMessage(Buffer.concat(parts))).toEqual(message);
  }
});
