/** Chunks of snapshots as a network brings them. */

import { expect, test } from "vitest";
import { SnapshotReceiver } from "../../src/node/snapshot-receiver.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { PeerMessage, SnapshotChunk } from "../../src/transport/transport.ts";
import { snapshotAt } from "../core/support/say.ts";

const bootstrap = { voters: [], votersOutgoing: [], learners: [] };

function chunkOf(index: number, chunk: number, term = 3): SnapshotChunk {
  const snapshot = snapshotAt([2, index]);
  const data = Buffer.from([chunk]);
  return { type: "SnapshotChunk", from: "a", to: "b", term, snapshot, chunk, done: false, data };
}

/** What a receiver answers to these chunks, one after the other: the snapshot's index, and what comes next. */
async function answersTo(...chunks: readonly SnapshotChunk[]): Promise<readonly string[]> {
  const storage = memoryStorage();
  await storage.open({ clusterId: "c", nodeId: "b", bootstrap, newStoreId: "s" });
  const answers: string[] = [];
  const staging: Promise<unknown>[] = [];
  const receiver = new SnapshotReceiver({
    storage,
    send: (message: PeerMessage) => {
      if (message.type === "SnapshotChunkResponse")
        answers.push(`${message.snapshotId.split("-").at(-1)}: ${message.next}`);
    },
    onStaged: () => undefined,
    drop: (id) => void staging.push(storage.dropSnapshot(id)),
    onFailure: (error) => {
      throw error;
    },
    track: (task) => void staging.push(task),
  });
  for (const chunk of chunks) {
    receiver.onChunk(chunk);
    await Promise.all(staging);
  }
  await storage.close();
  return answers;
}

test("a late chunk of a leader's earlier snapshot does not throw away what there is of its next", async () => {
  const answers = await answersTo(chunkOf(9, 0), chunkOf(9, 1), chunkOf(5, 0), chunkOf(9, 2));
  expect(answers).toEqual(["9: 1", "9: 2", "9: 3"]);
});

test("a leader's next snapshot, and any of the next leader's, takes the place of one that did not come in whole", async () => {
  const answers = await answersTo(
    chunkOf(5, 0),
    chunkOf(9, 0),
    chunkOf(5, 0, 4),
    chunkOf(5, 1, 4),
    chunkOf(9, 1),
  );
  expect(answers).toEqual(["5: 1", "9: 1", "5: 1", "5: 2", "9: 0"]);
});
