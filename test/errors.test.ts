/** What is said of an error. */

import { once } from "node:events";
import { connect } from "node:net";
import type { LookupFunction } from "node:net";
import { expect, test } from "vitest";
import { messageOf } from "../src/errors.ts";

/** As of a machine with an address of each kind. */
const lookup: LookupFunction = (_host, _options, callback) =>
  callback(null, [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ]);

test("where a host has several addresses, what came of each is said", async () => {
  // Nobody listens there.
  const [error] = await once(connect({ host: "two.example", port: 1, lookup }), "error");

  expect(messageOf(error)).toMatch(/127\.0\.0\.1:1, connect E\w+ ::1:1/);
  expect(messageOf(new AggregateError([new Error("one")], "all of them"))).toBe("all of them");
});
