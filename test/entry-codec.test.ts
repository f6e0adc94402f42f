import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEntries, encodedSize, encodeEntries, verifyChecksums } from "../src/entry-codec.ts";
import type { Configuration, Entry } from "../src/core/types.ts";
import { isRaftError } from "../src/errors.ts";

const number = fc.oneof(fc.nat(), fc.maxSafeNat());
const member = fc.record({
  id: fc.string({ minLength: 1 }),
  address: fc.string(),
  storeId: fc.option(fc.string(), { nil: undefined }),
});
const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: fc.array(member, { maxLength: 3 }),
  votersOutgoing: fc.array(member, { maxLength: 3 }),
  learners: fc.array(member, { maxLength: 3 }),
});
const header = { index: number, term: number, time: number, encoded: fc.constant(undefined) };
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    ...header,
    kind: fc.constant("command" as const),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({ ...header, kind: fc.constant("blank" as const) }),
  fc.record({ ...header, kind: fc.constant("configuration" as const), configuration }),
);
const entries = fc.array(entry, { maxLength: 8 });

/** What an entry says, whoever has encoded it. */
function plain(list: readonly Entry[]): unknown[] {
  return list.map((each) =>
    each.kind === "command"
      ? { ...each, encoded: undefined, payload: [...each.payload] }
      : { ...each, encoded: undefined },
  );
}

test("what is encoded is decoded to the same", () => {
  fc.assert(
    fc.property(entries, (list) => {
      expect(plain(decodeEntries(encodeEntries(list)))).toEqual(plain(list));
    }),
  );
});

test("an entry is encoded once in its life: decoded ones give the same bytes again, without a copy", () => {
  fc.assert(
    fc.property(entries, (list) => {
      const bytes = encodeEntries(list);
      const again = encodeEntries(decodeEntries(bytes));
      expect(Buffer.compare(again, bytes)).toBe(0);
      expect(list.length === 0 || again.buffer === bytes.buffer).toBe(true);
    }),
  );
});

test("any part of a batch, and any mix of batches, encodes to the bytes of its entries", () => {
  fc.assert(
    fc.property(entries, entries, fc.nat(8), (first, second, cut) => {
      encodeEntries(first);
      const mixed = [...first.slice(cut), ...second];
      expect(plain(decodeEntries(encodeEntries(mixed)))).toEqual(plain(mixed));
    }),
  );
});

test("every truncation is refused", () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), (list) => {
      const bytes = encodeEntries(list);
      const ends = new Set([0]);
      let end = 0;
      for (const each of list) ends.add((end += encodedSize(each)));
      const lengths = Array.from({ length: bytes.length }, (_, length) => length);
      const accepted = lengths.filter((length) => !refused(bytes.subarray(0, length)));
      expect(accepted).toEqual([...ends].filter((length) => length < bytes.length));
    }),
    { numRuns: 30 },
  );
});

test("rule 71: every flipped bit is refused", () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 2 }), fc.nat(), (list, at) => {
      const bytes = Buffer.from(encodeEntries(list));
      const bit = at % (bytes.length * 8);
      bytes.writeUInt8((bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
      expect(refused(bytes)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

function refused(bytes: Uint8Array): boolean {
  try {
    verifyChecksums(decodeEntries(bytes));
    return false;
  } catch (error) {
    return isRaftError(error, "RAFT_BAD_FRAME");
  }
}
