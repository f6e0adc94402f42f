/** Addresses as members and options write them: `host:port`, with an IPv6 host in brackets. */

import { isIPv6 } from "node:net";
import { RaftError } from "./errors.ts";

export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose when listening. */
  readonly port: number;
}

/** `undefined` where `text` is not `host:port` or `[ipv6]:port`. */
export function addressFrom(text: string): Address | undefined {
  const match = /^(?:\[([^[\]]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const [, bracketed, name, digits] = match ?? [];
  const host = bracketed ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535) return undefined;
  if (bracketed !== undefined && !isIPv6(bracketed)) return undefined;
  return { host, port };
}

/** The same, but throws `RAFT_INVALID_OPTION`. */
export function parseAddress(text: string): Address {
  const address = addressFrom(text);
  if (address !== undefined) return address;
  throw new RaftError(
    "RAFT_INVALID_OPTION",
    `an address is "host:port" or "[ipv6]:port" with a port up to 65535, not ${JSON.stringify(text)}`,
  );
}

/** The reverse of `parseAddress`. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can connect to `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
