/** The storages that members can be told to run on. */

import { journalStorage } from "../../src/storage/journal.ts";
import { levelStorage } from "../../src/storage/level.ts";
import type { Storage } from "../../src/storage/storage.ts";

export type StorageName = "journal" | "level";

export const STORAGES: Readonly<Record<StorageName, (folder: string) => Storage>> = {
  journal: journalStorage,
  level: levelStorage,
};
