/**
 * The only place that configures msgpackr: plain MessagePack, readable by any implementation, for bytes that outlive
 * the process.
 */

import { Packr } from "msgpackr";
import { RaftError } from "./errors.ts";

/**
 * `useRecords: false`: no msgpackr-only structures. `copyBuffers: false`: decoded bytes are views of the input, so a
 * caller that keeps a small part of a large input copies it. `int64AsType` keeps integers numbers. `structuredClone:
 * false` refuses values that point to others: a few hundred bytes of those can say a tree of billions, which whoever
 * prints or walks it never comes to the end of.
 */
const packr = new Packr({
  useRecords: false,
  copyBuffers: false,
  int64AsType: "number",
  structuredClone: false,
});

export function encode(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** The value, of a type still to be checked; throws `RAFT_BAD_FRAME` where `bytes` are not one MessagePack value. */
export function decode(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes) as unknown;
  } catch (cause) {
    throw new RaftError("RAFT_BAD_FRAME", "the bytes are not a MessagePack value", { cause });
  }
}
