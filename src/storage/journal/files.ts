/** A journal's folder on a real file system. */

import { constants, write as writeTo, writeSync, fdatasync } from "node:fs";
import { open, readdir, rename, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join, resolve as absolute } from "node:path";
import { messageOf, RaftError } from "../../errors.ts";
import { systemClock } from "../../node/clock.ts";
import { createFolder, syncFolder } from "../folders.ts";
import { LevelOrderedStore } from "../level.ts";
import type { JournalFile, JournalFolder } from "./folder.ts";
import { WritePace } from "./write-pace.ts";

/**
 * With it a write is synced as a part of itself, and not in a second trip to another thread. Only where it is known to do
 * what `fdatasync` does.
 */
const SYNCED = process.platform === "linux" ? constants.O_DSYNC : 0;

/** How much is written at a time when a file is made. */
const ZEROS = 1024 * 1024;

/** Inside of the folder. Node has no locks for files; LevelDB has, and its database stays empty. */
const LOCK = "lock";

export class FileFolder implements JournalFolder {
  readonly #path: string;
  readonly #lock: LevelOrderedStore;
  /** `undefined` where every write is another thread's. */
  readonly #pace: WritePace | undefined;

  /** See `JournalOptions.inlineWrites`. */
  constructor(
    path: string,
    { inlineWrites = true }: { readonly inlineWrites?: boolean | undefined } = {},
  ) {
    this.#path = absolute(path);
    this.#pace = inlineWrites && SYNCED !== 0 ? new WritePace() : undefined;
    this.#lock = new LevelOrderedStore(join(this.#path, LOCK));
  }

  async open(): Promise<void> {
    await this.#try("open", () => createFolder(this.#path));
    await this.#lock.open();
    // What was renamed or removed by a process that was killed may have reached the page cache only.
    await this.#try("open", () => syncFolder(this.#path));
  }

  async list(): Promise<readonly string[]> {
    return await this.#try("read", () => readdir(this.#path));
  }

  async create(name: string, size: number): Promise<void> {
    await this.#try("make a file in", async () => {
      const file = await open(join(this.#path, name), "w");
      try {
        const zeros = Buffer.alloc(Math.min(ZEROS, size));
        for (let at = 0; at < size; at += zeros.length) {
          await writeAll(file, zeros.subarray(0, size - at), at);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async openFile(name: string): Promise<JournalFile> {
    return await this.#try("open a file of", async () => {
      const path = join(this.#path, name);
      const file = await open(path, constants.O_RDWR | SYNCED);
      return new SyncedFile(path, file, (await file.stat()).size, this.#pace);
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#try("rename a file of", async () => {
      await rename(join(this.#path, from), join(this.#path, to));
      await syncFolder(this.#path);
    });
  }

  async remove(name: string): Promise<void> {
    await this.#try("remove a file of", async () => {
      await unlink(join(this.#path, name));
      await syncFolder(this.#path);
    });
  }

  async close(): Promise<void> {
    await this.#lock.close();
  }

  async #try<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
    try {
      return await action();
    } catch (error) {
      throw failure(`${what} the journal in ${this.#path}`, error);
    }
  }
}

class SyncedFile implements JournalFile {
  readonly size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #pace: WritePace | undefined;
  #isOpen = true;

  constructor(path: string, file: FileHandle, size: number, pace: WritePace | undefined) {
    this.#path = path;
    this.#file = file;
    this.size = size;
    this.#pace = pace;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      if (this.#pace?.holds(bytes.length, systemClock.now()) === true) {
        // What was handed out before is sent by what is due now; it must not wait for the disk.
        await Promise.resolve();
        writeHolding(this.#pace, this.#file, bytes, position);
        return;
      }
      await writeAll(this.#file, bytes, position);
      if (SYNCED === 0) await sync(this.#file);
    } catch (error) {
      throw failure(`write to ${this.#path}`, error);
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length);
    try {
      let at = 0;
      while (at < length) {
        const { bytesRead } = await this.#file.read(bytes, at, length - at, position + at);
        if (bytesRead === 0) throw new Error(`it ends at ${position + at}`);
        at += bytesRead;
      }
    } catch (error) {
      throw failure(`read ${this.#path}`, error);
    }
    return bytes;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

function writeHolding(
  pace: WritePace,
  { fd }: FileHandle,
  bytes: Uint8Array,
  position: number,
): void {
  const start = systemClock.now();
  for (let at = 0; at < bytes.length;) {
    const written = writeSync(fd, bytes, at, bytes.length - at, position + at);
    if (written === 0) throw new Error("nothing is written any more");
    at += written;
  }
  pace.onHeld(start, systemClock.now());
}

/** By the callback's way: a promise less for each write. */
function writeAll({ fd }: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const writeFrom = (at: number): void => {
      writeTo(fd, bytes, at, bytes.length - at, position + at, (error, written) => {
        if (error !== null) reject(error);
        else if (at + written === bytes.length) resolve();
        else if (written === 0) reject(new Error("nothing is written any more"));
        else writeFrom(at + written);
      });
    };
    writeFrom(0);
  });
}

function sync({ fd }: FileHandle): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
  });
}

function failure(what: string, error: unknown): RaftError {
  return new RaftError("RAFT_STORAGE_FAILED", `cannot ${what}: ${messageOf(error)}`, {
    cause: error,
  });
}
