import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FileFolder } from "../../src/storage/journal/files.ts";
import { JournalStore } from "../../src/storage/journal/store.ts";
import { journalStorage } from "../../src/storage/journal.ts";
import { LevelOrderedStore, levelStorage } from "../../src/storage/level.ts";
import { MemoryDisk, memoryStorage } from "../../src/storage/memory.ts";
import { orderedStoreConformance } from "../../src/testing/ordered-store-conformance.ts";
import { storageConformance } from "../../src/testing/storage-conformance.ts";

async function onDisk<Handle>(create: (folder: string) => Handle) {
  const folder = await mkdtemp(join(tmpdir(), "quorate-storage-"));
  return {
    create: () => create(join(folder, "some", "data")),
    dispose: () => rm(folder, { recursive: true }),
  };
}

async function inMemory<Handle>(create: (disk: MemoryDisk) => Handle) {
  const disk = new MemoryDisk();
  return {
    create: () => create(disk),
    crash: async () => disk.crash(),
    dispose: async () => undefined,
  };
}

describe("in memory", () => {
  test.each([
    ...orderedStoreConformance(() => inMemory((disk) => disk.orderedStore()), { canCrash: true }),
    ...storageConformance(() => inMemory((disk) => memoryStorage(disk))),
  ])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("on level", () => {
  test.each([
    ...orderedStoreConformance(() => onDisk((path) => new LevelOrderedStore(path)), {
      canCrash: false,
    }),
    ...storageConformance(() => onDisk(levelStorage)),
  ])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe.each([true, false])("on a journal, inline writes: %j", (inlineWrites) => {
  test.each([
    ...orderedStoreConformance(
      () =>
        onDisk((path) => {
          const journal = new FileFolder(path, { inlineWrites });
          return new JournalStore(journal, { segmentBytes: 65_536, random: () => 0.5 });
        }),
      { canCrash: false },
    ),
    ...storageConformance(() => onDisk((path) => journalStorage(path, { inlineWrites }))),
  ])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
