/**
 * A journal's folder in memory, on a disk that fails it wherever one may (see `sim/torn-files.ts`): calls fail or never come
 * back, and a crash comes in the middle of any of them. Seeded, and nothing waits for a timer.
 */

import { RaftError } from "../../src/errors.ts";
import type { JournalFile, JournalFolder } from "../../src/storage/journal/folder.ts";
import { contentOf, TornFiles } from "../../sim/torn-files.ts";
import type { Content, Crash, Effect } from "../../sim/torn-files.ts";

export type { Crash } from "../../sim/torn-files.ts";

/** What is asked of the folder or of one of its files. */
export interface Call {
  /** From 1, over all lives. */
  readonly nth: number;
  readonly type: "list" | "create" | "open-file" | "rename" | "remove" | "write" | "read";
  /** As the file is called when it is asked for. */
  readonly name: string;
}

/** How a call ends. A crash comes in the middle of it, as in the middle of all the others that are under way. */
export type Fate =
  | { readonly type: "done" }
  | { readonly type: "held" }
  | { readonly type: "fails"; readonly code: "EIO" | "ENOSPC" }
  | { readonly type: "crash"; readonly how: Crash };

/** A call takes up to so many steps of the promise queue. */
const MOST_STEPS = 6;
const DONE: Fate = { type: "done" };

/** What a call does in the end: with an effect that may be broken off, or none. */
interface Begun<Value> {
  readonly effect: Effect | undefined;
  readonly result: () => Value;
}

export class FaultyDisk {
  /** Asked about each call as it begins. */
  decide: (call: Call) => Fate = () => DONE;
  /** How the promises of `JournalFolder` were broken by whoever called it. */
  readonly violations: string[] = [];
  readonly #random: () => number;
  readonly #sectorBytes: number;
  readonly #files: TornFiles;
  #calls = 0;
  /** Rises with each crash. */
  #life = 0;
  #owner: JournalFolder | undefined;
  #held: (() => void)[] = [];
  #openFiles = 0;

  constructor(random: () => number, sectorBytes = 512, names?: ReadonlyMap<string, Content>) {
    this.#random = random;
    this.#sectorBytes = sectorBytes;
    const options = { sectorBytes, ...(names === undefined ? {} : { names }) };
    this.#files = new TornFiles(random, (message) => this.violations.push(message), options);
  }

  /** A copy of what a restarted process finds, with a disk that does no harm. */
  copy(): FaultyDisk {
    const contents = [...this.#files.shown].map(
      ([name, { cache }]) => [name, contentOf(cache)] as const,
    );
    return new FaultyDisk(this.#random, this.#sectorBytes, new Map(contents));
  }

  get calls(): number {
    return this.#calls;
  }

  get isOpen(): boolean {
    return this.#owner !== undefined;
  }

  /** Handles that are not closed. */
  get openFiles(): number {
    return this.#openFiles;
  }

  /** How long each file is. */
  get files(): ReadonlyMap<string, number> {
    return new Map([...this.#files.shown].map(([name, { cache }]) => [name, cache.length]));
  }

  get totalBytes(): number {
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The bytes of a file, for a test to look at or to spoil. */
  bytesOf(name: string): Buffer {
    return this.#files.contentOf(name).cache;
  }

  /** A bit of a file is wrong from now on, on the disk itself. */
  flip(name: string, bit: number): void {
    const { disk, cache } = this.#files.contentOf(name);
    const at = Math.floor(bit / 8);
    for (const bytes of [disk, cache]) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  }

  /** Lets go on what was held back. */
  release(): void {
    for (const release of this.#held.splice(0)) release();
  }

  /** In the middle of all that is under way. Whoever has the folder open hears no more than that it is gone. */
  crash(how: Crash): void {
    this.#files.crash(how);
    this.#life += 1;
    this.#owner = undefined;
    this.#openFiles = 0;
    this.release();
  }

  /** A handle; it is to be opened, and cut off by the next crash. */
  folder(): JournalFolder {
    const life = this.#life;
    const files = this.#files;
    const call = <Value>(
      type: Call["type"],
      name: string,
      begin: () => Begun<Value>,
    ): Promise<Value> =>
      this.#call(life, { nth: 0, type, name }, () => {
        if (this.#owner !== folder) this.violations.push(`${type} of a folder that is not open`);
        return begin();
      });
    const folder: JournalFolder = {
      open: async () => {
        this.#assertAlive(life);
        if (this.#owner !== undefined) throw new RaftError("RAFT_LOCKED", "the folder is in use");
        this.#owner = folder;
        files.syncNames();
      },
      list: () => call("list", "", () => harmless(() => [...files.shown.keys()])),
      create: (name, size) => call("create", name, () => changing(files.create(name, size))),
      openFile: (name) => call("open-file", name, () => harmless(() => this.#open(life, name))),
      rename: (from, to) => call("rename", from, () => changing(files.rename(from, to))),
      remove: (name) => call("remove", name, () => changing(files.remove(name))),
      close: async () => {
        if (this.#owner === folder) this.#owner = undefined;
      },
    };
    return folder;
  }

  #open(life: number, name: string): JournalFile {
    const files = this.#files;
    const content = files.contentOf(name);
    const { cache } = content;
    let isOpen = true;
    this.#openFiles += 1;
    const call = <Value>(type: "read" | "write", begin: () => Begun<Value>): Promise<Value> =>
      this.#call(life, { nth: 0, type, name: files.nameOf(content) }, () => {
        if (!isOpen) throw new Error(`EBADF: ${type} of ${name}, which is closed`);
        return begin();
      });
    return {
      size: cache.length,
      write: (bytes, position) =>
        call("write", () => changing(files.write(content, bytes, position))),
      read: (position, length) =>
        call("read", () =>
          harmless(() => {
            if (position + length > cache.length) throw new Error(`${name} ends before`);
            return Uint8Array.from(cache.subarray(position, position + length));
          }),
        ),
      close: async () => {
        if (isOpen && life === this.#life) this.#openFiles -= 1;
        isOpen = false;
      },
    };
  }

  async #call<Value>(
    life: number,
    { type, name }: Call,
    begin: () => Begun<Value>,
  ): Promise<Value> {
    this.#assertAlive(life);
    const { effect, result } = begin();
    this.#calls += 1;
    const fate = this.decide({ nth: this.#calls, type, name });
    if (fate.type === "held") await new Promise<void>((resolve) => this.#held.push(resolve));
    const steps = 1 + Math.floor(this.#random() * MOST_STEPS);
    for (let step = 0; step < steps; step += 1) await Promise.resolve();
    this.#assertAlive(life);
    if (fate.type === "crash") {
      this.crash(fate.how);
      throw crashed();
    }
    if (fate.type !== "fails") {
      effect?.finish();
      return result();
    }
    effect?.breakOff();
    throw Object.assign(new Error(`${fate.code}: injected`), { code: fate.code });
  }

  #assertAlive(life: number): void {
    if (life !== this.#life) throw crashed();
  }
}

/** For a call that changes nothing. */
function harmless<Value>(result: () => Value): Begun<Value> {
  return { effect: undefined, result };
}

function changing(effect: Effect): Begun<void> {
  return { effect, result: () => undefined };
}

function crashed(): Error {
  return new Error("the folder is gone: its process has crashed");
}
