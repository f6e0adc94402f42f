/** A storage that one can get in front of. */

import type { Storage } from "../../../src/storage/storage.ts";

/** The same storage, with some of its methods replaced. */
export function withMethods(storage: Storage, methods: Partial<Storage>): Storage {
  return {
    open: (identity) => storage.open(identity),
    write: (write) => storage.write(write),
    readEntries: (range) => storage.readEntries(range),
    stageChunk: (id, chunk, data) => storage.stageChunk(id, chunk, data),
    readChunk: (id, chunk) => storage.readChunk(id, chunk),
    dropSnapshot: (id) => storage.dropSnapshot(id),
    recordPeer: (peer, storeId) => storage.recordPeer(peer, storeId),
    close: () => storage.close(),
    ...methods,
  };
}

/** As an operating system says that a disk is full. */
export function diskFull(): Error {
  return Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
}
