/**
 * `quorate/storage`: what it takes to keep a log elsewhere than in `level`: the contracts, and the log store over any ordered
 * store, with the guard that it needs beside it.
 */

export { FileGuard } from "./file-guard.ts";
export type { Guard, GuardRecord } from "./guard.ts";
export { LogStore } from "./log-store.ts";
export { MemoryDisk, memoryStorage } from "./memory.ts";
export type { OrderedStore, StoreOperation, StoreRange, StoreRecord } from "./ordered-store.ts";
export { emptySnapshot, MAX_CHUNK_BYTES } from "./storage.ts";
export type { EntryRange, OpenedStorage, Storage, StorageIdentity } from "./storage.ts";
