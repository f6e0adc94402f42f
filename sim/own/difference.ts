/** Where two snapshots part, for whoever looks for what is wrong with them. */

import { bytesText } from "./operation.ts";

const SHOWN_BEFORE = 20;
const SHOWN_BYTES = 60;

/** Of two that are not equal. */
export function differenceText(found: Uint8Array, expected: Uint8Array): string {
  const differing = found.findIndex((byte, at) => byte !== expected[at]);
  const at = differing < 0 ? found.length : differing;
  return `from byte ${at} on ${excerpt(found, at)} instead of ${excerpt(expected, at)}`;
}

function excerpt(bytes: Uint8Array, at: number): string {
  const from = Math.max(0, at - SHOWN_BEFORE);
  const shown = bytes.subarray(from, from + SHOWN_BYTES);
  if (shown.length === 0) return "nothing";
  const isWholeEnd = from + shown.length === bytes.length;
  return `${from > 0 ? "..." : ""}${bytesText(shown, Infinity)}${isWholeEnd ? "" : "..."}`;
}
