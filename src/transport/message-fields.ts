/**
 * The fields of a peer message in bytes, one after the other: an integer in eight, a flag in one, a text and a
 * configuration behind their length in four. Whatever is read is checked as it is read.
 */

import { decode, encode } from "../codec.ts";
import type { Configuration, EntryId, SnapshotMeta, Term } from "../core/types.ts";
import { configurationFromArray, configurationToArray } from "../entry-codec.ts";
import { readInteger, readUint32, writeInteger, writeUint32 } from "../numbers.ts";
import { textIn } from "../text.ts";

/** An upper bound for every id and address in a message, in UTF-16 units. */
const MAX_TEXT_LENGTH = 1024;

/** UTF-8 takes at most so many bytes for each of those. */
const BYTES_PER_UNIT = 3;

/** Where messages are put together, one at a time; larger where one does not fit. */
let workspace = Buffer.allocUnsafeSlow(4096);

export class FieldWriter {
  #at = 0;

  /** What was written, in memory of its own. */
  get bytes(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#at);
    workspace.copy(bytes, 0, 0, this.#at);
    return bytes;
  }

  integer(value: number): void {
    const start = this.#take(8);
    writeInteger(workspace, start, value);
  }

  flag(value: boolean): void {
    const start = this.#take(1);
    workspace[start] = value ? 1 : 0;
  }

  text(text: string): void {
    const start = this.#take(4 + BYTES_PER_UNIT * text.length) + 4;
    const length = workspace.write(text, start);
    writeUint32(workspace, start - 4, length);
    this.#at = start + length;
  }

  /** The id of a server. */
  name(name: string): void {
    const known = knownNames.find((each) => each.name === name);
    if (known === undefined) return this.text(name);
    const { bytes } = known;
    const start = this.#take(4 + bytes.length);
    writeUint32(workspace, start, bytes.length);
    for (let at = 0; at < bytes.length; at += 1) workspace[start + 4 + at] = bytes[at] ?? 0;
  }

  entryId({ term, index }: EntryId): void {
    this.integer(term);
    this.integer(index);
  }

  snapshot({ id, lastIncluded, time, configuration }: SnapshotMeta): void {
    this.text(id);
    this.entryId(lastIncluded);
    this.integer(time);
    this.integer(configuration.index);
    this.#configuration(configuration.configuration);
  }

  #configuration(configuration: Configuration): void {
    const bytes = encode(configurationToArray(configuration));
    const start = this.#take(4 + bytes.length);
    writeUint32(workspace, start, bytes.length);
    workspace.set(bytes, start + 4);
  }

  /** Where as many bytes begin, which are written next. Comes first: the workspace may be another one afterwards. */
  #take(count: number): number {
    const start = this.#at;
    this.#at += count;
    if (this.#at > workspace.length) {
      const former = workspace;
      workspace = Buffer.allocUnsafeSlow(2 * this.#at);
      workspace.set(former);
    }
    return start;
  }
}

/** Takes a message apart from front to back; each method throws a `TypeError` where what it finds cannot be. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  integer(): number {
    const value = readInteger(this.#bytes, this.#take(8));
    check(Number.isSafeInteger(value), "not an integer of 0 to 2^53 - 1");
    return value;
  }

  flag(): boolean {
    const value = this.#bytes[this.#take(1)];
    check(value === 0 || value === 1, "not a boolean");
    return value === 1;
  }

  text(): string {
    const length = this.#length();
    check(
      length <= BYTES_PER_UNIT * MAX_TEXT_LENGTH,
      `a text of more than ${MAX_TEXT_LENGTH} characters`,
    );
    const start = this.#take(length);
    return boundedText(textIn(this.#bytes, start, start + length));
  }

  /** The id of a server: always the same string for the same server, which is quick to compare. */
  name(): string {
    const length = readUint32(this.#bytes, this.#peek(4));
    const known = knownName(this.#bytes, this.#at + 4, length);
    if (known !== undefined) {
      this.#at += 4 + length;
      return known;
    }
    const name = this.text();
    check(name !== "", "an empty name");
    remember(name);
    return name;
  }

  /** Of a log that belongs to somebody in `maxTerm`. */
  entryId(maxTerm: Term): EntryId {
    const term = this.integer();
    const index = this.integer();
    check((term === 0) === (index === 0), "only the position before the first entry is of term 0");
    check(term <= maxTerm, "a log of a higher term than its owner");
    return { term, index };
  }

  snapshot(maxTerm: Term): SnapshotMeta {
    const id = this.text();
    const lastIncluded = this.entryId(maxTerm);
    const time = this.integer();
    const index = this.integer();
    const configuration = this.#configuration();
    check((id === "") === (lastIncluded.index === 0), "only the empty snapshot is without an id");
    check(index <= lastIncluded.index, "a configuration from behind its snapshot");
    return { id, lastIncluded, time, configuration: { index, configuration } };
  }

  /** All that is left. */
  tail(): Uint8Array {
    const start = this.#at;
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(start);
  }

  end(): void {
    check(this.#at === this.#bytes.length, "bytes are left over");
  }

  #configuration(): Configuration {
    const length = this.#length();
    const start = this.#take(length);
    const configuration = configurationFromArray(
      decode(this.#bytes.subarray(start, start + length)),
    );
    const { voters, votersOutgoing, learners } = configuration;
    for (const { id, address, storeId = "" } of [...voters, ...votersOutgoing, ...learners]) {
      for (const text of [id, address, storeId]) boundedText(text);
    }
    return configuration;
  }

  #length(): number {
    return readUint32(this.#bytes, this.#take(4));
  }

  /** Where as many bytes begin, which are read now. */
  #take(count: number): number {
    const start = this.#peek(count);
    this.#at = start + count;
    return start;
  }

  #peek(count: number): number {
    check(count <= this.#bytes.length - this.#at, "it is cut off");
    return this.#at;
  }
}

/** Of those who were heard. As many as clusters have members, and some to spare; the oldest gives way. */
const MAX_KNOWN_NAMES = 16;
const MAX_KNOWN_NAME_BYTES = 64;
const knownNames: { readonly name: string; readonly bytes: Uint8Array }[] = [];

function knownName(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length > bytes.length - start) return undefined;
  for (const known of knownNames) {
    if (known.bytes.length === length && isAt(bytes, start, known.bytes)) return known.name;
  }
  return undefined;
}

function isAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let at = 0; at < wanted.length; at += 1) {
    if (bytes[start + at] !== wanted[at]) return false;
  }
  return true;
}

function remember(name: string): void {
  const bytes = Buffer.from(name);
  if (bytes.length > MAX_KNOWN_NAME_BYTES) return;
  knownNames.push({ name, bytes });
  if (knownNames.length > MAX_KNOWN_NAMES) knownNames.shift();
}

function boundedText(text: string): string {
  check(text.length <= MAX_TEXT_LENGTH, `a text of more than ${MAX_TEXT_LENGTH} characters`);
  return text;
}

export function check(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new TypeError(problem);
}
