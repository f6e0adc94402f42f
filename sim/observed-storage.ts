/**
 * A storage that lets a checker see which bytes a snapshot is switched in with, and which reads are in vain, and tells the
 * scheduler whenever promises are under way: it knows nothing else of the storage. It changes nothing.
 */

import type { LogIndex, SnapshotMeta } from "../src/core/types.ts";
import type { Storage } from "../src/storage/storage.ts";
import type { Scheduler } from "./scheduler.ts";

export interface StorageObserver {
  readonly onSwitch: (meta: SnapshotMeta, chunks: readonly Uint8Array[]) => void;
  /** Entries were asked for from there on, and the storage has given them, or not. */
  readonly onRead: (from: LogIndex, isThere: boolean) => void;
}

export function observedStorage(
  storage: Storage,
  { onSwitch, onRead }: StorageObserver,
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
    readEntries(range) {
      const reading = storage.readEntries(range);
      reading.then(
        () => onRead(range.from, true),
        () => onRead(range.from, false),
      );
      return and(reading);
    },
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
