/**
 * A storage that lets a checker see which bytes a snapshot is switched in with, and tells the scheduler whenever promises
 * are under way: it knows nothing else of the storage. It changes nothing.
 */

import type { SnapshotMeta } from "../src/core/types.ts";
import type { Storage } from "../src/storage/storage.ts";
import type { Scheduler } from "./scheduler.ts";

export function observedStorage(
  storage: Storage,
  onSwitch: (meta: SnapshotMeta, chunks: readonly Uint8Array[]) => void,
  scheduler: Scheduler,
): Storage {
  const staged = new Map<string, Uint8Array[]>();
  const and = <Value>(value: Value): Value => {
    scheduler.wantDrain();
    return value;
  };
  return {
    open: (identity) => and(storage.open(identity)),
    write(write) {
      const { snapshot } = write;
      if (snapshot !== undefined) onSwitch(snapshot, staged.get(snapshot.id) ?? []);
      return and(storage.write(write));
    },
    readEntries: (range) => and(storage.readEntries(range)),
    stageChunk(id, chunk, bytes) {
      if (chunk === 0) staged.set(id, []);
      staged.get(id)?.push(bytes);
      return and(storage.stageChunk(id, chunk, bytes));
    },
    readChunk: (id, chunk) => and(storage.readChunk(id, chunk)),
    dropSnapshot(id) {
      staged.delete(id);
      return and(storage.dropSnapshot(id));
    },
    recordPeer: (peer, storeId) => and(storage.recordPeer(peer, storeId)),
    close: () => and(storage.close()),
  };
}
