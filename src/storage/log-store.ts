/**
 * A `Storage` over any `OrderedStore`: how a Raft log, a vote and snapshots become keys and values, and how they are
 * found again. Nothing in memory grows with the length of the log but the runs of its terms.
 *
 * Every change goes through one stream, one batch at a time, and every batch carries the marker (see `layout`), so that
 * a store which loses a batch is caught at the next open. Term and vote have a second copy, the guard (see `guard`).
 */

import type { Entry, NodeId, SnapshotMeta, StoredState, Write } from "../core/types.ts";
import { encodeEntries } from "../entry-codec.ts";
import { RaftError } from "../errors.ts";
import { BatchStream } from "./batch-stream.ts";
import { assertContract, storageFailure, verify } from "./checks.ts";
import { Garbage } from "./garbage.ts";
import { GuardKeeper, verifyAgainstGuard } from "./guard.ts";
import type { Guard, GuardRecord } from "./guard.ts";
import {
  chunkKey,
  keyOf,
  numberRange,
  putChunk,
  putMarker,
  putMeta,
  putPeer,
  readChunkRecord,
} from "./layout.ts";
import type { StoredSnapshot } from "./layout.ts";
import { readEntries } from "./log-reader.ts";
import { applyWrite, initialState, markerOf } from "./log-state.ts";
import type { LogState } from "./log-state.ts";
import type { OrderedStore, StoreOperation } from "./ordered-store.ts";
import { recover } from "./recovery.ts";
import type { Recovered } from "./recovery.ts";
import { emptySnapshot, MAX_CHUNK_BYTES } from "./storage.ts";
import type { EntryRange, OpenedStorage, Storage, StorageIdentity } from "./storage.ts";

/** Where the chunks of a staged or switched-in snapshot are. */
interface StagedSnapshot {
  readonly number: number;
  /** The next chunk to be staged. */
  next: number;
  /** Chunks that are durable. */
  durable: number;
}

/** Everything that is known once the store is open. */
interface Session {
  readonly state: LogState;
  readonly stream: BatchStream;
  readonly garbage: Garbage;
  readonly keeper: GuardKeeper;
  readonly snapshots: Map<string, StagedSnapshot>;
  /** For each peer whose store id was recorded: when that is durable. */
  readonly peers: Map<NodeId, Promise<void>>;
  /** The snapshot that is current once every write so far is done. */
  newestSnapshot: string;
  nextSnapshot: number;
  nextSequence: number;
  batchNumber: number;
}

/** The storage contract over any ordered store, with a guard beside it. For one node, and opened once. */
export class LogStore implements Storage {
  readonly #store: OrderedStore;
  readonly #guard: Guard;
  /** Resolves when the one opening that there is has ended, however that was. */
  #opened: Promise<unknown> | undefined;
  #session: Session | undefined;
  #closing: Promise<void> | undefined;

  /** Takes over both: it opens and closes them. It can be opened once. */
  constructor(store: OrderedStore, guard: Guard) {
    this.#store = store;
    this.#guard = guard;
  }

  async open(identity: StorageIdentity): Promise<OpenedStorage> {
    if (this.#opened !== undefined || this.#closing !== undefined) {
      throw new RaftError(
        "RAFT_INVALID_OPTION",
        "this storage has been opened or closed before: each start of a node needs one of its own",
      );
    }
    const opening = this.#open(identity);
    this.#opened = opening.catch(() => undefined);
    try {
      const opened = await opening;
      if (this.#closing !== undefined) throw closed();
      return opened;
    } catch (error) {
      // Why it cannot be opened matters more than whether it can be closed.
      await this.close().catch(() => undefined);
      throw storageFailure(error, "the storage cannot be opened");
    }
  }

  async write(write: Write): Promise<void> {
    const session = this.#usable();
    assertContract(
      write.sequence === session.nextSequence,
      `write ${write.sequence} comes where write ${session.nextSequence} is due`,
    );
    session.nextSequence += 1;
    const encoded = encodeEntries(write.entries);
    const snapshot =
      write.snapshot === undefined ? undefined : stagedSnapshot(session, write.snapshot);
    await session.stream.add({
      bytes: encoded.length,
      startsBatch: write.truncateFrom !== undefined,
      plan: (operations) =>
        applyWrite(this.#store, session.state, { write, encoded, snapshot }, operations),
    });
  }

  async readEntries(range: EntryRange): Promise<readonly Entry[]> {
    return await readEntries(this.#store, this.#usable().state, range);
  }

  async stageChunk(id: string, chunk: number, bytes: Uint8Array): Promise<void> {
    assertContract(
      bytes.length <= MAX_CHUNK_BYTES,
      `a chunk of ${bytes.length} bytes; at most ${MAX_CHUNK_BYTES} go into one`,
    );
    const session = this.#usable();
    const staged = chunk === 0 ? beginStaging(session, id) : session.snapshots.get(id);
    assertContract(
      staged?.next === chunk && id !== session.newestSnapshot,
      `chunk ${chunk} of snapshot "${id}" comes where chunk ${staged?.next ?? 0} is due`,
    );
    staged.next += 1;
    await session.stream.add({
      bytes: bytes.length,
      startsBatch: false,
      plan(operations) {
        // Dropped or begun anew while it waited: nobody would ever remove it.
        if (session.snapshots.get(id) !== staged) return;
        operations.push(putChunk(staged.number, chunk, bytes));
      },
    });
    staged.durable = chunk + 1;
    if (session.snapshots.get(id) === staged) return;
    // Dropped or begun anew while it was on its way to the disk: the search for its chunks may have come before it.
    session.garbage.addSnapshot(staged.number);
    session.stream.wake();
  }

  async readChunk(id: string, chunk: number): Promise<Uint8Array | undefined> {
    const { snapshots } = this.#usable();
    const staged = snapshots.get(id);
    if (staged === undefined || chunk >= staged.durable) return undefined;
    const key = chunkKey(staged.number, chunk);
    const value = await this.#store.get(key);
    if (value !== undefined) return readChunkRecord({ key, value });
    verify(snapshots.get(id) !== staged, `chunk ${chunk} of snapshot "${id}" is missing`);
    return undefined;
  }

  async dropSnapshot(id: string): Promise<void> {
    const session = this.#usable();
    assertContract(
      id !== session.newestSnapshot && id !== session.state.snapshot.meta.id,
      `snapshot "${id}" is the current one`,
    );
    forget(session, id);
    session.stream.wake();
  }

  async recordPeer(peer: NodeId, storeId: string): Promise<void> {
    const { peers, stream } = this.#usable();
    let recorded = peers.get(peer);
    if (recorded === undefined) {
      recorded = stream.add({
        bytes: 0,
        startsBatch: false,
        plan: (operations) => void operations.push(putPeer(peer, storeId)),
      });
      peers.set(peer, recorded);
    }
    await recorded;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(identity: StorageIdentity): Promise<OpenedStorage> {
    await this.#store.open();
    return await this.#recover(identity);
  }

  async #close(): Promise<void> {
    await this.#opened;
    const failures: RaftError[] = [];
    const attempt = async (what: string, step: () => Promise<void>): Promise<void> => {
      try {
        await step();
      } catch (error) {
        failures.push(storageFailure(error, what));
      }
    };
    await attempt("the guard cannot be saved", () => this.#settle());
    await attempt("the guard cannot be closed", () => this.#guard.close());
    await attempt("the store cannot be closed", () => this.#store.close());
    const [first] = failures;
    if (first !== undefined) throw first;
  }

  /** Ends what is under way, and lets the guard know of all of it. */
  async #settle(): Promise<void> {
    const session = this.#session;
    const isWhole = await session?.stream.close();
    if (isWhole === true) await session?.keeper.settle(session.batchNumber);
    else await session?.keeper.rest();
  }

  #usable(): Session {
    const session = this.#session;
    if (this.#closing !== undefined) throw closed();
    assertContract(session !== undefined, "it is not open");
    if (session.stream.failure !== undefined) throw session.stream.failure;
    return session;
  }

  async #recover(identity: StorageIdentity): Promise<OpenedStorage> {
    const recovered = await recover(this.#store, identity);
    const guarded = await this.#guard.load();
    const found = recovered ?? newStore(identity);
    let saved = guarded;
    if (recovered !== undefined) {
      verifyAgainstGuard(guarded, recovered.batchNumber, recovered.state.hardState);
    } else {
      verify(
        guarded === undefined || (guarded.watermark === 0 && guarded.currentTerm === 0),
        "the store is empty, but its guard file knows that it held data (of another kind of storage?)",
      );
      // The guard comes first: a store without one is taken for damaged.
      saved = { watermark: 0, currentTerm: 0, votedFor: undefined };
      await this.#guard.save(saved);
    }

    const session = this.#begin(found, new GuardKeeper(this.#guard, saved ?? NO_GUARD));
    // What was found may be in the page cache only, written by a process that was killed. Before anybody acts on it,
    // a synced batch makes it durable, and the guard learns of it.
    await this.#commit(session, recovered === undefined ? [putMeta(found.meta)] : []);
    await session.keeper.settle(session.batchNumber);
    this.#session = session;
    session.stream.wake();
    return {
      state: storedState(found),
      storeId: found.meta.storeId,
      peers: found.peers,
    };
  }

  #begin(found: Recovered, keeper: GuardKeeper): Session {
    const { state } = found;
    const { number, chunks, meta } = state.snapshot;
    const garbage = new Garbage(this.#store);
    garbage.addRange(numberRange("chunk", 0, number));
    garbage.addRange(numberRange("chunk", number + 1, found.nextSnapshot));
    garbage.addLogBelow(state.compacted.index + 1);
    const session: Session = {
      state,
      stream: new BatchStream({
        commit: (operations) => this.#commit(session, operations),
        tidy: () => garbage.next(),
      }),
      garbage,
      keeper,
      snapshots: new Map(
        number === 0 ? [] : [[meta.id, { number, next: chunks, durable: chunks }]],
      ),
      peers: new Map([...found.peers.keys()].map((peer) => [peer, Promise.resolve()])),
      newestSnapshot: meta.id,
      nextSnapshot: found.nextSnapshot,
      nextSequence: 1,
      batchNumber: found.batchNumber,
    };
    return session;
  }

  /** Makes a batch durable, and everything before it. */
  async #commit(session: Session, operations: StoreOperation[]): Promise<void> {
    const { state, keeper, garbage } = session;
    const former = session.batchNumber;
    session.batchNumber += 1;
    operations.push(putMarker(markerOf(state, session.batchNumber)));
    if (former > 0) operations.push({ type: "del", key: keyOf("state", former) });
    await this.#store.batch(operations, { sync: true });
    const kept = keeper.keep(session.batchNumber, state.hardState);
    if (kept !== undefined) await kept;
    garbage.addLogBelow(state.compacted.index + 1);
  }
}

const NO_GUARD: GuardRecord = { watermark: 0, currentTerm: 0, votedFor: undefined };

function closed(): RaftError {
  return new RaftError("RAFT_STOPPED", "the storage is closed");
}

function newStore(identity: StorageIdentity): Recovered {
  const { clusterId, nodeId, newStoreId, bootstrap } = identity;
  return {
    meta: { clusterId, nodeId, storeId: newStoreId, bootstrap },
    batchNumber: 0,
    state: initialState(emptySnapshot(bootstrap)),
    lastTime: 0,
    peers: new Map(),
    nextSnapshot: 1,
  };
}

/** A copy: what is handed out does not change with the log. */
function storedState({ state, lastTime }: Recovered): StoredState {
  const { hardState, snapshot, compacted, lastIndex, runs, configurations } = state;
  return {
    hardState,
    snapshot: snapshot.meta,
    compacted,
    lastIndex,
    lastTime,
    runs: runs.map(({ term, firstIndex }) => ({
      term,
      firstIndex: Math.max(firstIndex, compacted.index + 1),
    })),
    configurations: [snapshot.meta.configuration, ...configurations],
  };
}

function beginStaging(session: Session, id: string): StagedSnapshot {
  assertContract(id !== session.newestSnapshot, `snapshot "${id}" is the current one`);
  forget(session, id);
  const staged = { number: session.nextSnapshot, next: 0, durable: 0 };
  session.nextSnapshot += 1;
  session.snapshots.set(id, staged);
  return staged;
}

function stagedSnapshot(session: Session, meta: SnapshotMeta): StoredSnapshot {
  const staged = session.snapshots.get(meta.id);
  assertContract(staged !== undefined, `snapshot "${meta.id}" was never staged`);
  session.newestSnapshot = meta.id;
  return { number: staged.number, chunks: staged.next, meta };
}

function forget({ snapshots, garbage }: Session, id: string): void {
  const staged = snapshots.get(id);
  if (staged === undefined) return;
  snapshots.delete(id);
  garbage.addSnapshot(staged.number);
}
