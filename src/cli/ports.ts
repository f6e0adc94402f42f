/** Free ports for a cluster that nobody has to find. */

import { createServer } from "node:net";
import { RaftError } from "../errors.ts";

/**
 * Below the range that operating systems take the local ports of outgoing connections from: while a member is down,
 * somebody's connection could otherwise be given its port.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 100;

/**
 * The first of `count` consecutive ports of the loopback address that are free at the moment. Somebody may take them
 * before they are used; then try again.
 */
export async function freeBasePort(count: number, random: () => number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const base = LOWEST + Math.floor(random() * (HIGHEST - LOWEST - count));
    const ports = Array.from({ length: count }, (_, offset) => base + offset);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return base;
  }
  throw new RaftError("RAFT_ADDRESS_IN_USE", `no ${count} free ports in ${ATTEMPTS} attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
