/** What `quorate/storage` has for those who keep the log in an ordered store of their own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isRaftError } from "../../src/errors.ts";
import { FileGuard, LogStore, MemoryDisk } from "../../src/storage/index.ts";
import { hard, identity, write } from "./support.ts";

test("a log over a store of one's own, with the guard in a file, is found again, and a store that has forgotten is noticed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "quorate-storage-"));
  const disk = new MemoryDisk();
  const storageOn = (store: MemoryDisk): LogStore =>
    new LogStore(store.orderedStore(), new FileGuard(join(folder, "guard")));
  try {
    const first = storageOn(disk);
    await first.open(identity);
    await first.write(write(1, { hardState: hard(7, "b") }));
    await first.close();

    const second = storageOn(disk);
    const { state } = await second.open(identity);
    await second.close();
    expect(state.hardState).toMatchObject({ currentTerm: 7, votedFor: "b" });

    const forgetful = storageOn(new MemoryDisk());
    await expect(forgetful.open(identity)).rejects.toSatisfy((error) =>
      isRaftError(error, "RAFT_CORRUPT"),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
