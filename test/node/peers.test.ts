/** Rule 43: who is let in, and when. */

import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Peers } from "../../src/node/peers.ts";
import { watch } from "./support/outcome.ts";

const MEMBERS = ["n1", "n2"].map((id) => ({ id, address: `${id}:1`, storeId: undefined }));
const PEER = { nodeId: "n2", storeId: "first" };

test("no connection of a new peer is let in before its disk is written down", async () => {
  const written: string[] = [];
  const recordings: (() => void)[] = [];
  const storage = {
    recordPeer: (nodeId: string, storeId: string): Promise<void> => {
      written.push(`${nodeId} ${storeId}`);
      return new Promise((resolve) => recordings.push(resolve));
    },
  };
  const peers = new Peers({ self: "n1", storage, onFailure: () => undefined }, new Map());
  const connections = [watch(peers.admit(PEER, MEMBERS)), watch(peers.admit(PEER, MEMBERS))];
  await setImmediate();
  const before = connections.map(({ state }) => state);
  for (const finish of recordings) finish();

  expect(await peers.admit(PEER, MEMBERS)).toBeUndefined();
  expect(before).toEqual(["pending", "pending"]);
  expect(written).toEqual(["n2 first"]);
});
