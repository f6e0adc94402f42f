/**
 * A journal's folder in memory, on a disk that does to it whatever a real one may do, and no more: writes are torn at the
 * sectors, what a killed process has written is shown and may yet be lost, calls fail or never come back. Seeded, and
 * nothing waits for a timer.
 *
 * A file is what the disk holds and, over it, what only the page cache has. A write that is done has both alike; one that
 * was broken off leaves of each sector what was there, or what should be, or the latter in the cache alone.
 */

import { RaftError } from "../../src/errors.ts";
import type { JournalFile, JournalFolder } from "../../src/storage/journal/folder.ts";

/** `"kill"`: the process is gone and the page cache stays. `"power"`: both are gone. */
export type Crash = "kill" | "power";

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

/** How a call takes effect, whole or broken off in the middle. */
interface Effect<Value> {
  readonly finish: () => Value;
  readonly breakOff: () => void;
}

/** The file itself: it outlives its name while somebody has it open. */
interface Content {
  readonly disk: Buffer;
  readonly cache: Buffer;
  /** Sectors that are in the cache only. */
  readonly dirty: Set<number>;
  isBeingWritten: boolean;
}

type Names = ReadonlyMap<string, Content>;

/** A call takes up to so many steps of the promise queue. */
const MOST_STEPS = 6;
const DONE: Fate = { type: "done" };

export class FaultyDisk {
  /** Asked about each call as it begins. */
  decide: (call: Call) => Fate = () => DONE;
  /** How the promises of `JournalFolder` were broken by whoever called it. */
  readonly violations: string[] = [];
  readonly #random: () => number;
  readonly #sectorBytes: number;
  /** What the names may be after a power cut: the last ones are those that are shown. */
  #names: readonly [Names, ...Names[]] = [new Map()];
  #calls = 0;
  /** Rises with each crash. */
  #life = 0;
  #owner: JournalFolder | undefined;
  readonly #underWay = new Set<Effect<unknown>>();
  #held: (() => void)[] = [];
  #openFiles = 0;

  constructor(random: () => number, sectorBytes = 512) {
    this.#random = random;
    this.#sectorBytes = sectorBytes;
  }

  /** A copy of what a restarted process finds, with a disk that does no harm. */
  copy(): FaultyDisk {
    const copy = new FaultyDisk(this.#random, this.#sectorBytes);
    const contents = [...this.#shown].map(([name, { cache }]) => [name, contentOf(cache)] as const);
    copy.#names = [new Map(contents)];
    return copy;
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
    return new Map([...this.#shown].map(([name, { cache }]) => [name, cache.length]));
  }

  get totalBytes(): number {
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The bytes of a file, for a test to look at or to spoil. */
  bytesOf(name: string): Buffer {
    return this.#contentOf(name).cache;
  }

  /** A bit of a file is wrong from now on, on the disk itself. */
  flip(name: string, bit: number): void {
    const { disk, cache } = this.#contentOf(name);
    const at = Math.floor(bit / 8);
    for (const bytes of [disk, cache]) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
  }

  /** Lets go on what was held back. */
  release(): void {
    for (const release of this.#held.splice(0)) release();
  }

  /** In the middle of all that is under way. Whoever has the folder open hears no more than that it is gone. */
  crash(how: Crash): void {
    for (const effect of this.#underWay) effect.breakOff();
    this.#underWay.clear();
    const contents = new Set(this.#names.flatMap((names) => [...names.values()]));
    for (const content of contents) {
      content.isBeingWritten = false;
      this.#writeBack(content, how);
    }
    if (how === "power") this.#names = [this.#pick(this.#names)];
    this.#life += 1;
    this.#owner = undefined;
    this.#openFiles = 0;
    this.release();
  }

  /** A handle; it is to be opened, and cut off by the next crash. */
  folder(): JournalFolder {
    const life = this.#life;
    const call = <Value>(type: Call["type"], name: string, effect: Effect<Value>): Promise<Value> =>
      this.#call(life, { nth: 0, type, name }, () => {
        this.#must(this.#owner === folder, `${type} of a folder that is not open`);
        return effect;
      });
    const folder: JournalFolder = {
      open: async () => {
        this.#assertAlive(life);
        if (this.#owner !== undefined) throw new RaftError("RAFT_LOCKED", "the folder is in use");
        this.#owner = folder;
        this.#rename(this.#shown);
      },
      list: () =>
        call(
          "list",
          "",
          harmless(() => [...this.#shown.keys()]),
        ),
      create: (name, size) =>
        call("create", name, {
          finish: () => this.#show(withFile(this.#shown, name, emptyContent(size))),
          breakOff: () => {
            const length = this.#pick([size, size, Math.floor(this.#random() * size)]);
            if (this.#random() < 0.7) {
              this.#show(withFile(this.#shown, name, emptyContent(length)));
            }
          },
        }),
      openFile: (name) =>
        call(
          "open-file",
          name,
          harmless(() => this.#open(life, name)),
        ),
      rename: (from, to) => {
        const content = this.#contentOf(from);
        const renamed = (): Names => withFile(withoutFile(this.#shown, from), to, content);
        return call("rename", from, {
          finish: () => this.#rename(renamed()),
          breakOff: () => this.#halfRename(renamed()),
        });
      },
      remove: (name) =>
        call("remove", name, {
          finish: () => this.#rename(withoutFile(this.#shown, name)),
          breakOff: () => this.#halfRename(withoutFile(this.#shown, name)),
        }),
      close: async () => {
        if (this.#owner === folder) this.#owner = undefined;
      },
    };
    return folder;
  }

  #open(life: number, name: string): JournalFile {
    const content = this.#contentOf(name);
    const { cache } = content;
    let isOpen = true;
    this.#openFiles += 1;
    const call = <Value>(type: "read" | "write", begin: () => Effect<Value>): Promise<Value> =>
      this.#call(life, { nth: 0, type, name: this.#nameOf(content) }, () => {
        if (!isOpen) throw new Error(`EBADF: ${type} of ${name}, which is closed`);
        return begin();
      });
    return {
      size: cache.length,
      write: (bytes, position) => call("write", () => this.#write(content, bytes, position)),
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

  #write(content: Content, bytes: Uint8Array, position: number): Effect<void> {
    const { cache, disk, dirty } = content;
    this.#must(!content.isBeingWritten, "two writes to a file at once");
    this.#must(position + bytes.length <= cache.length, "a write beyond the end of a file");
    content.isBeingWritten = true;
    const asked = Buffer.from(bytes);
    const end = (): void => {
      content.isBeingWritten = false;
      this.#must(asked.equals(bytes), "bytes were changed while they were written");
    };
    const sectors = this.#sectorsOf(position, position + bytes.length);
    const take = (sector: number): void => {
      const from = Math.max(position, sector * this.#sectorBytes);
      const to = Math.min(position + asked.length, (sector + 1) * this.#sectorBytes);
      asked.copy(cache, from, from - position, to - position);
      dirty.add(sector);
    };
    return {
      finish: () => {
        end();
        for (const sector of sectors) {
          take(sector);
          this.#copySector(content, sector, { from: cache, to: disk });
        }
      },
      breakOff: () => {
        end();
        const reached = this.#subset(sectors);
        for (const sector of reached) take(sector);
        for (const sector of this.#subset(reached)) {
          this.#copySector(content, sector, { from: cache, to: disk });
        }
      },
    };
  }

  async #call<Value>(
    life: number,
    { type, name }: Call,
    begin: () => Effect<Value>,
  ): Promise<Value> {
    this.#assertAlive(life);
    const effect = begin();
    this.#calls += 1;
    const fate = this.decide({ nth: this.#calls, type, name });
    this.#underWay.add(effect);
    if (fate.type === "held") await new Promise<void>((resolve) => this.#held.push(resolve));
    const steps = 1 + Math.floor(this.#random() * MOST_STEPS);
    for (let step = 0; step < steps; step += 1) await Promise.resolve();
    this.#assertAlive(life);
    if (fate.type === "crash") {
      this.crash(fate.how);
      throw crashed();
    }
    this.#underWay.delete(effect);
    if (fate.type !== "fails") return effect.finish();
    effect.breakOff();
    throw Object.assign(new Error(`${fate.code}: injected`), { code: fate.code });
  }

  get #shown(): Names {
    return this.#names.at(-1) ?? this.#names[0];
  }

  #contentOf(name: string): Content {
    const content = this.#shown.get(name);
    if (content === undefined) throw new Error(`ENOENT: there is no ${name}`);
    return content;
  }

  #nameOf(content: Content): string {
    for (const [name, each] of this.#shown) if (each === content) return name;
    return "";
  }

  /** The folder is synced: with this name all that changed before are durable. */
  #rename(names: Names): void {
    this.#names = [names];
  }

  /** The folder is not synced. */
  #show(names: Names): void {
    this.#names = [...this.#names, names];
  }

  /** It may be shown and not be durable. */
  #halfRename(names: Names): void {
    const outcome = this.#pick(["before", "shown", "durable"]);
    if (outcome === "shown") this.#show(names);
    else if (outcome === "durable") this.#rename(names);
  }

  /** What only the cache has reaches the disk, or not; with the power the rest of it is gone. */
  #writeBack(content: Content, how: Crash): void {
    const { disk, cache, dirty } = content;
    for (const sector of this.#subset([...dirty])) {
      this.#copySector(content, sector, { from: cache, to: disk });
    }
    if (how === "kill") return;
    for (const sector of dirty) this.#copySector(content, sector, { from: disk, to: cache });
  }

  #copySector(
    { dirty }: Content,
    sector: number,
    { from, to }: { readonly from: Buffer; readonly to: Buffer },
  ): void {
    const begin = sector * this.#sectorBytes;
    from.copy(to, begin, begin, begin + this.#sectorBytes);
    dirty.delete(sector);
  }

  #sectorsOf(from: number, to: number): number[] {
    const first = Math.floor(from / this.#sectorBytes);
    const count = Math.ceil(to / this.#sectorBytes) - first;
    return Array.from({ length: count }, (_, n) => first + n);
  }

  /** None, all, the first of them, all but one, or any. */
  #subset(sectors: readonly number[]): readonly number[] {
    const cut = Math.floor(this.#random() * sectors.length);
    const shape = this.#pick(["none", "all", "first", "all but one", "any"]);
    if (shape === "none") return [];
    if (shape === "all") return sectors;
    if (shape === "first") return sectors.slice(0, cut);
    if (shape === "all but one") return sectors.filter((_, n) => n !== cut);
    return sectors.filter(() => this.#random() < 0.5);
  }

  #pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[Math.floor(this.#random() * items.length)] ?? items[0];
  }

  #must(condition: boolean, message: string): void {
    if (!condition) this.violations.push(message);
  }

  #assertAlive(life: number): void {
    if (life !== this.#life) throw crashed();
  }
}

/** For a call that changes nothing. */
function harmless<Value>(finish: () => Value): Effect<Value> {
  return { finish, breakOff: () => undefined };
}

function emptyContent(size: number): Content {
  return contentOf(Buffer.alloc(size));
}

function contentOf(bytes: Buffer): Content {
  return {
    disk: Buffer.from(bytes),
    cache: Buffer.from(bytes),
    dirty: new Set(),
    isBeingWritten: false,
  };
}

function withFile(names: Names, name: string, content: Content): Names {
  return new Map([...names, [name, content]]);
}

function withoutFile(names: Names, name: string): Names {
  return new Map([...names].filter(([each]) => each !== name));
}

function crashed(): Error {
  return new Error("the folder is gone: its process has crashed");
}
