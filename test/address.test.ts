import { expect, test } from "vitest";
import { formatAddress, isLoopback, parseAddress } from "../src/address.ts";

test.each([
  ["localhost:7000", { host: "localhost", port: 7000 }],
  ["node-1.example.com:0", { host: "node-1.example.com", port: 0 }],
  ["10.0.0.1:65535", { host: "10.0.0.1", port: 65_535 }],
  ["[::1]:80", { host: "::1", port: 80 }],
])("%s is an address", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test.each([
  "",
  "localhost",
  ":80",
  "a:b:80",
  "::1:80",
  "[::1]",
  "[a]:80",
  "a:65536",
  "a:-1",
  "a:1.5",
  "a b:1",
  "a: 1",
])("%j is no address", (text) => {
  expect(() => parseAddress(text)).toThrow(
    expect.objectContaining({
      code: "RAFT_INVALID_OPTION",
      message: expect.stringContaining(JSON.stringify(text)),
    }),
  );
});

test("loopback is what no other machine can reach", () => {
  expect(["127.0.0.1", "127.1.2.3", "::1", "localhost"].every(isLoopback)).toBe(true);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.example.com", "example.com"].some(isLoopback)).toBe(
    false,
  );
});
