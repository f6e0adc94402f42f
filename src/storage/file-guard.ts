/**
 * The guard as a file of two slots, written in turn: a save that is torn by a crash spoils one, the other still holds
 * the record before it.
 *
 * ```
 * 0       4        8                                  4096
 * | crc32 | length | [sequence, watermark, term, vote] | ... the second slot
 *         |<--------- checksummed ------------------->|
 * ```
 */

import { open, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { decode, encode } from "../codec.ts";
import { verify } from "./checks.ts";
import { syncFolder } from "./folders.ts";
import type { Guard, GuardRecord } from "./guard.ts";

/** A slot is a page and more than a sector: to write one never touches the other. */
const SLOT_BYTES = 4096;
const SLOTS = 2;
const HEADER_BYTES = 8;

interface Slot {
  readonly sequence: number;
  readonly record: GuardRecord;
}

/**
 * A guard in the file `path`, for a `LogStore` over an ordered store of your own. It belongs to that store: they are moved,
 * copied and removed together.
 *
 * ```ts
 * const storage = new LogStore(store, new FileGuard(join(folder, "guard")));
 * ```
 */
export class FileGuard implements Guard {
  readonly #path: string;
  #file: FileHandle | undefined;
  /** Of the last record saved. Its parity says which slot it is in. */
  #sequence = 0;

  /** The folder of `path` must exist when the guard is first saved. */
  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<GuardRecord | undefined> {
    this.#file = await openExisting(this.#path);
    if (this.#file === undefined) return undefined;
    const slots = [await readSlot(this.#file, 0), await readSlot(this.#file, 1)];
    const newest = slots.reduce((best, slot) =>
      (slot?.sequence ?? -1) > (best?.sequence ?? -1) ? slot : best,
    );
    verify(newest !== undefined, `both slots of the guard file ${this.#path} are damaged`);
    this.#sequence = newest.sequence;
    return newest.record;
  }

  async save(record: GuardRecord): Promise<void> {
    this.#sequence += 1;
    if (this.#file === undefined) {
      this.#file = await create(this.#path, { sequence: this.#sequence, record });
    } else {
      const position = (this.#sequence % SLOTS) * SLOT_BYTES;
      await writeSlot(this.#file, position, { sequence: this.#sequence, record });
      await this.#file.datasync();
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** Both slots at once, under another name until they are on disk: there is never a guard without a record (rule 52). */
async function create(path: string, slot: Slot): Promise<FileHandle> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w+");
  try {
    for (let index = 0; index < SLOTS; index += 1) await writeSlot(file, index * SLOT_BYTES, slot);
    await file.sync();
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeSlot(file: FileHandle, position: number, slot: Slot): Promise<void> {
  const { watermark, currentTerm, votedFor } = slot.record;
  const payload = encode([slot.sequence, watermark, currentTerm, votedFor ?? null]);
  if (HEADER_BYTES + payload.length > SLOT_BYTES) {
    throw new RangeError(`a vote of ${payload.length} bytes does not fit into the guard file`);
  }
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.set(payload, HEADER_BYTES);
  bytes.writeUInt32BE(payload.length, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, HEADER_BYTES + payload.length)), 0);
  let written = 0;
  while (written < SLOT_BYTES) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      SLOT_BYTES - written,
      position + written,
    );
    written += bytesWritten;
  }
}

/** The slot's content; `undefined` where it is damaged. */
async function readSlot(file: FileHandle, slot: number): Promise<Slot | undefined> {
  const bytes = Buffer.alloc(SLOT_BYTES);
  const { bytesRead } = await file.read(bytes, 0, SLOT_BYTES, slot * SLOT_BYTES);
  const end = HEADER_BYTES + bytes.readUInt32BE(4);
  if (bytesRead < SLOT_BYTES || end > SLOT_BYTES) return undefined;
  if (crc32(bytes.subarray(4, end)) !== bytes.readUInt32BE(0)) return undefined;
  return slotFrom(decode(bytes.subarray(HEADER_BYTES, end)));
}

function slotFrom(fields: unknown): Slot | undefined {
  if (!Array.isArray(fields)) return undefined;
  const [sequence, watermark, currentTerm, votedFor]: readonly unknown[] = fields;
  if (
    typeof sequence !== "number" ||
    typeof watermark !== "number" ||
    typeof currentTerm !== "number" ||
    (votedFor !== null && typeof votedFor !== "string")
  ) {
    return undefined;
  }
  return { sequence, record: { watermark, currentTerm, votedFor: votedFor ?? undefined } };
}
