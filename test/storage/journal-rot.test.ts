/** A log store on a journal of which any bit goes wrong, while it is open or not: it is refused, or all is as it was written. */

import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { RaftError } from "../../src/errors.ts";
import { JournalStore } from "../../src/storage/journal/store.ts";
import { LogStore } from "../../src/storage/log-store.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { FaultyDisk } from "../support/faulty-folder.ts";
import { seededRandom } from "../support/random.ts";
import { flipAny } from "./journal-world.ts";
import { commands, hard, identity, snapshotAt, write } from "./support.ts";

const LIVES = 200;
/** With them most files are given up, and what stays is moved. */
const WRITES = 90;
const SNAPSHOT_AT = 50;
const COMPACTED_TO = 40;
const SNAPSHOT = "as of entry 50";

class Life {
  readonly disk: FaultyDisk;
  readonly #random: () => number;
  readonly #besides = new MemoryDisk();
  storage: LogStore;
  #last = 0;
  /** Of the last write since it was opened. */
  #sequence = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.disk = new FaultyDisk(this.#random);
    this.storage = this.#newStorage();
  }

  async reopen(): Promise<void> {
    await this.storage.close();
    this.storage = this.#newStorage();
    this.#sequence = 0;
  }

  spoil(): void {
    flipAny(this.disk, this.#random);
  }

  /** Entries up to `last`, with a new term at every tenth, and a snapshot on the way. */
  async writeUpTo(last: number): Promise<void> {
    for (let n = this.#last + 1; n <= last; n += 1) {
      this.#last = n;
      this.#sequence += 1;
      const entries = commands(n, n, termOf(n), payloadOf(n));
      const hardState = n % 10 === 1 ? { hardState: hard(termOf(n), "a") } : {};
      if (n === SNAPSHOT_AT + 1) await this.storage.stageChunk("s", 0, Buffer.from(SNAPSHOT));
      const snapshot = {
        snapshot: snapshotAt(SNAPSHOT_AT, termOf(SNAPSHOT_AT), "s"),
        compactTo: { term: termOf(COMPACTED_TO), index: COMPACTED_TO },
      };
      const switched = n === SNAPSHOT_AT + 1 ? snapshot : {};
      await this.storage.write(write(this.#sequence, { entries, ...hardState, ...switched }));
    }
  }

  /** Everything is read and is as it was written. */
  async check(): Promise<void> {
    const from = this.#last > SNAPSHOT_AT ? COMPACTED_TO + 1 : 1;
    for (let next = from; next <= this.#last;) {
      const range = { from: next, to: this.#last, maxBytes: 4000 };
      const entries = await this.storage.readEntries(range);
      for (const entry of entries) {
        assert.equal(entry.index, next);
        assert.equal(entry.term, termOf(next));
        assert.ok(entry.kind === "command");
        assert.equal(Buffer.from(entry.payload).toString(), payloadOf(next));
        next += 1;
      }
    }
    if (this.#last <= SNAPSHOT_AT) return;
    const chunk = await this.storage.readChunk("s", 0);
    assert.equal(Buffer.from(chunk ?? "").toString(), SNAPSHOT);
  }

  async open(): Promise<void> {
    const { state, peers } = await this.storage.open(identity);
    if (this.#last === 0) return await this.storage.recordPeer("b", "store-b");
    assert.equal(state.lastIndex, this.#last);
    assert.deepEqual(state.hardState, hard(termOf(this.#last), "a"));
    assert.deepEqual([...peers], [["b", "store-b"]]);
    return undefined;
  }

  #newStorage(): LogStore {
    const settings = { segmentBytes: 8192, random: this.#random };
    return new LogStore(new JournalStore(this.disk.folder(), settings), this.#besides.guard());
  }
}

function termOf(index: number): number {
  return Math.ceil(index / 10);
}

function payloadOf(index: number): string {
  return `${index};`.repeat(40 + (index % 7) * 30);
}

async function verdictOn(seed: number, isOpen: boolean): Promise<"refused" | "whole"> {
  const life = new Life(seed);
  try {
    await life.open();
    await life.writeUpTo(1 + (seed % WRITES));
    if (!isOpen) await life.reopen();
    life.spoil();
    if (!isOpen) await life.open();
    await life.writeUpTo(WRITES);
    await life.check();
    await life.reopen();
    await life.open();
    await life.check();
    return "whole";
  } catch (error) {
    assert.ok(error instanceof RaftError, String(error));
    // A write that was refused has its cause with it.
    const { cause } = error;
    const codes = [error.code, cause instanceof RaftError ? cause.code : undefined];
    assert.ok(codes.includes("RAFT_CORRUPT"), String(error));
    return "refused";
  } finally {
    await life.storage.close().catch(() => undefined);
  }
}

test.each([
  ["while it is open", true],
  ["while it is not", false],
])("rule 71: any bit that goes wrong %s is noticed, or does no harm", async (_, isOpen) => {
  const verdicts = { refused: 0, whole: 0 };
  for (let seed = 0; seed < LIVES; seed += 1) {
    verdicts[await verdictOn(seed, isOpen)] += 1;
  }
  expect(verdicts.refused).toBeGreaterThan(15);
  expect(verdicts.whole).toBeGreaterThan(15);
});
