/** Reads arguments: what is wrong with one is said in a sentence that names the option and the value received. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { messageOf } from "../errors.ts";
import { parseAddress } from "../transport/address.ts";
import type { Address } from "../transport/address.ts";
import type { TlsOptions } from "../transport/tcp.ts";
import { UsageError } from "./failures.ts";

export const TLS_OPTIONS = {
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  "tls-ca": { type: "string" },
} as const;

export interface TlsFiles {
  readonly "tls-cert"?: string | undefined;
  readonly "tls-key"?: string | undefined;
  readonly "tls-ca"?: string | undefined;
}

export interface PeerAddress {
  readonly id: string;
  readonly address: string;
}

/** `parseArgs`, with its complaints as usage errors. */
export function parse<const Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Its second sentence explains how to pass a value that begins with a dash; one is enough.
    throw new UsageError(messageOf(error).split(". ")[0] ?? messageOf(error));
  }
}

export function required(option: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError(`--${option} is missing`);
}

export function address(option: string, text: string): Address {
  try {
    return parseAddress(text);
  } catch {
    throw new UsageError(
      `--${option} takes host:port with a port from 0 to 65535, not ${JSON.stringify(text)}`,
    );
  }
}

/** A whole number within bounds; `undefined` where the option is not given. */
export function integer(
  option: string,
  text: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(
    `--${option} takes a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`,
  );
}

/** The members of `id=host:port,...`: at least one, no id and no address twice. */
export function peers(text: string): readonly PeerAddress[] {
  const list = text.split(",").map((item) => {
    const [, id, at] = /^([^=]+)=(.*)$/.exec(item) ?? [];
    if (id === undefined || at === undefined) {
      throw new UsageError(`--peers takes id=host:port,..., not ${JSON.stringify(item)}`);
    }
    address("peers", at);
    return { id, address: at };
  });
  const id = twice(list.map((peer) => peer.id));
  if (id !== undefined) throw new UsageError(`--peers names the id ${JSON.stringify(id)} twice`);
  const at = twice(list.map((peer) => peer.address));
  if (at !== undefined) throw new UsageError(`--peers names the address ${at} twice`);
  return list;
}

function twice(values: readonly string[]): string | undefined {
  return values.find((value, position) => values.indexOf(value) !== position);
}

/** The addresses of `host:port,...`: at least one, none twice. */
export function endpoints(text: string): readonly string[] {
  const list = text.split(",");
  for (const each of list) address("endpoints", each);
  const repeated = twice(list);
  if (repeated !== undefined) throw new UsageError(`--endpoints names ${repeated} twice`);
  return list;
}

/** All three files, or none of them. */
export function tlsFrom(files: TlsFiles): TlsOptions | undefined {
  const names = ["tls-cert", "tls-key", "tls-ca"] as const;
  const given = names.filter((name) => files[name] !== undefined);
  if (given.length === 0) return undefined;
  const missing = names.filter((name) => files[name] === undefined);
  if (missing.length > 0) {
    throw new UsageError(
      `TLS takes --tls-cert, --tls-key and --tls-ca together: ${dashed(given)} without ${dashed(missing)}`,
    );
  }
  const read = (name: (typeof names)[number]): Buffer => {
    const file = files[name] ?? "";
    try {
      return readFileSync(file);
    } catch (error) {
      throw new UsageError(`--${name} cannot be read: ${messageOf(error)}`);
    }
  };
  return { cert: read("tls-cert"), key: read("tls-key"), ca: read("tls-ca") };
}

function dashed(options: readonly string[]): string {
  return options.map((option) => `--${option}`).join(" and ");
}
