/** Reads arguments: what is wrong with one is said in a sentence that names the option and the value received. */

import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { SecureContextOptions } from "node:tls";
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { addressFrom } from "../address.ts";
import type { Address } from "../address.ts";
import { messageOf } from "../errors.ts";
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
    const text = messageOf(error).replaceAll("\n", " ");
    // Its second sentence explains how to pass an operand that begins with a dash: of no use for a mistyped --option.
    const isMistyped = text.startsWith("Unknown option '--");
    throw new UsageError(isMistyped ? (text.split(". ")[0] ?? text) : text);
  }
}

export function required(option: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError(`--${option} is missing`);
}

/** Port 0, where it is allowed, lets the system choose. */
export function address(option: string, text: string, lowestPort: 0 | 1 = 1): Address {
  const found = addressFrom(text);
  if (found !== undefined && found.port >= lowestPort) return found;
  throw new UsageError(
    `--${option} takes host:port with a port from ${lowestPort} to 65535, not ${JSON.stringify(text)}`,
  );
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

/** One of the words; `undefined` where the option is not given. */
export function oneOf<Word extends string>(
  option: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (text === undefined) return undefined;
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  throw new UsageError(`--${option} takes ${words.join(" or ")}, not ${JSON.stringify(text)}`);
}

/** The members of `id=host:port,...`: at least one, no id and no address twice. */
export function peers(text: string): readonly PeerAddress[] {
  const list = itemsOf(text).map((item) => {
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

/** Spaces around the commas are nobody's intention. */
function itemsOf(text: string): readonly string[] {
  return text.split(",").map((item) => item.trim());
}

function twice(values: readonly string[]): string | undefined {
  return values.find((value, position) => values.indexOf(value) !== position);
}

/** The addresses of `host:port,...`: at least one, none twice. */
export function endpoints(text: string): readonly string[] {
  const list = itemsOf(text);
  for (const each of list) address("endpoints", each);
  const repeated = twice(list);
  if (repeated !== undefined) throw new UsageError(`--endpoints names ${repeated} twice`);
  return list;
}

/** All three files, or none of them. What they hold is tried here: `node:tls` would not name the option. */
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
  const cert = contentsOf("tls-cert", files);
  const key = contentsOf("tls-key", files);
  const ca = contentsOf("tls-ca", files);
  usable("--tls-cert", { cert });
  usable("--tls-key", { key });
  // It takes any bytes for authorities, and then trusts nobody; for a certificate it looks at them.
  usable("--tls-ca", { cert: ca });
  usable("--tls-cert and --tls-key", { cert, key });
  return { cert, key, ca };
}

function contentsOf(name: keyof TlsFiles, files: TlsFiles): Buffer {
  try {
    return readFileSync(files[name] ?? "");
  } catch (error) {
    throw new UsageError(`--${name} cannot be read: ${messageOf(error)}`);
  }
}

function usable(options: string, pem: SecureContextOptions): void {
  try {
    createSecureContext(pem);
  } catch (error) {
    throw new UsageError(`${options} cannot be used: ${messageOf(error)}`);
  }
}

function dashed(options: readonly string[]): string {
  return options.map((option) => `--${option}`).join(" and ");
}
