import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encode } from "../../src/codec.ts";
import { decodeCommand, encodeCommand, KvMachine, MAX_KEY_LENGTH } from "../../src/kv/index.ts";
import type { KvCommand } from "../../src/kv/index.ts";
import { command } from "./support/histories.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const from = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const PUT_K_V = "01 0001 6b 00 00000001 76";

test.each<[string, KvCommand, string]>([
  ["get", { type: "get", key: "k" }, "00 0001 6b"],
  ["put a text", { type: "put", key: "k", value: "v" }, PUT_K_V],
  ["put a number", { type: "put", key: "ü", value: -1.5 }, "01 0002 c3bc 01 bff8000000000000"],
  ["put bytes", { type: "put", key: "k", value: Uint8Array.of(7) }, "01 0001 6b 02 00000001 07"],
  ["delete", { type: "delete", key: "k" }, "02 0001 6b"],
  ["delete, and say what was there", { type: "delete", key: "k", previous: true }, "82 0001 6b"],
  [
    "delete if it is there",
    { type: "compare-and-set", key: "k", expected: { type: "index", index: 9 }, value: undefined },
    "03 0001 6b 02 4022000000000000 03",
  ],
  [
    "create",
    { type: "compare-and-set", key: "k", expected: { type: "absent" }, value: "" },
    "03 0001 6b 00 00 00000000",
  ],
  [
    "exchange",
    { type: "compare-and-set", key: "k", expected: { type: "value", value: 1 }, value: "v" },
    "03 0001 6b 01 01 3ff0000000000000 00 00000001 76",
  ],
  ["append", { type: "append", key: "k", value: "v" }, "04 0001 6b 00 00000001 76"],
  ["increment", { type: "increment", key: "k", by: -1 }, "05 0001 6b bff0000000000000"],
  [
    "a batch",
    { type: "batch", operations: [{ type: "put", key: "k", value: "v" }] },
    `06 0001 ${PUT_K_V}`,
  ],
])("the bytes of a command are the same for ever: %s", (_, what, bytes) => {
  expect(hex(encodeCommand(what))).toBe(bytes.replaceAll(" ", ""));
  expect(decodeCommand(from(bytes))).toEqual(what);
});

test("every command comes back from its bytes, also where they lie within others", () => {
  fc.assert(
    fc.property(command, fc.nat(20), (what, offset) => {
      const around = new Uint8Array([...new Uint8Array(offset), ...encodeCommand(what), 0xff]);
      const found = decodeCommand(around.subarray(offset, -1));
      // Which does not tell -0 from 0, as a command does not.
      expect(JSON.stringify(found)).toBe(JSON.stringify(what));
    }),
    { numRuns: 500 },
  );
});

test("no part of a command's bytes is one, nor with a byte behind them", () => {
  fc.assert(
    fc.property(command, (what) => {
      const bytes = encodeCommand(what);
      for (let end = 0; end < bytes.length; end += 1) {
        expect(decodeCommand(bytes.subarray(0, end))).toBeUndefined();
      }
      expect(decodeCommand(Buffer.concat([bytes, Uint8Array.of(0)]))).toBeUndefined();
    }),
  );
});

test.each<[string, string]>([
  ["no key", "01 0000 00 00000001 76"],
  ["a key that is too long", `00 0401 ${"61".repeat(MAX_KEY_LENGTH + 1)}`],
  ["no value", "01 0001 6b 03"],
  ["a value of no type", "01 0001 6b 04"],
  ["a number that is none", "01 0001 6b 01 7ff8000000000000"],
  ["a number that is not finite", "01 0001 6b 01 7ff0000000000000"],
  ["an append of a number", "04 0001 6b 01 3ff0000000000000"],
  ["an increment by a fraction", "05 0001 6b 3fe0000000000000"],
  ["an expectation of no type", "03 0001 6b 03 03"],
  ["a batch in a batch", "06 0001 06 0000"],
  ["a batch of too many", `06 0401 ${"00 0001 6b".repeat(1025)}`],
  ["an operation of no type", "07 0001 6b"],
  ["text that is not cut off where it says", "01 0001 6b 00 ffffffff 76"],
  ["MessagePack, as it once was", hex(encode([1, "k", "v"]))],
  ["nothing", ""],
])("bytes that hold %s are no command, which is a result like any other", (_, bytes) => {
  expect(decodeCommand(from(bytes))).toBeUndefined();
  const entry = { index: 1, term: 1, time: 1, payload: from(bytes) };
  expect(new KvMachine().apply([entry])).toEqual([
    { status: "invalid-command", previous: undefined },
  ]);
});

test.each<[string, unknown]>([
  ["of no type", { type: "put-it", key: "k" }],
  ["without a key", { type: "get" }],
  ["with an empty key", { type: "get", key: "" }],
  ["with half a character", { type: "put", key: "k", value: "\ud800" }],
  ["without a value", { type: "put", key: "k" }],
  ["with NaN", { type: "put", key: "k", value: NaN }],
  ["that expects nothing in particular", { type: "compare-and-set", key: "k", expected: {} }],
  ["of a batch in a batch", { type: "batch", operations: [{ type: "batch", operations: [] }] }],
])("a command %s is refused before it is sent", (_, what) => {
  expect(() => encodeCommand(what as KvCommand)).toThrow(
    expect.objectContaining({ code: "RAFT_INVALID_COMMAND", outcome: "rejected" }),
  );
});

test("the sign of zero is not kept: a snapshot would lose it", () => {
  const bytes = encodeCommand({ type: "put", key: "k", value: -0 });
  expect(decodeCommand(bytes)).toEqual({ type: "put", key: "k", value: 0 });
});
