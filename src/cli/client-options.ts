/** The options that `kv` and `status` share, and the clients that they make. */

import { KvClient } from "../kv/client.ts";
import { systemClock } from "../node/clock.ts";
import { TcpClientLink } from "../transport/tcp.ts";
import type { TlsOptions } from "../transport/tcp.ts";
import { endpoints, integer, tlsFrom } from "./arguments.ts";
import type { TlsFiles } from "./arguments.ts";
import { DEFAULT_ENDPOINTS } from "./help.ts";

export const CLIENT_OPTIONS = {
  endpoints: { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  "tls-ca": { type: "string" },
} as const;

interface ClientValues extends TlsFiles {
  readonly endpoints?: string | undefined;
  readonly timeout?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface ClientSettings {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly json: boolean;
  readonly tls: TlsOptions | undefined;
}

export function clientSettings(values: ClientValues): ClientSettings {
  return {
    endpoints: values.endpoints === undefined ? DEFAULT_ENDPOINTS : endpoints(values.endpoints),
    timeoutMs: integer("timeout", values.timeout, { min: 1, max: 86_400_000 }) ?? 5000,
    json: values.json === true,
    tls: tlsFrom(values),
  };
}

/** A client whose every call ends within the timeout. */
export function connect({ endpoints: at, timeoutMs, tls }: Omit<ClientSettings, "json">): KvClient {
  return KvClient.connect({
    endpoints: at,
    link: new TcpClientLink({ clock: systemClock, tls }),
    deadlineMs: timeoutMs,
    // An election takes about a second: ask often enough not to add much to it.
    retryMaxMs: 100,
  });
}
