import { expect, test } from "vitest";
import { differenceText } from "../../../sim/own/difference.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

test.each([
  [
    "text",
    bytes('{"a":1}'),
    bytes('{"a":2}'),
    'from byte 5 on "{\\"a\\":1}" instead of "{\\"a\\":2}"',
  ],
  ["a longer one", bytes("12"), bytes("1"), 'from byte 1 on "12" instead of "1"'],
  ["nothing", bytes(""), bytes("1"), 'from byte 0 on nothing instead of "1"'],
  ["bytes", Uint8Array.of(0, 1), Uint8Array.of(0, 2), "from byte 1 on 0x0001 instead of 0x0002"],
])("where two snapshots part is shown: %s", (_, found, expected, text) => {
  expect(differenceText(found, expected)).toBe(text);
});

test("of long ones what is around it", () => {
  const [before, after] = ["a".repeat(1000), "b".repeat(1000)];
  const text = differenceText(bytes(`${before}1${after}`), bytes(`${before}2${after}`));
  expect(text).toBe(
    `from byte 1000 on ..."${"a".repeat(20)}1${"b".repeat(39)}"... instead of ..."${"a".repeat(20)}2${"b".repeat(39)}"...`,
  );
});
