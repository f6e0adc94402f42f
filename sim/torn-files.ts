/**
 * The files of a folder on a disk that does to them whatever a real one may do, and no more: writes are torn at the
 * sectors, and what a killed process has written is shown and may yet be lost. Seeded; it knows nothing of time.
 *
 * A file is what the disk holds and, over it, what only the page cache has. A write that is done has both alike; one that
 * was broken off leaves of each sector what was there, or what should be, or the latter in the cache alone.
 */

/** `"kill"`: the process is gone and the page cache stays. `"power"`: both are gone. */
export type Crash = "kill" | "power";

/** How a change takes effect, whole or broken off in the middle: one of them, once, unless a crash comes first. */
export interface Effect {
  readonly finish: () => void;
  /**
   * `"dropped"`: it is shown where that is possible, and what is not on the disk counts as if it were, so that nothing
   * brings it there.
   */
  readonly breakOff: (how?: "torn" | "dropped") => void;
}

/** The file itself: it outlives its name while somebody has it open. */
export interface Content {
  readonly disk: Buffer;
  readonly cache: Buffer;
  /** Sectors that are in the cache only. */
  readonly dirty: Set<number>;
  /** No write was broken off since the power last went: the disk holds what the cache shows. */
  isAlike: boolean;
  isBeingWritten: boolean;
}

export type Names = ReadonlyMap<string, Content>;

export class TornFiles {
  readonly #random: () => number;
  readonly #sectorBytes: number;
  /** Hears how whoever uses it breaks the promises of `JournalFolder`. */
  readonly #onMisuse: (message: string) => void;
  /** What the names may be after a power cut: the last ones are those that are shown. */
  #names: readonly [Names, ...Names[]] = [new Map()];
  readonly #underWay = new Set<Effect>();

  constructor(
    random: () => number,
    onMisuse: (message: string) => void,
    { sectorBytes = 512, names = new Map() }: { sectorBytes?: number; names?: Names } = {},
  ) {
    this.#random = random;
    this.#onMisuse = onMisuse;
    this.#sectorBytes = sectorBytes;
    this.#names = [names];
  }

  /** What a process finds. */
  get shown(): Names {
    return this.#names.at(-1) ?? this.#names[0];
  }

  /** What there is for certain, whenever the power goes. */
  get durable(): Names {
    return this.#names[0];
  }

  /** Throws where there is none of the name. */
  contentOf(name: string): Content {
    const content = this.shown.get(name);
    if (content === undefined) throw new Error(`ENOENT: there is no ${name}`);
    return content;
  }

  nameOf(content: Content): string {
    for (const [name, each] of this.shown) if (each === content) return name;
    return "";
  }

  /** The folder is synced: what its names are, they are durably. */
  syncNames(): void {
    this.#rename(this.shown);
  }

  /** In the middle of all that is under way. */
  crash(how: Crash): void {
    for (const effect of this.#underWay) effect.breakOff();
    this.#underWay.clear();
    const contents = new Set(this.#names.flatMap((names) => [...names.values()]));
    for (const content of contents) {
      content.isBeingWritten = false;
      this.#writeBack(content, how);
    }
    if (how === "power") this.#names = [this.#pick(this.#names)];
  }

  create(name: string, size: number): Effect {
    return this.#begin(
      () => this.#show(withFile(this.shown, name, emptyContent(size))),
      () => {
        const length = this.#pick([size, size, Math.floor(this.#random() * size)]);
        if (this.#random() < 0.7) this.#show(withFile(this.shown, name, emptyContent(length)));
      },
    );
  }

  rename(from: string, to: string): Effect {
    const content = this.contentOf(from);
    const renamed = (): Names => withFile(withoutFile(this.shown, from), to, content);
    return this.#begin(
      () => this.#rename(renamed()),
      () => this.#halfRename(renamed()),
    );
  }

  remove(name: string): Effect {
    return this.#begin(
      () => this.#rename(withoutFile(this.shown, name)),
      () => this.#halfRename(withoutFile(this.shown, name)),
    );
  }

  write(content: Content, bytes: Uint8Array, position: number): Effect {
    const { cache, disk, dirty } = content;
    this.#must(!content.isBeingWritten, "two writes to a file at once");
    this.#must(position + bytes.length <= cache.length, "a write beyond the end of a file");
    content.isBeingWritten = true;
    const asked = Buffer.from(bytes);
    const end = (): void => {
      content.isBeingWritten = false;
      this.#must(asked.equals(bytes), "bytes were changed while they were written");
    };
    const sectors = (): number[] => this.#sectorsOf(position, position + bytes.length);
    const take = (sector: number): void => {
      const from = Math.max(position, sector * this.#sectorBytes);
      const to = Math.min(position + asked.length, (sector + 1) * this.#sectorBytes);
      asked.copy(cache, from, from - position, to - position);
      dirty.add(sector);
    };
    return this.#begin(
      () => {
        end();
        if (content.isAlike) {
          asked.copy(cache, position);
          asked.copy(disk, position);
          return;
        }
        for (const sector of sectors()) {
          take(sector);
          this.#copySector(content, sector, { from: cache, to: disk });
        }
      },
      (how) => {
        end();
        content.isAlike = false;
        const all = sectors();
        const reached = how === "dropped" ? all : this.#subset(all);
        for (const sector of reached) take(sector);
        for (const sector of how === "dropped" ? [] : this.#subset(reached)) {
          this.#copySector(content, sector, { from: cache, to: disk });
        }
        if (how === "dropped") dirty.clear();
      },
    );
  }

  #begin(finish: () => void, breakOff: (how: "torn" | "dropped") => void): Effect {
    const effect: Effect = {
      finish: () => {
        this.#underWay.delete(effect);
        finish();
      },
      breakOff: (how = "torn") => {
        this.#underWay.delete(effect);
        breakOff(how);
      },
    };
    this.#underWay.add(effect);
    return effect;
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
    dirty.clear();
    disk.copy(cache);
    content.isAlike = true;
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
    if (!condition) this.#onMisuse(message);
  }
}

export function contentOf(bytes: Buffer): Content {
  return contentWith(Buffer.from(bytes), Buffer.from(bytes));
}

function contentWith(disk: Buffer, cache: Buffer): Content {
  return { disk, cache, dirty: new Set(), isAlike: true, isBeingWritten: false };
}

function emptyContent(size: number): Content {
  const both = Buffer.alloc(2 * size);
  return contentWith(both.subarray(0, size), both.subarray(size));
}

function withFile(names: Names, name: string, content: Content): Names {
  return new Map([...names, [name, content]]);
}

function withoutFile(names: Names, name: string): Names {
  return new Map([...names].filter(([each]) => each !== name));
}
