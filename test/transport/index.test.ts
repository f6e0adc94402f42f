import { expect, test } from "vitest";
import { isRaftError } from "../../src/errors.ts";
import { decodeMessage, encodeMessage } from "../../src/transport/index.ts";
import type { PeerMessage } from "../../src/transport/index.ts";
import { everyKind, plain } from "../../src/testing/transport-world.ts";

test("a transport of one's own can carry every message as bytes, and is told of what is none", () => {
  for (const message of everyKind("n1", "n2")) {
    const arrived: PeerMessage = decodeMessage(Buffer.concat(encodeMessage(message)));
    expect(plain(arrived)).toEqual(plain(message));
  }
  expect(() => decodeMessage(Buffer.from("something else"))).toThrow(
    expect.toSatisfy((error) => isRaftError(error, "RAFT_BAD_FRAME")) as Error,
  );
});
