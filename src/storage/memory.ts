/**
 * A disk in memory that outlives the storage on it: a test can crash a node, lose what was not yet synced, and start it
 * again from the rest. Nothing here waits for a timer: everything is done one step of the promise queue later.
 */

import sortedBTree from "sorted-btree";
import { RaftError } from "../errors.ts";
import type { Guard, GuardRecord } from "./guard.ts";
import { LogStore } from "./log-store.ts";
import type { OrderedStore, StoreOperation, StoreRange, StoreRecord } from "./ordered-store.ts";
import type { Storage } from "./storage.ts";

/** The package is CommonJS: its class is the default of its default. */
const { default: BTree } = sortedBTree;
type Records = sortedBTree.default<string, Uint8Array>;

/** Records, batches that a crash may still take, and a guard. One storage at a time has it open. */
export class MemoryDisk {
  #records: Records = emptyRecords();
  /** The records without what is unsynced. */
  #durable: Records = emptyRecords();
  #unsynced: (readonly StoreOperation[])[] = [];
  #guard: GuardRecord | undefined;
  /** The store that has the disk open. */
  #owner: OrderedStore | undefined;
  /** Rises with each crash: what belongs to an earlier one does not reach the disk any more. */
  #life = 0;

  /** How many batches a crash would take, at worst. */
  get unsyncedBatches(): number {
    return this.#unsynced.length;
  }

  /**
   * Cuts off whoever has the disk open: its calls reject from now on. Of the batches that are not synced the first
   * `keep` have reached the disk, the others are lost.
   */
  crash(keep = 0): void {
    for (const operations of this.#unsynced.slice(0, keep)) applyTo(this.#durable, operations);
    this.#unsynced = [];
    this.#records = this.#durable.clone();
    this.#owner = undefined;
    this.#life += 1;
  }

  /** A handle; it is to be opened, and rejects with `RAFT_LOCKED` while another one is open. */
  orderedStore(): OrderedStore {
    const store: OrderedStore = {
      open: async () => {
        if (this.#owner !== undefined) {
          throw new RaftError("RAFT_LOCKED", "the memory disk is in use by another storage");
        }
        this.#owner = store;
      },
      get: async (key) => this.#read(store).get(key),
      range: async (range) => select(this.#read(store), range),
      keys: async (range) => select(this.#read(store), range).map(({ key }) => key),
      batch: async (operations, { sync }) => {
        applyTo(this.#read(store), operations);
        this.#unsynced.push(operations);
        await Promise.resolve();
        this.#read(store);
        if (sync) this.#sync();
      },
      close: async () => {
        if (this.#owner === store) this.#owner = undefined;
      },
    };
    return store;
  }

  /** A handle; it needs no opening, and is cut off by the next crash. */
  guard(): Guard {
    const life = this.#life;
    const assertAlive = (): void => {
      if (this.#life !== life) throw crashed();
    };
    return {
      load: async () => {
        assertAlive();
        return this.#guard;
      },
      save: async (record) => {
        await Promise.resolve();
        assertAlive();
        this.#guard = record;
      },
      close: async () => undefined,
    };
  }

  #read(store: OrderedStore): Records {
    if (this.#owner !== store) throw crashed();
    return this.#records;
  }

  #sync(): void {
    for (const operations of this.#unsynced) applyTo(this.#durable, operations);
    this.#unsynced = [];
  }
}

/** A storage on a disk in memory, a new one unless it is given. Opened once, as `levelStorage`: it is the disk that stays. */
export function memoryStorage(disk: MemoryDisk = new MemoryDisk()): Storage {
  return new LogStore(disk.orderedStore(), disk.guard());
}

function emptyRecords(): Records {
  return new BTree<string, Uint8Array>(undefined, compareKeys);
}

function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function applyTo(records: Records, operations: readonly StoreOperation[]): void {
  for (const operation of operations) {
    if (operation.type === "put") records.set(operation.key, operation.value);
    else records.delete(operation.key);
  }
}

function select(records: Records, { gte, lt, reverse, limit }: StoreRange): StoreRecord[] {
  const found: StoreRecord[] = [];
  const pairs =
    reverse === true ? records.entriesReversed(lt, undefined, true) : records.entries(gte);
  for (const [key, value] of pairs) {
    if (found.length === limit || (reverse === true ? key < gte : key >= lt)) break;
    found.push({ key, value });
  }
  return found;
}

function crashed(): Error {
  return new Error("the memory disk crashed, or was not open");
}
