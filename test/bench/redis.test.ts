/** The load on Redis: its requests, and its answers however the network cuts them. */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Job } from "../../bench/load/job.ts";
import { Replies, requestOf } from "../../bench/redis/replies.ts";
import { RedisTarget } from "../../bench/redis/target.ts";

const JOB: Job = {
  operation: "put",
  concurrency: 3,
  connections: 1,
  valueBytes: 8,
  warmUpMs: 0,
  measureMs: 1,
};

test("a request has the length in bytes of each of its words", () => {
  expect(requestOf("SET", "key", "grün")).toBe("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\ngrün\r\n");
});

test("replies are told one by one, wherever they are cut", () => {
  const reply = fc.constantFrom(
    { text: "+OK\r\n", error: undefined },
    { text: "$5\r\na\r\nbc\r\n", error: undefined },
    { text: "$0\r\n\r\n", error: undefined },
    { text: "$-1\r\n", error: undefined },
    { text: "-MISCONF the disk is full\r\n", error: "MISCONF the disk is full" },
  );
  fc.assert(
    fc.property(fc.array(reply), fc.array(fc.nat()), (replies, cuts) => {
      const bytes = Buffer.from(replies.map(({ text }) => text).join(""));
      const told: (string | undefined)[] = [];
      const read = new Replies((error) => told.push(error));
      const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
      for (const [at, place] of [0, ...places].entries())
        read.push(bytes.subarray(place, places[at]));
      expect(told).toEqual(replies.map(({ error }) => error));
    }),
  );
});

test("each operation hears of its own answer", async () => {
  const server = createServer((socket) => {
    socket.on("data", (bytes) => {
      for (const key of bytes.toString().match(/key-./g) ?? [])
        socket.write(key === "key-b" ? "-ERR no room\r\n" : "+OK\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = new RedisTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  await target.prepare(JOB);
  const heard: unknown[] = [];
  await new Promise<void>((resolve) => {
    const hear = (what: unknown): void => {
      if (heard.push(what) === 3) resolve();
    };
    const outcome = {
      done: (token: number) => hear(token),
      failed: (token: number, error: unknown) => hear([token, String(error)]),
    };
    target.put(7, "key-a", "1", outcome);
    target.put(8, "key-b", "2", outcome);
    target.get(9, "key-c", outcome);
  });
  expect(heard).toEqual([7, [8, "Error: ERR no room"], 9]);
  await target.prepare({ ...JOB, connections: 0 });
  server.close();
});
