/** Values of the largest size, as many at once as no queue on the way holds: over TCP, since its bounds are what counts. */

import { expect, onTestFinished, test } from "vitest";
import { RaftNode } from "../../src/index.ts";
import { KvClient, kvStore, MAX_VALUE_LENGTH } from "../../src/kv/index.ts";
import { TcpClientLink, TcpTransport } from "../../src/transport/tcp.ts";
import { MemoryDisk, memoryStorage } from "../../src/storage/memory.ts";

test(
  "64 values of 1 MiB are written, replaced and read at once",
  { timeout: 120_000 },
  async () => {
    const transport = new TcpTransport({ listen: "127.0.0.1:0" });
    const node = await RaftNode.start({
      id: "n1",
      members: [{ id: "n1", address: "127.0.0.1:1" }],
      storage: memoryStorage(new MemoryDisk()),
      transport,
      ...kvStore(),
    });
    onTestFinished(() => node.stop());
    await node.waitForLeader();
    const client = KvClient.connect({
      endpoints: [transport.address ?? ""],
      link: new TcpClientLink(),
      deadlineMs: 30_000,
    });
    onTestFinished(() => client.close());

    const keys = Array.from({ length: 64 }, (_, n) => `key ${n}`);
    const all = <Result>(call: (key: string, n: number) => Promise<Result>): Promise<Result[]> =>
      Promise.all(keys.map((key, n) => call(key, n)));
    await all((key, n) => client.put(key, new Uint8Array(MAX_VALUE_LENGTH).fill(n)));
    const replaced = await all((key) =>
      client.put(key, new Uint8Array(MAX_VALUE_LENGTH), { previous: true }),
    );
    const former = replaced.map(({ previous }) => Buffer.from(previous?.value as Uint8Array));
    expect(former.map((bytes) => bytes[0])).toEqual([...keys.keys()]);
    expect(former.every((bytes) => bytes.length === MAX_VALUE_LENGTH)).toBe(true);
    const read = await all((key) => client.get(key));
    expect(read.map(({ modifiedIndex }) => modifiedIndex)).toEqual(
      replaced.map(({ index }) => index),
    );
  },
);
