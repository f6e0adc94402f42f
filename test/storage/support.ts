/** Writes, entries and identities for the tests of the storage. */

import type {
  CommandEntry,
  Configuration,
  ConfigurationEntry,
  HardState,
  SnapshotMeta,
  Write,
} from "../../src/core/types.ts";
import type { StorageIdentity } from "../../src/storage/storage.ts";

export const bootstrap: Configuration = {
  voters: [{ id: "a", address: "localhost:1", storeId: undefined }],
  votersOutgoing: [],
  learners: [],
};

export const identity: StorageIdentity = {
  clusterId: "cluster",
  nodeId: "a",
  bootstrap,
  newStoreId: "store-1",
};

export function command(index: number, term = 1, payload = `command ${index}`): CommandEntry {
  return {
    index,
    term,
    time: index * 10,
    kind: "command",
    payload: Buffer.from(payload),
    encoded: undefined,
  };
}

export function commands(from: number, to: number, term = 1, payload?: string): CommandEntry[] {
  return Array.from({ length: to - from + 1 }, (_, n) => command(from + n, term, payload));
}

export function configuration(index: number, term: number, voters: string[]): ConfigurationEntry {
  return {
    index,
    term,
    time: index * 10,
    kind: "configuration",
    configuration: {
      voters: voters.map((id) => ({ id, address: `${id}:1`, storeId: undefined })),
      votersOutgoing: [],
      learners: [],
    },
    encoded: undefined,
  };
}

export function hard(currentTerm: number, votedFor?: string, commitIndex = 0): HardState {
  return { currentTerm, votedFor, commitIndex };
}

export function snapshotAt(index: number, term: number, id = `snapshot-${index}`): SnapshotMeta {
  return {
    id,
    lastIncluded: { term, index },
    time: index * 10,
    configuration: { index: 0, configuration: bootstrap },
  };
}

export function write(sequence: number, fields: Partial<Omit<Write, "sequence">>): Write {
  return {
    sequence,
    hardState: undefined,
    truncateFrom: undefined,
    entries: [],
    snapshot: undefined,
    compactTo: undefined,
    ...fields,
  };
}
